"""A cluster's store behind the Kubernetes API (`stores.replica.shared.Cluster`).

An address changes hands by one write of its object: created if there is none (409: somebody was faster), else changed
if it is of the revision known. The API has no step over several objects: of a claim of two addresses the first may be
made and the second not. Then the claim is decided anew, and what was made is kept, or taken back.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, Refused, StoreFailed
from podberth.cni.pod import parted
from podberth.cni.value import replace
from podberth.ipam.lifecycle import Kind
from podberth.ipam.registration import Proof, absent
from podberth.ipam.versions import Feature, require
from podberth.kube import errors, resources
from podberth.kube.names import address_name
from podberth.stores.kubernetes import history, objects
from podberth.stores.kubernetes.declared import Declarations
from podberth.stores.kubernetes.elsewhere import KubernetesElsewhere
from podberth.stores.kubernetes.epoch import epoch, heard_of, regressed
from podberth.stores.kubernetes.follow import QUIET, SILENT, Follow
from podberth.stores.kubernetes.machines import Machines
from podberth.stores.kubernetes.nodes import of_node
from podberth.stores.kubernetes.once import OnceNodes
from podberth.stores.kubernetes.versions import Versions
from podberth.stores.replica.position import numbers, position_of
from podberth.stores.replica.shared import Busy, Outdated, Seen, Stale, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from podberth.cni.pod import PodRef
    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.elsewhere import Elsewhere
    from podberth.ipam.epoch import Epoch
    from podberth.ipam.lease import Event
    from podberth.ipam.registration import Registration
    from podberth.ipam.versions import AgentVersion, Minimum
    from podberth.kube.client import Client
    from podberth.net.ops import Address
    from podberth.stores.kubernetes.objects import Object
    from podberth.stores.replica.copies import Copy
    from podberth.stores.replica.shared import AddressWrite, DocumentText, Key, Proposal

KEPT = 4  # events that stay in an address's object
MOST = 16  # events in it that make its next writer archive the older ones: every node is told of all it has


class KubernetesCluster:
    """The ledger of one Kubernetes cluster. Threads share it; `namespace` is where podberth's own objects are.

    `alone`: this machine is no Node of the cluster. `quiet`, `silent`: seconds, as a `Follow` takes them.
    """

    quiet, silent = QUIET, SILENT
    documents_at_once = 0

    def __init__(self, client: Client, namespace: str, holder: str, *, alone: bool = False) -> None:
        self.client = client
        self._namespace = namespace
        self._alone = alone
        self._declarations = Declarations(client, namespace, holder)
        self._holder = holder
        self._versions = Versions(client, namespace)
        self._once = OnceNodes(client, namespace)
        self._follow: Follow | None = None
        self._guard = threading.Lock()

    def identity(self) -> str:
        """Return the UID of the namespace kube-system, which is there as long as the cluster is."""
        found = self.client.get(resources.NAMESPACES, "kube-system")
        return f"kubernetes {found['metadata']['uid']}"

    def one_step(self, proposal: Proposal) -> bool:
        """Say whether it is one write; documents alone have no address that could be marked."""
        return not proposal.addresses or len(proposal.addresses) + len(proposal.documents) == 1

    def commit(self, proposal: Proposal) -> Seen:
        """Make the change, or raise Stale. Raises Unknown if the answer was lost."""
        if not proposal.declares:
            return self._write(proposal)
        with self._declarations.alone(proposal) as position:
            made = self._write(proposal)
        return replace(made, position=position)

    def read(self, addresses: tuple[Address, ...], documents: tuple[Key, ...]) -> Seen:
        """Return what is there now of these."""
        records = tuple(found for address in addresses if (found := self._record(address)) is not None)
        return replace(self._declarations.read(documents), records=records)

    def reserved_for(self, owner: PodRef) -> Seen:
        """Return the addresses that are reserved for the owner now, as the API server's own store has them."""
        labels = f"{objects.RESERVED_FOR}={objects.name_label(owner)}"
        found = self.client.list(resources.ADDRESS_LEASES, labels=labels).items
        return Seen(records=tuple(map(objects.read_lease, found)))

    def load(self) -> Iterator[Seen]:
        """Yield the whole state, each resource as it was at one moment."""
        version = ""
        minimum = self._versions.minimum()
        declared = self._declarations.load()  # first: they must not be newer than what they speak of
        for page in self.client.pages(resources.ADDRESS_LEASES):
            version = page.resource_version
            yield objects.read_leases(page.items)
        # Each list is as it was at its version; the addresses' came last.
        position = position_of({"leases": int(version), **numbers(declared.position)})
        yield replace(declared, position=position, minimum=minimum, epoch=self.epoch(lambda _: None))

    def since(self, position: str) -> Seen:
        """Return nothing while a `follow` is under way, which has it all; else raise Outdated."""
        del position
        with self._guard:
            if self._follow is None:
                raise Outdated
        return Seen()

    def follow(self, position: str, take: Callable[[Seen], object], stopped: Callable[[], bool]) -> None:
        """Hand over what changes from the position on, until stopped. Raises Outdated."""
        times = {"quiet": self.quiet, "silent": self.silent}
        following = Follow(self.client, self._declarations, position, take, stopped, **times)
        with self._guard:
            self._follow = following
        try:
            following.run()
        finally:
            with self._guard:
                self._follow = None

    def trouble(self) -> str:
        """Return why a `follow` that is under way hears nothing just now; '' if it does."""
        with self._guard:
            return self._follow.trouble if self._follow is not None else ""

    def interrupt(self) -> None:
        """End a `follow` that waits in another thread."""
        with self._guard:
            if self._follow is not None:
                self._follow.interrupt()

    def events(self, *, address: Address | None = None, pod: PodRef | None = None) -> Iterator[Event]:
        """Yield the events, of one address or of all, that have to do with the pod."""
        return history.events(self.client, address=address, pod=pod)

    def beyond(self, record: AddressRecord) -> tuple[Event, ...]:
        """Return the address's events that are behind its record's number."""
        return tuple(event for event in history.events_at(self.client, record.address) if event.seq > record.seq)

    def tidy(self) -> None:
        """Do nothing: whoever adds one event too many to an address's object archives the older ones at once."""

    def elsewhere(self, node: str) -> Elsewhere:
        """Return what the API server knows of pods and nodes."""
        return KubernetesElsewhere(self.client, node, self._namespace, alone=self._alone)

    def prove(self, mine: Registration, told: Callable[[str], object], *, waited: bool) -> Proof:
        """Return whether this machine may be the Node of that name, by its kubelet's report.

        Written are the version of its agent, and once that the name is a Node's. A machine that is no Node registers
        itself.
        """
        try:
            proof = of_node(self.client.get(resources.NODES, mine.node), mine)
        except errors.NotFound:
            if not self._alone:
                return absent(mine.node, known=False)
            proof = Proof()
        else:
            if mine.version and not proof.refusal:
                self._once.note(mine.node)
        if self._alone and not proof.refusal:
            proof = self._registered(mine, told, waited=waited)
        if mine.version and not proof.refusal:
            self._versions.announce(mine.node, mine.version)
        return proof

    def _registered(self, mine: Registration, told: Callable[[str], object], *, waited: bool) -> Proof:
        machines = Machines(self.client, self._namespace)
        if machines.find(mine.node) is None:
            require(self._versions.minimum().version, Feature.MACHINES)
        return machines.prove(mine, told, waited=waited)

    def minimum(self) -> Minimum:
        """Return the ledger's minimum version, as it is now."""
        return self._versions.minimum()

    def demand(self, version: str, before: Minimum) -> bool:
        """Have the ledger be for podberths of this version and later; False if it is not as it was before."""
        return self._versions.demand(version, before)

    def agent_versions(self) -> tuple[AgentVersion, ...]:
        """Return what the agents of nodes have said of their versions."""
        return self._versions.agent_versions()

    def retreat(self) -> None:
        """Do nothing: 0.1.0 does not look at what it doesn't know here."""

    def regressed(self, position: str) -> str:
        """Return by what this API has not come as far as the position yet; '' if it has."""
        return regressed(self.client, position)

    def census(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return nothing: which Nodes have podberth the leases say."""
        return frozenset(), frozenset()

    def epoch(self, decide: Callable[[Epoch | None], Epoch | None]) -> tuple[Epoch, int] | None:
        """Return the epoch, with its revision, once it is as `decide` says."""
        return epoch(self.client, self._namespace, decide)

    def declaring(self) -> bool:
        """Say whether somebody is changing a set of declarations just now."""
        return self._declarations.busy()

    def declared(self) -> Seen:
        """Return every declaration there is now, and how often they were changed by then."""
        seen = self._declarations.load()
        count = numbers(seen.position)["declared"]
        return replace(seen, position=position_of({"declared": count}), complete=0)

    def keep_in_use(self, texts: Iterable[DocumentText]) -> None:
        """Note Pools in force that pods have addresses of, for those who come after one was deleted."""
        self._declarations.keep_in_use(texts)

    def keep_last_good(self, wanted: Iterable[Copy]) -> int:
        """Write copies of what ConfigMaps declared last and might, for every node; return of how many."""
        return self._declarations.keep_last_good(wanted)

    def archive(self) -> int:
        """Put older events of every address into archives, so that no writer has to; return of how many addresses.

        Nothing is lost if it ends half-way, or somebody else does the same: see `_archived`.
        """
        done = 0
        for page in self.client.pages(resources.ADDRESS_LEASES):
            for found in page.items:
                if len(found["spec"].get("history", ())) > KEPT:
                    self._archived(found)
                    done += 1
        return done

    def close(self) -> None:
        """Let go of all connections."""
        self.client.close()

    def _check_names(self, proposal: Proposal) -> None:
        """Raise Stale if a pod's name is to have an address anew and has one already that this node has not heard of.

        No step of the API can rely on that. A name is one pod's at a time, on one node: what others have reserved for
        it was so before this pod was there, and is in the API server's cache.
        """
        anew = [_becomes(w.record) for w in proposal.addresses if w.reserved_before is None and w.events]
        heard = heard_of(proposal.position)
        for record in anew if not proposal.declares else ():
            if record.reservation is None:
                continue
            labels = f"{objects.RESERVED_FOR}={objects.name_label(record.reservation.pod)}"
            found = map(objects.read_lease, self.client.cached(resources.ADDRESS_LEASES, labels=labels).items)
            others = tuple((one, at) for one, at in found if at > heard and _stands_for(one, record))
            if others:
                raise Stale(Seen(records=others))

    def _write(self, proposal: Proposal) -> Seen:
        _check_cluster(proposal)
        self._check_names(proposal)
        records: list[tuple[AddressRecord, int]] = []
        for write in proposal.addresses:
            try:
                records.append((write.record, self._written(write)))
            except (errors.AlreadyExists, errors.Conflict, errors.NotFound):
                now = self._record(write.record.address)
                raise Stale(Seen(records=(*records, *((now,) if now is not None else ())))) from None
            except errors.Unknown as lost:
                raise Unknown(lost.message, lost.details) from lost
        try:
            documents = self._declarations.write(proposal.documents)
            made = self._declarations.approve(documents, proposal.approved)
        except errors.Conflict as other:
            raise Stale(Seen(records=tuple(records))) from other
        except errors.Unknown as lost:
            raise Unknown(lost.message, lost.details) from lost
        except errors.WebhookDown as down:  # the store is there: only the declarations have to wait
            raise Busy(f"the declarations can't be changed: {down.message}", down.details) from down
        return replace(made, records=tuple(records))

    def _written(self, write: AddressWrite) -> int:
        if not write.revision:
            made = self.client.create(resources.ADDRESS_LEASES, objects.new_lease(write, alone=self._alone))
        else:
            name = address_name(write.record.address)
            patch = objects.lease_patch(write, alone=self._on_machine(write))
            made = self.client.merge_patch(resources.ADDRESS_LEASES, name, patch)
        if write.undone:
            self._forget_archives(write.record)
        if write.record.mark is not None:
            self._require_mark(made, write)
            if write.record.seq:
                return objects.revision_of(made)
        if len(made["spec"].get("history", ())) > MOST:
            try:
                return self._archived(made)
            except CniError:
                pass  # the change is made, and what keeps its writer from tidying up is the next one's to find out
        return objects.revision_of(made)

    def _on_machine(self, write: AddressWrite) -> bool | None:
        """Say whether who has the address is on a machine that is no Node; None if that is another's to say.

        What is given back to another node follows that node, not its writer: it alone is asked for, and by its Lease.
        """
        lease = write.record.lease
        if lease is None or lease.node == self._holder or not any(event.kind == Kind.MOVED for event in write.events):
            return self._alone
        return True if Machines(self.client, self._namespace).find(lease.node) is not None else None

    def _require_mark(self, made: Object, write: AddressWrite) -> None:
        """Raise StoreFailed if the API server has dropped the mark, and take back what was written with it."""
        if "mark" in made["spec"]:
            return
        self.client.merge_patch(resources.ADDRESS_LEASES, made["metadata"]["name"], objects.without(made, write.events))
        raise StoreFailed(
            "the API server's custom resource AddressLease is an older release's: it keeps no operations",
            "`kubectl apply -k deploy/base/crds` of this release, then do it again",
        )

    def _forget_archives(self, record: AddressRecord) -> None:
        """Delete archives that an operation has brought which is undone."""
        name = address_name(record.address)
        for found in self.client.list(resources.ADDRESS_HISTORIES, labels=f"{objects.ADDRESS}={name}").items:
            if found["spec"]["first"] > record.seq:
                try:
                    self.client.delete(resources.ADDRESS_HISTORIES, found["metadata"]["name"])
                except errors.NotFound:
                    continue

    def _archived(self, found: Object) -> int:
        """Put an address's older events into an archive: they are in both places until they are in the new one."""
        old = objects.events_in(found)[:-KEPT]
        made = objects.archive(old)
        try:
            self.client.create(resources.ADDRESS_HISTORIES, made)
        except errors.AlreadyExists:
            # Whoever made it has not come to the second half, and may have known fewer: what it lacks stays.
            there = objects.archived_in(self.client.get(resources.ADDRESS_HISTORIES, made["metadata"]["name"]))
            old = tuple(event for event in old if event in there)
        try:
            name = found["metadata"]["name"]
            left = self.client.merge_patch(resources.ADDRESS_LEASES, name, objects.without(found, old))
        except errors.Conflict:
            return objects.revision_of(found)  # the next writer does it
        return objects.revision_of(left)

    def _record(self, address: Address) -> tuple[AddressRecord, int] | None:
        try:
            return objects.read_lease(self.client.get(resources.ADDRESS_LEASES, address_name(address)))
        except errors.NotFound:
            return None


def _check_cluster(proposal: Proposal) -> None:
    """Raise Refused if a pod is of another cluster: the API has a place for those of its own alone."""
    leases = (write.record.lease for write in proposal.addresses)
    pods = [lease.pod for lease in leases if lease is not None]
    pods += [event.pod for write in proposal.addresses for event in write.events]
    names = [
        *(pod.namespace for pod in pods if pod is not None),
        *(write.text.namespace for write in proposal.documents),
    ]
    if other := next((name for name in names if parted(name)[0]), ""):
        raise Refused(
            f"namespace {other} is of another cluster, and a ledger behind the Kubernetes API is one cluster's",
            "a ledger of several clusters is in etcd",
        )


def _becomes(record: AddressRecord) -> AddressRecord:
    """Return what the record becomes by the operation that has marked it."""
    return record.mark.record if record.mark is not None else record


def _stands_for(one: AddressRecord, other: AddressRecord) -> bool:
    """Say whether a pod that has the first reserved needs no second one such as the other."""
    if one.mark is not None and one.mark.operation == other.operation:
        return False
    kept, wanted = _becomes(one).reservation, other.reservation
    return (
        kept is not None and wanted is not None
        and one.address != other.address and one.address.version == other.address.version and one.pool == other.pool
        and (kept.pod.namespace, kept.pod.name, kept.ifname) == (wanted.pod.namespace, wanted.pod.name, wanted.ifname)
    )  # fmt: skip
