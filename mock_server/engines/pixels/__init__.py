"""The engine that looks at the picture: classical segmentation, no model, the same masks on every machine.

A picture is made small (:mod:`.frame`), cut into pieces that hug its edges (:mod:`.pieces`), and the pieces are merged,
the most alike first, until one is left (:mod:`.tree`). Each merger is a region that may be a thing; how much it looks
like one is its salience (:mod:`.regions`). Clicks, boxes and words choose among these regions and never make others.
"""
