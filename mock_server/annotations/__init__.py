"""Images whose true masks are known: COCO files, drawn scenes, and how to recognise them."""
