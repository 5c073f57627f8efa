"""COCO RLE: run lengths, counts, batches, and what is wrong with them."""
