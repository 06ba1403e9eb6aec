"""MultiNetworkPolicies as values: documents, selectors, and what a pod's links let pass by them. Pure."""
