"""One look at everything: what is known goes through the pure steps, and what they say is done.

A sweep remembers nothing that the next could not find out again, but since when pods were absent: after a restart their
grace begins anew.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import joined
from podberth.cni.value import value
from podberth.controller import claims, conditions, gone, keeping, published
from podberth.controller.effects import WHO, by_hand
from podberth.controller.known import known
from podberth.controller.left import left
from podberth.controller.older import older
from podberth.controller.publishing import Publishing
from podberth.kube import resources
from podberth.kube.events import NORMAL, WARNING
from podberth.policy import bundle
from podberth.policy.address_reservation import parse_reservation
from podberth.policy.permit import CONTROLLER, OPERATOR, Reserving, Using, permit, role_of_object
from podberth.policy.reserves import declared_addresses
from podberth.policy.use import Use
from podberth.process.reason import Reason, reason
from podberth.stores.replica import copies
from podberth.stores.replica.policies import ClusterPolicies

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from podberth.controller.effects import Effects
    from podberth.controller.facts import Facts
    from podberth.controller.known import Known
    from podberth.controller.older import Older
    from podberth.ipam.lease import Event, Lease, Reservation
    from podberth.ipam.pool import Pool
    from podberth.kube.client import Client, Object
    from podberth.net.ops import Address
    from podberth.policy.address_reservation import AddressReservation
    from podberth.policy.changes import Declared
    from podberth.policy.podnetwork import PodNetwork
    from podberth.stores.kubernetes.store import KubernetesCluster
    from podberth.stores.replica.proposer import Proposer

_SECOND = 10**9
_CORRECT = "correct it, or delete it: docs/controller.md says what a ConfigMap may declare"
_EVENTS = {conditions.CONFLICT: "ReservationConflict", conditions.NOT_IN_FORCE: "NotInForce"}  # by condition's reason


@value
class Settings:
    """`grace` in seconds; `nearly_full`: per cent of a pool's addresses that are used by then.

    `publishing`: reservations are kept published as IPAMClaims. `own_pools`: applications get theirs made.
    """

    grace: float
    nearly_full: int
    publishing: bool = False
    own_pools: bool = False


class Sweep:
    """`leading` says whether to go on; `told` is given what went wrong; `count` how often what happened."""

    def __init__(
        self, client: Client, cluster: KubernetesCluster, proposer: Proposer, effects: Effects, settings: Settings, *,
        facts: Callable[[], Facts], leading: Callable[[], bool], count: Callable[[str], None],
        told: Callable[[Reason], None],
    ) -> None:  # fmt: skip
        self._client = client
        self._cluster = cluster
        self._proposer = proposer
        self._policies = ClusterPolicies(proposer)
        self._effects = effects
        self._settings = settings
        self._facts = facts
        self._leading = leading
        self._count = count
        self._told = told
        self._published = Publishing(client, count, told)
        self._absent: dict[Lease, int] = {}
        self._seen: dict[Event, int] = {}
        self._stray: frozenset[Declared] = frozenset()
        self._complained: dict[str, str] = {}  # what ConfigMaps were told
        self._deleted: Mapping[str, tuple[str, str]] = {}  # what was told of Pools that are gone
        self._unpooled: Mapping[str, str] = {}  # why PodNetworks have no pool of their own
        self._untold: set[str] = set()  # Pools whose status may say what no event says yet
        self._made: dict[Reservation, str] = {}  # which AddressReservation made it; '' if none has

    def run(self) -> None:
        """Do all of it once. A step that fails leaves the others to be done."""
        steps = (
            self._accept, self._own_pools, self._accept_podnetworks, self._keep_last_good, self._declarations,
            self._config_maps, self._reservations, self._retention, self._claims, self._leases, self._pools,
            self._publish,
        )  # fmt: skip
        for step in steps:
            if not self._leading():
                return
            self._try(lambda step=step: step(self._known()))  # type: ignore[misc]
        if self._leading():
            self._try(self._effects.tell_again)

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as failure:  # noqa: BLE001 - an object that is like none before must not stop the others
            self._count("failed")
            self._told(reason(failure))

    def archive(self) -> None:
        """Move older events out of the addresses' objects."""
        for _ in range(self._cluster.archive()):
            self._count("archived")

    def _known(self) -> Known:
        return self._proposer.dry_run(lambda connection, _: known(connection, self._proposer.replica.clock()))

    def _accept(self, _: Known) -> None:
        """Say in the store which Pools' newest texts are in force, for every node to obey."""
        for name in self._policies.accept(self._cluster.declared):
            self._count("accepted")
            self._effects.tell(_pool(name), NORMAL, "InForce", "the pool is in force as it is declared")

    def _own_pools(self, _: Known) -> None:
        """Have each application have the pool of its own that its PodNetwork asks for, if that is wanted."""
        if self._settings.own_pools:
            actor = self._effects.actor("pools of applications")
            changed, self._unpooled = self._policies.level_own_pools(actor, _not_let, self._cluster.declared)
            for _name in changed:
                self._count("pooled")

    def _accept_podnetworks(self, now: Known) -> None:
        """Say the same of PodNetworks. First what is in force already gets its addresses: the others are held to it."""
        if self._policies.due_podnetworks():
            self._bring(now)
        while self._leading() and (names := self._policies.accept_podnetworks(self._cluster.declared)):
            for _ in names:
                self._count("accepted")

    def _keep_last_good(self, now: Known) -> None:
        """Copy what ConfigMaps declare and may, for the time when what they say can't be in force."""
        del now
        wanted = self._proposer.dry_run(lambda connection, _: copies.wanted(connection))
        for _ in range(self._cluster.keep_last_good(one for one in wanted if self._leading())):
            self._count("accepted")

    def _declarations(self, now: Known) -> None:
        """Bring what PodNetworks declare into the ledger, end what none does; say so in their status."""
        disallowed, conflicts = self._bring(now)
        refused = {**disallowed, **conflicts}
        # What an apply is about to declare is reserved first: it must have been nobody's for two looks in a row.
        twice, self._stray = self._stray.intersection(now.stray), frozenset(now.stray)
        if twice and not self._cluster.declaring():
            for _ in self._effects.undeclare(twice):
                self._count("unreserved")
        now = self._known()
        by_name = {(one.namespace, one.name): one for one in now.podnetworks}
        waiting = {name: str(one) for name, one in now.waiting.items()}
        newest = {**self._policies.unproven(), **waiting, **self._unpooled}
        for found in self._client.list(resources.POD_NETWORKS).items:
            why = newest.get("/".join(_key(found)), "")
            self._show_podnetwork(found, by_name.get(_key(found)), now, refused, set(disallowed), why)

    def _bring(self, now: Known) -> tuple[dict[Declared, str], dict[Declared, str]]:
        """Reserve what is declared and is not yet; return what the pool's rules forbid, and what others have."""
        pending = tuple(declared for declared in now.pending if self._is_wanted(declared, now))
        disallowed = {one: why for one in pending if (why := _disallowed(one, now))}
        wanted = tuple(declared for declared in pending if declared not in disallowed)
        conflicts = self._effects.declare(wanted, "declared")
        for _ in range(len(wanted) - len(conflicts)):
            self._count("reserved")
        return disallowed, conflicts

    def _is_wanted(self, declared: Declared, now: Known) -> bool:
        by = now.declarers[declared.address][0]
        if not keeping.lapsed(now.last.get(declared.address), by.retention):
            return True
        return self._effects.exists(keeping.owner_of(declared.pod, by))

    def _show_podnetwork(
        self, found: Object, podnetwork: PodNetwork | None, now: Known, refused: Mapping[Declared, str],
        disallowed: Collection[Declared], newer: str,
    ) -> None:  # fmt: skip
        """Say in a PodNetwork's status what of it is in force; `newer`: why its newest text is not."""
        bad = conditions.NOT_IN_FORCE
        if podnetwork is None:
            itself = f"PodNetwork {'/'.join(_key(found))}"
            refusals = [one.reason for one in now.standings if one.bundle == itself and not one.in_force]
            troubles: Sequence[str] = refusals or (conditions.unreadable(found),)
            addresses: list[Address] = []
            told: tuple[Older, ...] = ()
        else:
            declared = [one for policy in podnetwork.attachments for one in declared_addresses(podnetwork, policy)]
            own = {one: why for one, why in refused.items() if (one.pod, one.address) in set(declared)}
            troubles = [f"{one.address}: {why}" for one, why in own.items()]
            told = self._older(podnetwork, now)
            named = {name for policy in podnetwork.attachments for name in policy.preferred}
            missing = sorted(named - now.pools.keys())
            troubles += [f"there is no pool {name!r}" for name in missing]
            if missing or own.keys() - disallowed:
                bad = conditions.CONFLICT
            addresses = [
                address
                for pod, address in declared
                if (kept := now.reservations.get(address)) is not None and kept.pod == pod
            ]
        why = (newer,) if newer else troubles if podnetwork is None else ()
        status = conditions.podnetwork_status(addresses, troubles, bad, why, told)
        complaints = [one["message"] for one in status["conditions"][:1] if one["status"] == "False"]
        if self._effects.show(resources.POD_NETWORKS, found, status) and complaints:
            self._count("conflict")
            self._effects.tell(_about(found), WARNING, _EVENTS[bad], *complaints)

    def _older(self, podnetwork: PodNetwork, now: Known) -> tuple[Older, ...]:
        """Return what running pods of a PodNetwork were told, and would be told otherwise now."""
        if not now.former:
            return ()
        pods = [lease for lease in now.leases if lease.pod is not None and podnetwork.is_for(lease.pod)]
        of_pools = {name: texts for (kind, _, name), texts in now.former.items() if kind == "Pool"}
        own = now.former.get(("PodNetwork", podnetwork.namespace, podnetwork.name), ())
        return tuple(older(podnetwork, pods, now.pools, own, of_pools))

    def _config_maps(self, now: Known) -> None:
        """Tell each ConfigMap, once, what it declares that is not in force."""
        reasons: dict[str, list[str]] = {}
        for one in now.standings:
            if not one.in_force:
                reasons.setdefault(one.bundle, []).append(one.reason)
        texts = {name: joined(each) for name, each in reasons.items()}
        before, self._complained = self._complained, texts
        news = {name: text for name, text in texts.items() if before.get(name) != text}
        if not news:
            return
        labels = f"{bundle.LABEL}={bundle.WANTED}"
        for config_map in self._client.list(resources.CONFIG_MAPS, labels=labels).items:
            text = news.get("/".join(_key(config_map)), "")
            if text:
                about = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": config_map["metadata"]}
                self._effects.tell(about, WARNING, "NotInForce", text)
                self._told(Reason(f"ConfigMap {'/'.join(_key(config_map))}: not in force: {text}", _CORRECT))
                self._count("refused")

    def _reservations(self, now: Known) -> None:
        """Bring AddressReservations into the ledger, end what those made that are gone; say so in their status."""
        wanted: list[AddressReservation] = []
        unread: set[str] = set()  # what one named before it could not be read stays: unknown is not gone
        taken = Counter((kept.pool, kept.pod.namespace) for kept in now.reservations.values())
        for found in sorted(self._client.list(resources.ADDRESS_RESERVATIONS).items, key=_age):
            try:
                one = parse_reservation({"metadata": {"name": _key(found)[1]}, "spec": found.get("spec")}, "spec")
                bad, trouble = self._reserved(one, now, taken)
                wanted.append(one)
                addresses = () if trouble else (one.address,)
            except InvalidConfig as wrong:
                bad, trouble, addresses = conditions.NOT_IN_FORCE, wrong.message, ()
                unread.add(f"AddressReservation {_key(found)[1]}")
            status = conditions.declared_status(addresses, (trouble,) if trouble else (), bad)
            if self._effects.show(resources.ADDRESS_RESERVATIONS, found, status) and trouble:
                self._count("conflict")
                self._effects.tell(_about(found), WARNING, _EVENTS[bad], trouble)
        self._made = {kept: made for kept, made in self._made.items() if now.reservations.get(kept.address) == kept}
        for kept in now.reservations.values():
            unasked = kept.origin == "manual" and not any(by_hand(kept, one) for one in wanted)
            if unasked and self._object_of(kept) not in ("", *unread) and self._effects.unreserve(kept):
                self._count("unreserved")

    def _reserved(self, one: AddressReservation, now: Known, taken: Counter[tuple[str, str]]) -> tuple[str, str]:
        """Have an address reserved as an object says, if that may be; return a condition's reason, and why it is not.

        Why is '' if it is reserved.
        """
        kept, pool = now.reservations.get(one.address), now.pools.get(one.pool)
        if kept is not None and by_hand(kept, one):
            return conditions.CONFLICT, ""  # what is in force stays, whatever the pool's rules have become
        whose = one.pool, one.pod.namespace
        if pool is not None:
            change = Reserving(pool=pool, namespace=whose[1], address=one.address, taken=taken[whose])
            refusal = permit(whose[1], role_of_object(tenants=now.tenants), CONTROLLER, change)
            if refusal is not None:
                return conditions.NOT_IN_FORCE, refusal.message
        trouble = self._effects.reserve(one)
        taken[whose] += not trouble
        return conditions.CONFLICT, trouble

    def _object_of(self, kept: Reservation) -> str:
        """Ask the ledger which AddressReservation made it; '' if none: what `podberth reserve` made ends by hand."""
        if kept not in self._made:
            made = [
                e for e in self._cluster.events(address=kept.address) if e.kind == "Reserved" and e.time == kept.since
            ]
            by = (e.actor.why for e in made if e.actor.who == "controller" and e.actor.why.startswith("Addr"))
            self._made[kept] = next(by, "")
        return self._made[kept]

    def _claims(self, now: Known) -> None:
        """End what is kept for IPAMClaims that were deleted."""
        kept = claims.idle(now.reservations.values(), now.leases)
        there = claims.listed(self._client, (one.pod.namespace for one in kept)) if kept else None
        for one in claims.gone(kept, there) if there is not None else ():
            if self._effects.claim_ended(one):
                self._count("unreserved")

    def _publish(self, now: Known) -> None:
        """Have the claims be there that show reservations, if that is wanted."""
        if self._settings.publishing:
            self._published.level(self._proposer.dry_run(lambda connection, _: published.wanted(connection, now)))

    def _retention(self, now: Known) -> None:
        """End reservations whose retention is over."""
        clock = self._proposer.replica.clock()
        self._seen = keeping.sightings(now.kept, self._seen, clock.uptime.ns)
        for kept in keeping.expired(now.kept, self._effects.exists, clock, self._seen):
            if self._effects.expire(kept):
                self._count("expired")
                what = f"{kept.reservation.address} is kept no more: {kept.owner[0]} {kept.owner[2]} is gone"
                self._effects.tell(_pool(kept.reservation.pool), NORMAL, "ReservationExpired", what)

    def _leases(self, now: Known) -> None:
        """End the leases of pods that are gone."""
        facts, clock = self._facts(), self._proposer.replica.clock()
        grace = int(self._settings.grace * _SECOND)
        self._absent = gone.absences(now.leases, facts, self._absent, clock.uptime.ns)
        for lease in gone.releasable(self._absent, facts, clock, grace):
            if self._effects.release(lease, clock.uptime.ns - self._absent[lease], grace):
                self._count("released")
                what = f"{lease.address} of {lease.pod} on node {lease.node} was released: the pod is gone"
                self._effects.tell(_pool(lease.pool), NORMAL, "AddressReleased", what)

    def _pools(self, now: Known) -> None:
        """Say in each Pool's status how full it is, and warn of one that is nearly full; or of one that was deleted."""
        items = self._client.list(resources.POOLS).items
        self._left(now, {_key(found)[1] for found in items})
        self._cluster.keep_in_use(now.in_use)
        for found in items:
            name = _key(found)[1]
            usages = now.usage.get(name, ())
            refused = now.waiting.get(name)
            troubles = (
                (str(refused),) if refused is not None else () if name in now.pools else (conditions.unreadable(found),)
            )
            if not troubles:
                self._untold.discard(name)
            elif conditions.message(found) != conditions.condition("", troubles, "", "").get("message"):
                self._untold.add(name)  # until the answer to its status has come
            if not self._effects.show(resources.POOLS, found, conditions.pool_status(usages, troubles)):
                continue
            if name in self._untold:
                self._untold.discard(name)
                self._count("refused")
                self._effects.tell(_about(found), WARNING, "NotInForce", "; ".join(troubles))
            for row in usages:
                if (row.size - row.free) * 100 >= row.size * self._settings.nearly_full:
                    what = f"{row.free} of {row.size} IPv{row.family} addresses are free"
                    self._effects.tell(_about(found), WARNING, "PoolNearlyFull", what)

    def _left(self, now: Known, there: set[str]) -> None:
        """Warn, once, of each Pool that was deleted while pods have addresses of it."""
        before, self._deleted = self._deleted, left(now.waiting, now.pools, now.leases, there)
        for name, (event, text) in self._deleted.items():
            if before.get(name) != (event, text):
                self._count("refused")
                self._effects.tell(_pool(name), WARNING, event, text)


def _disallowed(declared: Declared, now: Known) -> str:
    """Return why the pool's `allow` does not let the pod's namespace have the address; '' if it does."""
    namespace = declared.pod.namespace
    use = Use(who=f"namespace {namespace}", namespace=namespace, addresses=(declared.address,))
    # Whose word it is was judged as it came into force (`stores.replica.standing`); here the pool's rules alone count.
    refusal = permit(WHO, OPERATOR, CONTROLLER, Using(pool=now.pools[declared.pool], use=use))
    return refusal.message if refusal is not None else ""


def _not_let(podnetwork: PodNetwork, parent: Pool) -> str:
    """Return why a pool's `allow` lets no application of the namespace have a part of it; '' if it does."""
    use = Use(who=f"namespace {podnetwork.namespace}", namespace=podnetwork.namespace)
    refusal = permit(WHO, OPERATOR, CONTROLLER, Using(pool=parent, use=use))
    return refusal.message if refusal is not None else ""


def _age(found: Object) -> tuple[str, str]:
    return str(found["metadata"].get("creationTimestamp") or ""), found["metadata"]["name"]


def _key(found: Object) -> tuple[str, str]:
    return found["metadata"].get("namespace", ""), found["metadata"]["name"]


def _about(found: Object) -> Object:
    return {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": found["metadata"]}


def _pool(name: str) -> Object:
    return {"apiVersion": resources.POOLS.api_version, "kind": "Pool", "metadata": {"name": name}}
