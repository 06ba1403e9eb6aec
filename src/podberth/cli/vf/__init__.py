"""`podberth vf`: the virtual functions of this node."""
