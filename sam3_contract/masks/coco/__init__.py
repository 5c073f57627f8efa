"""COCO's polygons: flat rings of floats along the edges of pixels, which the service's rings of pixels are not."""
