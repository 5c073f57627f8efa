"""Polygons as OpenCV's contours: rings, drawing, tracing, and what is wrong with them."""
