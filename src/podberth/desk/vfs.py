"""Which virtual functions this node has, and who has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.desk.form import Answer, Key, Pod, row
from podberth.devices.health import resource_of, way
from podberth.verbs.devices import labelled, unusable
from podberth.verbs.gone import is_gone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.net.record import Record
    from podberth.net.vf import Vf
    from podberth.verbs.node import Node

    Held = tuple[Vf, Record | None]


@row
class Function:
    """A virtual function. `state` is free, held, gone (its holder is) or unusable, for the `reason` given.

    `way`: by which way it is held: podberth's own `choice` for a network or a PodNetwork; a `deviceID` that the caller
    has named; or `device plugin`, as the kubelet has given it of the `resource`.
    """

    address: str
    pf: str
    pf_address: str
    index: int
    vendor: str
    device: str
    driver: str | None
    numa: int | None
    link: str | None
    mac: str | None
    up: bool
    rdma: bool
    mode: str
    representor: str | None
    labels: tuple[str, ...]
    state: str
    reason: str | None
    pod: Pod | None
    attachment: Key | None
    way: str | None = None
    resource: str | None = None


@row
class PfWithout:
    """A PF that has no function, and how many it could have. Its link is '' if it has none."""

    address: str
    link: str
    total: int


@row
class Vfs(Answer):
    """The virtual functions of this node."""

    SCHEMA = "vfs/1"
    vfs: tuple[Function, ...]
    pfs_without_vfs: tuple[PfWithout, ...]


def vfs(node: Node, empty: Iterable[PfWithout], *, pf: str | None = None, only_free: bool = False) -> Vfs:
    """Return the functions: of one PF, or those that a pod could have now, if that is asked.

    `empty`: the PFs without functions, which the kernel's side knows.
    """
    found = [(vf, record) for vf, record in held(node) if pf in (None, vf.pf, vf.pf_address)]
    if only_free:
        found = [(vf, record) for vf, record in found if record is None and not unusable(vf)]
    return Vfs(vfs=tuple(_function(node, vf, record) for vf, record in found), pfs_without_vfs=tuple(empty))


def held(node: Node) -> tuple[Held, ...]:
    """Return every function of the node with the record of who has it."""
    records = {record.device: record for record in node.attachments.all() if record.device}
    return tuple((vf, records.get(vf.address)) for vf in labelled(node, node.host.vfs()))


def _state(node: Node, vf: Vf, record: Record | None) -> str:
    if record is not None:
        return "gone" if is_gone(node, record) else "held"
    return "unusable" if unusable(vf) else "free"


def _function(node: Node, vf: Vf, record: Record | None) -> Function:
    return Function(
        address=vf.address,
        pf=vf.pf,
        pf_address=vf.pf_address,
        index=vf.index,
        vendor=vf.vendor,
        device=vf.device,
        driver=vf.driver or None,
        numa=vf.numa if vf.numa >= 0 else None,
        link=vf.link or None,
        mac=vf.mac or None,
        up=vf.up,
        rdma=vf.rdma,
        mode="switchdev" if vf.switchdev else "legacy",
        representor=vf.representor or None,
        labels=tuple(vf.labels),
        state=_state(node, vf, record),
        reason=(unusable(vf) or None) if record is None else None,
        pod=record.pod if record is not None else None,
        attachment=record.attachment if record is not None else None,
        way=way(record) if record is not None else None,
        resource=(resource_of(record) or None) if record is not None else None,
    )
