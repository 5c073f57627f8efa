"""The images that are sent: drawn scenes, other views of them, and every kind of file they can be written to."""
