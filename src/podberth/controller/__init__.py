"""What runs once in a Kubernetes cluster: the webhook that checks declarations, the controller that brings them in
force and cleans up. Neither is on the way of an ADD: while both are away, pods start and end as before.
"""
