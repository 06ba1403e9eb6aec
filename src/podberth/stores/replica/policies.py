"""The declarations of a cluster (`policy.store.Policies`): found in the replica, changed in the cluster's store."""

from __future__ import annotations

from podberth.cni.errors import CniError
from podberth.ipam.owner import is_deployment
from podberth.ipam.pool import Pool
from podberth.stores.replica import approved as rows
from podberth.stores.replica import podnetworks
from podberth.stores.replica.approved import pool_key
from podberth.stores.replica.pools import approve, approve_in_force, waiting
from podberth.stores.replica.shared import Seen
from podberth.stores.replica.standing import ended, make_way
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite.declared import undeclare
from podberth.stores.sqlite.declaring import check, make
from podberth.stores.sqlite.operations import operate
from podberth.stores.sqlite.own_pools import completed, levelled
from podberth.stores.sqlite.policies import SqlitePolicies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from sqlite3 import Connection

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Actor
    from podberth.ipam.moment import Clock, Moment
    from podberth.policy.changes import Applied, Changes, Followed, Waiting
    from podberth.policy.documents import Document
    from podberth.policy.operation import Done, Operation
    from podberth.policy.podnetwork import PodNetwork
    from podberth.policy.standing import Standing
    from podberth.stores.replica.proposer import Proposer
    from podberth.stores.sqlite.claims import Rivals

FEW = 32  # pods' names of one operation that a step can rely on: etcd has 128 comparisons


class ClusterPolicies:
    """The declarations, as one node of the cluster sees them."""

    def __init__(self, proposer: Proposer) -> None:
        self._proposer = proposer
        self._here = SqlitePolicies(proposer.replica.database)

    def find(self, pod: PodRef) -> tuple[PodNetwork, ...]:
        """Return what is declared for the pod: by its own name, then by its StatefulSet's, then its Deployment's."""
        self._see()
        return self._here.find(pod)

    def pool(self, name: str) -> Pool | None:
        """Return the pool of that name."""
        self._see()
        return self._here.pool(name)

    def pools(self) -> tuple[Pool, ...]:
        """Return every pool in order of name."""
        self._see()
        return self._here.pools()

    def pod_networks(self, namespace: str | None = None) -> tuple[PodNetwork, ...]:
        """Return every PodNetwork, or those of one namespace, in order of namespace and name."""
        self._see()
        return self._here.pod_networks(namespace)

    def apply(
        self, documents: Sequence[Document], actor: Actor, *, source: str, prune: bool = False, dry_run: bool = False
    ) -> Applied:
        """Put all documents in force with the reservations they declare; or raise Conflicts, and have nothing done.

        It is one step, or one operation; what no operation carries is done in parts, the documents last.
        """

        def decide(connection: Connection, _: Rivals) -> Changes:
            named = {document.key for document in documents}
            pruned = [d for d in table.of_origin(connection, source) if d.key not in named] if prune else []
            podnetworks.ask(connection, documents)
            make_way(connection, documents)
            changes = check(connection, *completed(connection, documents, pruned, self._now()))
            make(connection, changes, actor, source, self._proposer.replica.clock)
            touched = (*changes.created, *changes.changed, *changes.unchanged, *changes.deleted)
            approve_in_force(connection, [one.name for one in touched if one.kind == "Pool"], self._now())
            podnetworks.approve_in_force(connection, [one.key for one in touched], self._now())
            return changes

        if dry_run:
            self._proposer.catch_up()
            return self._proposer.dry_run(decide).applied()
        by = f"{actor.why} by {actor.who} on {actor.node}"
        try:
            return self._proposer.settle(decide, declares=True, operation=by, parts=True)[0].applied()
        except CniError:
            # What was written in parts ends with its documents: what the first parts have reserved is nobody's now.
            clock = self._proposer.replica.clock
            self._proposer.settle(lambda connection, _: _end_stray(connection, actor, clock), declares=True)
            raise

    def delete(self, kind: str, namespace: str, name: str, actor: Actor) -> bool:
        """Delete one document and the reservations it declared; False if there is none, Conflicts if it is in use."""

        def decide(connection: Connection, _: Rivals) -> bool:
            document = table.get(connection, kind, namespace, name)
            if document is None:
                return False
            changes = check(connection, *completed(connection, (), (document,), self._now()))
            make(connection, changes, actor, "", self._proposer.replica.clock)
            touched = (*changes.created, *changes.changed, *changes.deleted)
            approve_in_force(connection, [one.name for one in touched if one.kind == "Pool"], self._now())
            podnetworks.approve_in_force(connection, [document.key], self._now())
            return True

        return self._proposer.settle(decide, declares=True)[0]

    def operate(
        self, operation: Operation, actor: Actor, *, source: str, told: Callable[[int], object] = lambda _: None
    ) -> Done:
        """Do all that the operation is, decided in one step; or raise and have nothing done."""

        def decide(connection: Connection, rivals: Rivals) -> Done:
            make_way(connection, operation.documents)
            done = operate(connection, operation, actor, source, self._proposer.replica.clock, rivals)
            pools = [each.name for each in operation.documents if each.kind == "Pool"]
            approve_in_force(connection, pools, self._now())
            podnetworks.approve_in_force(connection, [each.key for each in operation.documents], self._now())
            return done

        pods = tuple(dict.fromkeys(each.pod for each in operation.keep if not is_deployment(each.pod)))
        declares = bool(operation.documents)
        by = f"{actor.why} by {actor.who} on {actor.node}"
        asked = pods if len(pods) <= FEW else ()
        return self._proposer.settle(decide, pods=asked, declares=declares, operation=by, told=told)[0]

    def accept(self, fresh: Callable[[], Seen] = Seen) -> tuple[str, ...]:
        """Approve the newest texts of Pools that may come into force; return the names. The others stay as they are.

        It is asked by those who may say for the whole cluster what is in force: agents on etcd, a controller. `fresh`
        has all declarations of now, where what is followed does not say up to which they are known.
        """

        def decide(connection: Connection, _: Rivals) -> tuple[str, ...]:
            return approve(connection, self._now(), firm=True)

        return self._accepted("Pool", decide, fresh)

    def accept_podnetworks(
        self, fresh: Callable[[], Seen] = Seen, *, reserving: Actor | None = None
    ) -> tuple[str, ...]:
        """Approve newest texts of PodNetworks as `accept` does those of Pools; return the names, of so many at most.

        `reserving`: who has their addresses reserved in the same step, where no controller does that.
        """

        def decide(connection: Connection, _: Rivals) -> tuple[str, ...]:
            return podnetworks.approve(connection, self._now(), reserving)

        return self._accepted("PodNetwork", decide, fresh)

    def level_own_pools(
        self, actor: Actor, refusal: Callable[[PodNetwork, Pool], str], fresh: Callable[[], Seen] = Seen
    ) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """Have each application that is declared have its own pool, and no other one; return which Pools changed.

        And why PodNetworks have none, by name. `refusal` says why one may not have a part of a pool, '' if it may.
        What somebody has an address of stays.
        """

        def decide(connection: Connection, _: Rivals) -> tuple[tuple[str, ...], Mapping[str, str]]:
            from podberth.policy.admission import Conflicts  # no ADD needs it

            names: list[str] = []

            def stands(name: str) -> bool:
                return rows.newest(connection, pool_key(name)) is not None

            made, ended, refused = levelled(connection, refusal, stands, self._now())
            for one in (*made, *ended):
                try:
                    changes = check(connection, *(((one,), ()) if one in made else ((), (one,))))
                except Conflicts as conflict:
                    refused[_declarer(one)] = conflict.message
                    continue
                if not stands(one.name):
                    table.remove(connection, one.key)  # it is in force and nowhere declared: it is written anew
                make(connection, changes, actor, "", self._proposer.replica.clock)
                names.append(one.name)
            approve_in_force(connection, names, self._now())
            return tuple(names), refused

        names, refused = self._proposer.dry_run(decide)
        if not names:
            return (), refused
        self._proposer.take(fresh())
        return self._proposer.settle(decide, declares=True)[0]

    def unproven(self) -> dict[str, str]:
        """Return, by name, why PodNetworks are refused of which nothing was ever accepted."""
        self._see()
        if not self._due("PodNetwork"):
            return {}
        return self._proposer.dry_run(lambda connection, _: podnetworks.unproven(connection))

    def due_podnetworks(self) -> bool:
        """Say whether the newest text of a PodNetwork is not the one that was accepted."""
        return self._due("PodNetwork")

    def _accepted(
        self, kind: str, decide: Callable[[Connection, Rivals], tuple[str, ...]], fresh: Callable[[], Seen]
    ) -> tuple[str, ...]:
        if not self._due(kind) or not self._proposer.dry_run(decide):
            return ()
        self._proposer.take(fresh())
        return self._proposer.settle(decide, declares=True)[0]

    def waiting(self) -> tuple[Waiting, ...]:
        """Return what is declared and whose newest text is not in force: Pools, PodNetworks, this node's directories.

        Each kind is in order of name.
        """
        self._see()
        pools = self._proposer.dry_run(lambda connection, _: waiting(connection, self._now()))
        others = self._proposer.dry_run(lambda connection, _: podnetworks.waiting(connection))
        return (*pools, *others, *self._here.waiting())

    def followed(self, directory: str) -> Followed | None:
        """Return what this node has last seen of a directory that is kept in force; None if it was never read."""
        return self._here.followed(directory)

    def directories(self) -> tuple[str, ...]:
        """Return every directory that this node has seen something of."""
        return self._here.directories()

    def follow(self, directory: str, seen: Followed) -> None:
        """Record what was seen of the directory."""
        self._here.follow(directory, seen)

    def standings(self) -> tuple[Standing, ...]:
        """Return what namespaces declare beyond their right, and what can't be read, in order of ConfigMaps."""
        from podberth.stores.replica.standings import standings

        self._see()
        return self._proposer.dry_run(lambda connection, _: standings(connection))

    def _due(self, kind: str) -> bool:
        with self._proposer.replica.database.read() as connection:
            return rows.due(connection, kind)

    def _now(self) -> Moment:
        return self._proposer.replica.clock()

    def _see(self) -> None:
        self._proposer.see()


def _declarer(pool: Document) -> str:
    """Return the name of the PodNetwork that a Pool is made for."""
    body = pool.body
    made_for = body.made_for if isinstance(body, Pool) else None
    return f"{made_for.namespace}/{made_for.podnetwork}" if made_for is not None else pool.name


def _end_stray(connection: Connection, actor: Actor, clock: Clock) -> None:
    for declared in ended(connection):
        undeclare(connection, declared, actor, clock)
