"""`podberth doctor`: is this node fit? One file per part of the node; each looks, none changes anything."""
