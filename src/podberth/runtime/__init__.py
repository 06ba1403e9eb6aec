"""The caller's side of CNI: configuration lists, chains, invocation, attachment cache (what libcni does)."""
