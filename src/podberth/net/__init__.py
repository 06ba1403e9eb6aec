"""What a node's network can be told: ops, steps, facts, and the protocols of who does it. No I/O."""
