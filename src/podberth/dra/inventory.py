"""What a node has for claims now: the devices that it offers, and the health of each. Reads, and changes nothing."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import TYPE_CHECKING

from podberth.cni.value import replace
from podberth.dra.devices import devices
from podberth.dra.health import Seen, below, healths, offered
from podberth.linux import pci
from podberth.linux.effects.functions import is_another
from podberth.net.ops import ConfigureVf
from podberth.verbs.devices import deaf, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from podberth.cni.pod import Attachment
    from podberth.dra.devices import Device, Shared
    from podberth.dra.health import Health
    from podberth.dra.prepared import PreparedClaims
    from podberth.net.record import Record
    from podberth.net.vf import Vf
    from podberth.verbs.node import Node


class Inventory:
    """The devices of the node `name`. `nodes` opens each store whose records may speak of functions, its own first.

    `shared`: links that pods may share. `claims`: those that are prepared.
    """

    def __init__(
        self, name: str, nodes: Callable[[], Iterator[Node]], shared: tuple[Shared, ...], claims: PreparedClaims
    ) -> None:
        self._name, self._nodes, self._shared, self._claims = name, nodes, shared, claims

    def devices(self) -> dict[str, Device]:
        """Return every device, whoever has it: a claim that was given one is told who."""
        nodes = self._nodes()  # which closes each node when it ends
        return self._every(_functions(next(nodes)))

    def look(self) -> tuple[dict[str, Device], tuple[Health, ...]]:
        """Return what the node has to offer now, and the health of all devices and of what claims have."""
        before = self._claims.all()
        found, seen = self._seen()
        # Claims of before and after the records: one that comes or goes meanwhile has not lost its link.
        claims = tuple(each if each in before else changed(each, complete=False) for each in self._claims.all())
        return offered(found, claims, seen), healths(self._name, found, claims, seen)

    def _seen(self) -> tuple[dict[str, Device], Seen]:
        every: tuple[Vf, ...] | None = None
        found: dict[str, Device] = {}
        links: dict[str, str] = {}
        records: dict[str, Record] = {}
        attached: set[Attachment] = set()
        remade: set[str] = set()
        for node in self._nodes():
            if every is None:
                every = _functions(node)
                found = self._every(every)
                names = {vf.pf for vf in every if vf.pf} | below(found.values(), self._claims.all())
                links = {link: deaf(node, link) for link in names}
            if node.stored():
                there = node.attachments.all()
                records |= {device: record for record in there for device in record.devices}
                attached |= {record.attachment for record in there}
                remade |= {
                    step.op.device
                    for record in there
                    for step in record.steps
                    if isinstance(step.op, ConfigureVf) and is_another(step.op, step)
                }
        return found, Seen(
            functions={vf.address: vf for vf in every or ()},
            records=records,
            unusable={vf.address: why for vf in every or () if (why := unusable(vf, named=True))},
            remade=frozenset(remade),
            links=links,
            attached=frozenset(attached),
        )

    def _every(self, vfs: Iterable[Vf]) -> dict[str, Device]:
        vfs = tuple(vfs)
        return devices(vfs, self._shared, {vf.address: pci.root(vf.address) for vf in vfs})


def _functions(node: Node) -> tuple[Vf, ...]:
    labels = node.attachments.labels() if node.stored() else {}
    return tuple(replace(vf, labels=labels.get(vf.address, ())) for vf in node.host.vfs())
