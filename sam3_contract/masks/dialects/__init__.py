"""RLE dialects that people take for COCO's: told apart by what they hold, and read as what they are said to be."""
