"""Virtual functions as devices of the kubelet's: which resource each is of, whether it may be given, who was given it.

Decided in pure modules; only `messages`, `kubelet`, `plugin`, `files` and `service` know sockets, files or threads.
"""
