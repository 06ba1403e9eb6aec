"""Ports of the node that lead to a pod."""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops.parts import Address, Interface

__all__ = ["MapPorts", "MasqueradeMapped", "RouteLoopback"]


@value
class MapPorts:
    """nft add rule inet podberth-ports CHAIN PROTOCOL dport PORT dnat to ADDRESS:PORT comment "COMMENT", for each port.

    For what is sent to the node's own addresses, or to one of them, from outside and by the node itself. A member of
    `ports` is '8080:80/tcp', or '192.0.2.1:8080:80/tcp' (`parsed`): the node's port, and the pod's.
    `mark` is set on what needs the node's address to be answered, 0 for nothing: on what comes from the pod's subnet
    or from the loopback, or with `mark_all` from anywhere.
    """

    address: Interface
    ports: tuple[str, ...]
    mark: int
    mark_all: bool
    comment: str


@value
class MasqueradeMapped:
    """nft add rule inet podberth-ports postrouting meta mark & MARK == MARK ip daddr ADDRESS masquerade."""

    address: Address
    mark: int
    comment: str


@value
class RouteLoopback:
    """sysctl -w net.ipv4.conf.LINK.route_localnet=1: on the node, where it stays on as long as the link is there.

    Other pods behind the link rely on it too. That nobody else sends to 127.0.0.0/8 is seen to by podberth-ports.
    """

    link: str


if TYPE_CHECKING:
    Op: TypeAlias = MapPorts | MasqueradeMapped | RouteLoopback


def written(protocol: str, host: Address | None, host_port: int, port: int) -> str:
    """Return a member of `MapPorts.ports`: the port of the node, of one address or of all, and that of the pod."""
    at = "" if host is None else f"[{host}]:" if host.version == 6 else f"{host}:"
    return f"{at}{host_port}:{port}/{protocol}"


def parsed(text: str) -> tuple[str, Address | None, int, int]:
    """Read what `written` returns."""
    ways, _, protocol = text.rpartition("/")
    at, _, port = ways.rpartition(":")
    host, _, host_port = at.rpartition(":")
    return protocol, ip_address(host.strip("[]")) if host else None, int(host_port), int(port)


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, MapPorts):
        return "; ".join(_mapped(op, *parsed(port)) for port in op.ports)
    if isinstance(op, MasqueradeMapped):
        to = f"{_ip(op.address.version)} daddr {op.address}"
        rule = f"meta mark & {op.mark:#x} == {op.mark:#x} {to} masquerade"
        return f'nft add rule inet podberth-ports postrouting {rule} comment "{op.comment}"'
    return f"sysctl -w net.ipv4.conf.{op.link}.route_localnet=1"


def _mapped(op: MapPorts, protocol: str, host: Address | None, host_port: int, port: int) -> str:
    ip, target = _ip(op.address.version), op.address.ip
    chain = "by_port" if host is None else "by_address"
    to = f"{ip} daddr {host} " if host is not None else ""
    where = f"[{target}]:{port}" if target.version == 6 else f"{target}:{port}"
    rule = f"{to}{protocol} dport {host_port} dnat {ip} to {where}"
    return f'nft add rule inet podberth-ports {chain} {rule} comment "{op.comment}"'


def _ip(version: int) -> str:
    return "ip" if version == 4 else "ip6"
