"""The URL of an endpoint of etcd, as a configuration says it. Pure, and without gRPC: it is read where that is not."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from podberth.cni.fields import shown
from podberth.cni.value import value

PORT = 2379  # etcd-client, as registered with IANA


@value
class Endpoint:
    """Where a member of the cluster listens for clients."""

    url: str
    secure: bool
    target: str  # as gRPC writes it (grpc/doc/naming.md)


def endpoint(raw: object) -> Endpoint:
    """Return the endpoint of a URL such as ``https://etcd-1:2379`` or ``http://[fd00::1]:2379``; ValueError if none."""
    expected = f"expected a URL as 'https://etcd-1:{PORT}', got {shown(raw)}"
    if not isinstance(raw, str) or not raw.isascii() or not raw.isprintable() or " " in raw:
        raise ValueError(expected)
    try:
        parts = urlsplit(raw)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(expected) from None
    if parts.scheme not in ("http", "https") or not host or parts.path not in ("", "/") or port == 0:
        raise ValueError(expected)
    if parts.query or parts.fragment or "@" in parts.netloc or "%" in host:
        raise ValueError(f"{expected}: only scheme, host and port belong there")
    family, host = _family(host)
    where = f"{host}:{port or PORT}"
    return Endpoint(url=f"{parts.scheme}://{where}", secure=parts.scheme == "https", target=f"{family}{where}")


def _family(host: str) -> tuple[str, str]:
    try:
        address = ip_address(host)
    except ValueError:
        return "dns:///", host
    return ("ipv4:", str(address)) if address.version == 4 else ("ipv6:", f"[{address}]")
