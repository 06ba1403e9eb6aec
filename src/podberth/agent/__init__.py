"""The resident process of a node: it serves the shim's calls, finishes what was begun, and puts drift right.

Threads, not asyncio: a network namespace belongs to a thread. What an ADD is, `entry.handle` knows; nothing here does.
"""
