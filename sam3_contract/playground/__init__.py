"""The page in which people click: a photograph, what is asked of it, and the masks that come.

It is served beside the mock, or before a server that it passes requests on to. The page never holds a key: what it asks
for goes by way of this room, which adds it.
"""
