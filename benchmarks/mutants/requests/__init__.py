"""What a server reads of a request, beside the image."""
