"""The Node Resource Interface: how a container runtime tells a plugin on its node of pods, over a socket that stays.

Bytes and values apart from sockets. It knows no pod network: what a pod is to have is its caller's business.
"""
