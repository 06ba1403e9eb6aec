"""Machines of a cluster's ledger that are no Nodes of its Kubernetes, and what operators said of them.

Each has a Lease of ours in podberth's own namespace, which nobody renews: it is written when a machine registers, when
somebody asks whether it lives, and when it is fenced. It is changed by its resourceVersion alone. A finalizer keeps it
from `kubectl delete`. Should it be gone all the same, each address says by a label that a machine has it: what is not
there is no word about what runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from podberth.cni.value import replace, value
from podberth.ipam.registration import asked, judge
from podberth.kube import errors, resources
from podberth.kube.names import address_name
from podberth.stores.kubernetes import notes
from podberth.stores.kubernetes.objects import FINALIZER, MACHINE, NODE, machine_name
from podberth.stores.registered import packed_fences, packed_registration, read_fences, read_registration

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.ipam.elsewhere import Fence
    from podberth.ipam.lease import Lease
    from podberth.ipam.registration import Judgement, Proof, Registration
    from podberth.kube.client import Client, Object

    T = TypeVar("T")

LABEL = MACHINE  # of a machine's own Lease: "true"
REGISTRATION, FENCES = "podberth.io/registration", "podberth.io/fences"
ADMITS = "podberth.io/admits"  # while a fence was said after the last registration: it lets one other machine in


@value
class Machine:
    """What is known of a machine. `admits`: it is fenced since it registered."""

    node: str
    registration: Registration | None = None
    fences: tuple[Fence, ...] = ()
    admits: bool = False

    @property
    def fenced(self) -> Fence | None:
        """The word that nothing runs there, if that is the last one."""
        return self.fences[-1] if self.fences and not self.fences[-1].lifted else None


class Machines:
    """The machines of one cluster; `namespace` is podberth's own. Threads share it."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    def find(self, node: str) -> Machine | None:
        """Return the machine of that name; None if there is none."""
        found = self._note(node)
        return _read(found) if found is not None else None

    def holder(self, lease: Lease) -> Machine | None:
        """Return the machine that has an address; None if neither its Lease nor the address says that one has it."""
        found = self.find(lease.node)
        if found is not None:
            return found
        try:
            held = self._client.get(resources.ADDRESS_LEASES, address_name(lease.address))
        except errors.NotFound:
            return None
        said = (held["metadata"].get("labels") or {}).get(MACHINE)
        return Machine(node=lease.node) if said == machine_name(lease.node) else None

    def every(self) -> tuple[Machine, ...]:
        """Return all machines. A Lease of another name is none, whatever its label says."""
        found = self._client.list(resources.LEASES, self._namespace, labels=f"{LABEL}=true").items
        own = (
            each for each in found
            if each["metadata"]["name"] == machine_name(notes.annotations_of(each).get(NODE, ""))
        )  # fmt: skip
        return tuple(sorted(map(_read, own), key=lambda one: one.node))

    def prove(self, mine: Registration, told: Callable[[str], object], *, waited: bool) -> Proof:
        """Register this machine if it may have the name, and return whether it may."""

        def decide(found: Machine) -> tuple[Machine | None, Judgement]:
            made = judge(found.registration, mine, fenced=found.admits, waited=waited)
            if made.write is None:
                return None, made
            return replace(found, registration=made.write, admits=False), made

        made = self._change(mine.node, decide)
        if made.write is not None and made.notice:
            told(made.notice)
        return made.proof

    def put_claim(self, node: str, claim: str, over: str | None = None) -> bool:
        """Have the machine's registration have the claim, in the place of `over` if one is named; say if it has."""

        def decide(found: Machine) -> tuple[Machine | None, bool]:
            known = found.registration
            if known is None or (over is not None and known.claim != over):
                return None, False
            return replace(found, registration=asked(known, claim)), True

        return self._change(node, decide)

    def fence(self, said: Fence) -> bool:
        """Have it said, and kept; False if the last word about the machine is the same."""

        def decide(found: Machine) -> tuple[Machine | None, bool]:
            if (found.fenced is None) == said.lifted:
                return None, False
            return replace(found, fences=(*found.fences, said), admits=not said.lifted), True

        return self._change(said.node, decide)

    def _change(self, node: str, decide: Callable[[Machine], tuple[Machine | None, T]]) -> T:
        """Return what `decide` answers, once the machine is as it says; None leaves it. It may be asked again."""

        def decided(found: Object | None) -> tuple[Object | None, T]:
            new, answer = decide(_read(found) if found is not None else Machine(node=node))
            return self._written(found, new) if new is not None else None, answer

        busy = f"others change what is known of machine {node} at the same time"
        return notes.change(self._client, lambda: self._note(node), decided, busy)[0]

    def _note(self, node: str) -> Object | None:
        return notes.find(self._client, self._namespace, machine_name(node))

    def _written(self, found: Object | None, new: Machine) -> Object:
        said = {NODE: new.node, FENCES: packed_fences(new.fences).decode()}
        if new.registration is not None:
            said[REGISTRATION] = packed_registration(new.registration).decode()
        if new.admits:
            said[ADMITS] = "true"
        if found is None:
            made = notes.new(self._namespace, machine_name(new.node), said, {LABEL: "true"})
            made["metadata"]["finalizers"] = [FINALIZER]
            return made
        return notes.amended(found, {**dict.fromkeys(_OURS), **said})


_OURS = (NODE, REGISTRATION, FENCES, ADMITS)


def _read(found: Object) -> Machine:
    said = notes.annotations_of(found)
    node, registration = said.get(NODE, ""), said.get(REGISTRATION)
    return Machine(
        node=node,
        registration=read_registration(node, registration) if registration is not None else None,
        fences=read_fences(node, said.get(FENCES, "[]")),
        admits=ADMITS in said,
    )
