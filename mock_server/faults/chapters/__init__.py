"""The faults, one file for each kind of breach: in what is asked, the picture, the masks, or the answer around them."""
