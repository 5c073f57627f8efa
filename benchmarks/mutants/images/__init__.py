"""What a server makes of the picture that it is sent."""
