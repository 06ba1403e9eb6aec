"""What the controller does to the ledger and to objects. Each effect asks the API anew for what it relies on.

An effect that is done twice, by two controllers or after a crash, is done once: a change of the ledger is made only if
the address is as it was, and a release only of the very lease that was looked at.
"""

from __future__ import annotations

from time import gmtime, monotonic, strftime
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, TryAgainLater
from podberth.controller import conditions
from podberth.controller.facts import Node, read_node, read_pod
from podberth.controller.gone import is_over
from podberth.controller.keeping import WHY
from podberth.ipam.lease import Actor
from podberth.ipam.owner import claim_of
from podberth.ipam.refusals import same
from podberth.kube import errors, resources
from podberth.kube.resources import Resource
from podberth.policy.address_reservation import keeping
from podberth.stores.chosen import NAMESPACE
from podberth.stores.kubernetes.machines import Machines
from podberth.stores.kubernetes.once import OnceNodes
from podberth.stores.replica.standing import withheld
from podberth.stores.sqlite import changes, claims
from podberth.stores.sqlite.declared import declare, is_stray, undeclare
from podberth.stores.sqlite.operations import keep
from podberth.stores.sqlite.rows import lease_at, reservation_at

if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from podberth.controller.keeping import Kept, Owner
    from podberth.ipam.lease import Lease, Reservation
    from podberth.ipam.moment import Moment
    from podberth.kube.client import Client, Object
    from podberth.kube.events import Recorder
    from podberth.policy.address_reservation import AddressReservation
    from podberth.policy.changes import Declared
    from podberth.stores.replica.proposer import Proposer
    from podberth.stores.sqlite.claims import Rivals

WHO = "controller"  # as the ledger names it
LATE = 3600.0  # seconds after which an event that could not be posted is dropped
MAX_UNTOLD = 1000  # events that wait for an API server that answers
OWNERS = {
    "Pod": resources.PODS,
    "StatefulSet": Resource(group="apps", version="v1", plural="statefulsets", kind="StatefulSet", namespaced=True),
    "Deployment": Resource(group="apps", version="v1", plural="deployments", kind="Deployment", namespaced=True),
}


class Effects:
    """`name` is who the ledger says it was, `home` podberth's own namespace. Threads do not share it."""

    def __init__(
        self, client: Client, proposer: Proposer, recorder: Recorder, name: str, home: str = NAMESPACE
    ) -> None:  # fmt: skip
        self._client = client
        self._machines = Machines(client, home)
        self._once = OnceNodes(client, home)
        self._proposer = proposer
        self._recorder = recorder
        self._name = name
        # By object and reason, with when it was to be posted first, by the monotonic clock.
        self._untold: dict[tuple[str, str], tuple[float, tuple[Object, str, str, str]]] = {}
        # Objects of whose status the last answer did not come, with when that was asked.
        self._unsure: dict[tuple[str, str, str], float] = {}

    def exists(self, owner: Owner) -> bool:
        """Ask the API whether an owner is there now."""
        kind, namespace, name = owner
        try:
            self._client.get(OWNERS[kind], name, namespace)
        except errors.NotFound:
            return False
        return True

    def release(self, lease: Lease, absent: int, grace: int) -> bool:
        """End a lease if its pod is not there now, and its node lets it be said to be over; say whether it ended.

        The pod is asked for after the lease was read: if the pod had it by then, the pod was there before. A lease that
        has moved, or was bound anew, since it was looked at stays. `absent` and `grace` in ns.
        """
        assert lease.pod is not None
        try:
            pod = read_pod(self._client.get(resources.PODS, lease.pod.name, lease.pod.namespace))
        except errors.NotFound:
            pass
        else:
            if lease.pod.uid in pod.uids:
                return False
        node = self._node(lease)
        if not is_over(node, absent, grace):
            return False
        state = "gone" if node is None else "out of service" if node.fenced else "ready"
        actor = self.actor(f"pod {lease.pod} ({lease.pod.uid}) is gone, node {lease.node} is {state}")

        def end(connection: Connection, _: Rivals) -> bool:
            if lease_at(connection, lease.address) != lease:
                return False
            changes.unbind(connection, lease, actor, self._now())
            return True

        return self._proposer.settle(end)[0]

    def _node(self, lease: Lease) -> Node | None:
        """Return a lease's node, None if it is gone; of a machine that is no Node an operator's word counts.

        A name of which nobody knows that it ever was a Node's is not gone.
        """
        try:
            return read_node(self._client.get(resources.NODES, lease.node))
        except errors.NotFound:
            machine = self._machines.holder(lease)
        if machine is not None:
            return Node(ready=False, fenced=machine.fenced is not None)
        return None if self._once.has(lease.node) else Node(ready=False, fenced=False)

    def declare(self, wanted: Iterable[Declared], why: str) -> dict[Declared, str]:
        """Reserve what is declared; return what could not be, with the reason, which names both parties."""
        actor = self.actor(why)
        refused: dict[Declared, str] = {}
        for declared in wanted:

            def put(connection: Connection, _: Rivals, one: Declared = declared) -> None:
                declare(connection, one, actor, self._now)

            try:
                self._proposer.settle(put)
            except TryAgainLater:
                raise  # the next sweep will
            except CniError as refusal:
                refused[declared] = refusal.message
        return refused

    def undeclare(self, ended: Iterable[Declared]) -> tuple[Declared, ...]:
        """End declared reservations that still nobody declares; return them."""
        actor = self.actor("declared no more")
        done: list[Declared] = []
        for declared in ended:

            def end(connection: Connection, _: Rivals, one: Declared = declared) -> bool:
                if not is_stray(connection, one) or withheld(connection, one):
                    return False
                undeclare(connection, one, actor, self._now)
                return True

            if self._proposer.settle(end)[0]:
                done.append(declared)
        return tuple(done)

    def expire(self, kept: Kept) -> bool:
        """End a reservation whose retention is over, if it is as it was looked at; say whether it ended."""
        actor = self.actor(f"{WHY} {kept.retention}: {kept.owner[0]} {kept.owner[1]}/{kept.owner[2]} is gone")
        return self._ended(kept.reservation, actor)

    def reserve(self, wanted: AddressReservation) -> str:
        """Reserve what an object says; return why it can't be, '' if it is."""
        actor = self.actor(str(wanted))

        def decide(connection: Connection, _: Rivals) -> Reservation:
            return keep(connection, keeping(wanted), actor, self._now())

        try:
            self._proposer.settle(decide, pods=(wanted.pod,))
        except TryAgainLater:
            raise
        except CniError as refusal:
            return refusal.message
        return ""

    def unreserve(self, kept: Reservation) -> bool:
        """End a reservation that an object made which is no more."""
        return self._ended(kept, self.actor("its AddressReservation is gone"))

    def claim_ended(self, kept: Reservation) -> bool:
        """End what is kept for an IPAMClaim that was deleted; a pod that has the address just now keeps it."""
        name, uid = claim_of(kept.pod)
        actor = self.actor(f"IPAMClaim {kept.pod.namespace}/{name} ({uid}) was deleted")

        def end(connection: Connection, _: Rivals) -> bool:
            return claims.release(connection, kept.address, actor, self._now(), kept.pod) is not None

        return self._proposer.settle(end)[0]

    def _now(self) -> Moment:
        return self._proposer.replica.clock()

    def _ended(self, kept: Reservation, actor: Actor) -> bool:
        def end(connection: Connection, _: Rivals) -> bool:
            now = reservation_at(connection, kept.address)
            if now != kept or lease_at(connection, kept.address) is not None:
                return False
            changes.release(connection, kept, actor, self._now())
            return True

        return self._proposer.settle(end)[0]

    def show(self, resource: Resource, found: Object, status: Object) -> bool:
        """Have an object's status say so; say whether that was news. One that is gone by now has none.

        A write whose answer did not come stays news, whether or not it was done: what is told of it is told once more
        rather than never.
        """
        metadata = found["metadata"]
        key = (resource.plural, metadata.get("namespace", ""), metadata["name"])
        now = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(self._now().true // 10**9))
        patch = conditions.updated(found, status, now)
        unsure = key in self._unsure
        if patch is None:
            self._unsure.pop(key, None)
            return unsure
        patch["metadata"] = {"resourceVersion": metadata["resourceVersion"]}
        self._unsure[key] = monotonic()
        try:
            self._client.merge_patch(resource, key[2], patch, key[1], subresource="status")
        except errors.NotFound:
            self._unsure.pop(key, None)
            return False
        except errors.Conflict:
            return False  # it has changed, maybe by this very write: the next look is at what it is then
        self._unsure.pop(key, None)
        return True

    def tell(self, about: Object, kind: str, reason: str, message: str) -> None:
        """Post an event; one that can't be posted is no reason to stop, and is posted by `tell_again`."""
        key = (f"{about['kind']} {about['metadata'].get('namespace', '')}/{about['metadata']['name']}", reason)
        self._untold.pop(key, None)
        self._post(key, monotonic(), (about, kind, reason, message))

    def _post(self, key: tuple[str, str], since: float, event: tuple[Object, str, str, str]) -> None:
        try:
            self._recorder.post(*event)
        except TryAgainLater:
            self._untold[key] = since, event
            if len(self._untold) > MAX_UNTOLD:
                del self._untold[next(iter(self._untold))]
        except CniError:
            pass  # the server has refused it, and would again

    def tell_again(self) -> None:
        """Post the events that could not be posted, up to the first that can't be now: the next look begins behind it.

        A server that is silent has each of them wait for its answer, and there may be very many. What is older
        than LATE is no news: another controller may have led since, and told of it.
        """
        self._unsure = {key: since for key, since in self._unsure.items() if monotonic() - since < LATE}
        for key, (since, event) in list(self._untold.items()):
            del self._untold[key]
            if monotonic() - since < LATE:
                self._post(key, since, event)
                if key in self._untold:
                    return

    def actor(self, why: str) -> Actor:
        """Return who the ledger says it was, and why."""
        return Actor(who=WHO, why=why, node=self._name)


def by_hand(kept: Reservation, wanted: AddressReservation) -> bool:
    """Say whether a reservation is what an object asks for."""
    return (
        kept.origin == "manual"
        and (kept.address, kept.pool, kept.ifname) == (wanted.address, wanted.pool, wanted.ifname)
        and same(kept.pod, wanted.pod)
    )
