"""The only wiring: one function, `handle(env, stdin) -> (exit code, stdout)`, for plugin, agent and tests."""
