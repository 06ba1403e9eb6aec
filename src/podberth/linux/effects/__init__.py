"""How each op is done, undone, checked and repaired: a module for each family of `net.ops`; all stand on a `Ground`."""
