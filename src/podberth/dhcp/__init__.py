"""The daemon behind the IPAM type `dhcp`: it gets leases of DHCPv4 for pods, renews them, and gives them back.

`message` and `machine` are values and pure functions. `wire` has the sockets in a pod's namespace, `leases` the files,
`keeper` what is held, `desk` the socket that plugins ask at, `daemon` the process. No plugin's call imports any of it:
the plugin (`ipam_plugins/dhcp.py`) asks over the socket.
"""
