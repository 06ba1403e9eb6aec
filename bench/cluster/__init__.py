"""Many nodes on one cluster's ledger: simulated, broken on purpose, and judged by what their clients saw.

`history`, `linear` and `audit` are the judge: values in, complaints out. `nodes` and `crew` are the simulated nodes and
the processes they live in, `servers` the stores they use; the rest is what is done to them.
"""
