"""Virtual functions: what their PF is told of one, and where its interface is."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops.parts import mtu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["ConfigureVf", "MoveVf"]


@value
class ConfigureVf:
    """ip link set PF vf INDEX, one by one: vlan qos proto, mac, max_tx_rate min_tx_rate, spoofchk, trust, state.

    The rates are in Mbit/s; None leaves a setting as it is. The function, PCI address DEVICE, stays on the node, and a
    MAC is its interface's too in the end. A function that is driven from `userspace` has no interface; it is reset when
    it is given back.
    """

    device: str
    pf: str
    index: int
    vlan: int = 0
    qos: int = 0
    proto: str = "802.1q"
    mac: str | None = None
    max_tx_rate: int | None = None
    min_tx_rate: int | None = None
    spoofchk: bool | None = None
    trust: bool | None = None
    link_state: str | None = None
    userspace: bool = False


@value
class MoveVf:
    """ip link set LINK netns NETNS name IFNAME: the interface of the function with PCI address DEVICE, down."""

    device: str
    link: str
    netns: str
    ifname: str
    mac: str | None = None
    mtu: int | None = None


if TYPE_CHECKING:
    Op: TypeAlias = ConfigureVf | MoveVf


def device(op: object) -> str | None:
    """Return the PCI address of the virtual function that the op is about, if it is about one: nobody else's now."""
    return op.device if isinstance(op, ConfigureVf | MoveVf) else None


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, ConfigureVf):
        return _configure_vf(op)
    return _move_vf(op)


def _configure_vf(op: ConfigureVf) -> str:
    proto = f" proto {op.proto}" if op.proto != "802.1q" else ""
    said = (
        ("mac", op.mac),
        ("max_tx_rate", op.max_tx_rate),
        ("min_tx_rate", op.min_tx_rate),
        ("spoofchk", _switch(op.spoofchk)),
        ("trust", _switch(op.trust)),
        ("state", op.link_state),
    )
    rest = "".join(f" {key} {content}" for key, content in said if content is not None)
    return f"ip link set {op.pf} vf {op.index} vlan {op.vlan} qos {op.qos}{proto}{rest}"


def _move_vf(op: MoveVf) -> str:
    return f"ip link set {op.link} down; ip link set {op.link}{mtu(op.mtu)} netns {op.netns} name {op.ifname}"


def _switch(on: bool | None) -> str | None:
    return None if on is None else "on" if on else "off"
