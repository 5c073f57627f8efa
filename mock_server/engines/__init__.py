"""What a mask is a mask of: synthetic objects, annotations, specimens."""
