"""How each op is done, undone and checked: a module a family of ops, functions of (namespaces, op, before)."""
