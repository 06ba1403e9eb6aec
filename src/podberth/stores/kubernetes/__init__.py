"""A cluster's ledger and declarations behind the Kubernetes API: one small object for each address, custom resources
and ConfigMaps for what is declared. The calls themselves are the room `kube`'s.
"""
