"""Networks by resource claims: the DRA driver of a node, kubelet's side and the runtime's (resource.k8s.io, NRI).

A claim's device becomes an attachment like any other: ADD makes it before the pod is there, in a namespace of
podberth's own. When the pod's sandbox is there, its link is carried into it.
"""
