"""podberth under a real runtime: Debian's containerd and runc, driven through the CRI as kubelet drives them.

containerd runs on a node made of namespaces (mounts, network, processes), with folders, socket, sandbox image and
network configurations of its own. The packaged service is never started; what this machine runs is never touched.
"""
