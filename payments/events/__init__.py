"""Money events: what an outsider may have to know, each at a position, in the order in which Till took note of it."""
