"""Files of masks as a library: opened, judged in batches, converted, written."""
