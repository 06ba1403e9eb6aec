"""Several networks of one pod (multi-net-spec 1.3): what is defined, what a pod selects, what follows. Pure.

Nothing here calls a plugin or asks an API server: objects come in as JSON has them, and calls go out as values.
"""
