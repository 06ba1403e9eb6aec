"""What each CNI verb does, told in the protocols' words. Effects only through a `Node`'s parts; no wiring."""
