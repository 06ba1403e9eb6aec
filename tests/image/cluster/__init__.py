"""A whole cluster of one node: control plane, kubelet and containerd, in namespaces that end with its first process."""
