"""What is wrong with a mask and what it was meant to be; how two masks differ."""
