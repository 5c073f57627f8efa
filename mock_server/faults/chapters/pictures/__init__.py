"""Images that are misread, refused, or taken for others."""
