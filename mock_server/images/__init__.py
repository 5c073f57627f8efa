"""The image of a request: from base64 or a URL to its size, orientation and digest."""
