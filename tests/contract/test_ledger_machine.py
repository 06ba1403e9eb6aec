"""Any sequence of operations on every ledger: never two owners, and events, tables and a model in the test agree."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from podberth.cni.errors import AddressTaken, PoolExhausted, TryAgainLater
from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import AddressBoundElsewhere, SetExhausted
from podberth.ipam.lifecycle import fold
from podberth.policy.changes import Declared
from tests.contract.ledgers import (
    BACKENDS,
    OPERATOR,
    PLUGIN,
    InMemory,
    OnEtcd,
    OnKubernetes,
    SqliteBackend,
    attachment,
    claim,
    ip,
    pool,
    subnet,
)
from tests.sizes import size

if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.ipam.lease import Claim
    from podberth.ipam.pool import Subnet
    from podberth.net.ops import Address
    from tests.contract.ledgers import Backend

NETWORK = "10.20.0.8/29"
ADDRESSES = [f"10.20.0.{n}" for n in range(9, 15)]
HOLD, EXCLUDED = "10.20.0.12", "10.20.0.13"
USABLE = [a for a in ADDRESSES if a != EXCLUDED]
REST = 60  # seconds
# Of each store, least and in a soak: fewer where each step asks a server.
EXAMPLES: dict[type[Backend], tuple[int, int]] = {
    SqliteBackend: (15, 100),
    InMemory: (15, 100),
    OnEtcd: (2, 5),
    OnKubernetes: (1, 2),
}

names = st.sampled_from(["a", "a", "b", "c", "web-b-bcdfg", None])
WEB, WEB_PODS = "deployment/web", ("web-b-bcdfg", "web-b-bcdfh", "web-c-bcdfg")
CLAIM, CLAIM_PODS = "ipamclaim/vm/5f0d", ("a", "b", "c")
containers = st.sampled_from(["1", "2"])
ifnames = st.sampled_from(["eth0", "eth0", "net1"])
some = st.sampled_from(ADDRESSES)


class Machine(RuleBasedStateMachine):
    """A model that knows only who has what, and since when an address rests."""

    kind: type[Backend]

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.backend: Backend = self.kind(Path(self.folder.name))
        self.backend.define(pool("db", self.subnet(), quarantine=REST))
        self.ledger = self.backend.open()
        self.leased: dict[Address, Attachment] = {}
        self.pods: dict[Attachment, str | None] = {}
        self.reserved: dict[Address, tuple[str, str, str]] = {}
        self.released: dict[Address, int] = {}

    def subnet(self, *exclude: str) -> Subnet:
        return subnet(NETWORK, exclude=(EXCLUDED, *exclude), hold=(HOLD,))

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(
        name=names,
        container=containers,
        ifname=ifnames,
        named=st.none() | some,
        sticky=st.booleans(),
        over=st.booleans(),
    )
    def bind(self, name: str | None, container: str, ifname: str, named: str | None, sticky: bool, over: bool) -> None:
        container = f"{name}{container}"
        takeover = tuple(attachment(f"{name}{n}", ifname) for n in (1, 2)) if over else ()
        wish = claim(
            name, *([named] if named else []), container=container, ifname=ifname, sticky=sticky, takeover=takeover
        )
        try:
            (lease,) = self.ledger.bind(wish, PLUGIN)
        except AddressBoundElsewhere as held:
            self.must_be_the_pods_own(held.lease.address, wish)
        except AddressTaken:
            assert named is not None
            assert self.is_anothers(ip(named), name, ifname) or named not in USABLE
        except PoolExhausted:
            assert named is None
            assert not [a for a in USABLE if a != HOLD and self.is_free(ip(a))]
        except TryAgainLater:
            assert named is not None
            assert self.rests(ip(named))
        else:
            self.bound(wish, lease.address, named)

    @rule(name=st.sampled_from(WEB_PODS), container=containers, over=st.booleans())
    def bind_of_the_deployment(self, name: str, container: str, over: bool) -> None:
        takeover = tuple(attachment(f"{name}{n}") for n in (1, 2)) if over else ()
        wish = claim(name, container=f"{name}{container}", owner="web", takeover=takeover)
        theirs = [address for address, whose in self.reserved.items() if whose[:2] == (WEB, "eth0")]
        try:
            (lease,) = self.ledger.bind(wish, PLUGIN)
        except AddressBoundElsewhere as held:
            self.must_be_the_pods_own(held.lease.address, wish)
        except (SetExhausted, TryAgainLater):
            assert all(address in self.leased for address in theirs)
        else:
            assert lease.address in theirs
            self.bound(wish, lease.address, None)

    @rule(name=st.sampled_from(CLAIM_PODS), container=containers, named=st.none() | some, over=st.booleans())
    def bind_of_the_claim(self, name: str, container: str, named: str | None, over: bool) -> None:
        takeover = tuple(attachment(f"{each}{n}") for each in CLAIM_PODS for n in (1, 2)) if over else ()
        plain = claim(name, *([named] if named else []), container=f"{name}{container}", takeover=takeover)
        owner = PodRef(namespace="db", name=CLAIM)
        wish = replace(plain, wanted=tuple(replace(each, owner=owner) for each in plain.wanted))
        kept = [address for address, whose in self.reserved.items() if whose[:2] == (CLAIM, "eth0")]
        try:
            (lease,) = self.ledger.bind(wish, PLUGIN)
        except AddressBoundElsewhere as held:
            self.must_be_the_claims(held.lease.address, wish, kept)
        except AddressTaken:
            assert not kept
            assert named is not None
            assert self.is_anothers(ip(named), name, "eth0", kept_for=CLAIM) or named not in USABLE
        except PoolExhausted:
            assert not kept
            assert named is None
            assert not [a for a in USABLE if a != HOLD and self.is_free(ip(a))]
        except TryAgainLater:
            assert not kept
            assert named is not None
            assert self.rests(ip(named))
        else:
            assert [lease.address] == kept or not kept
            self.bound(wish, lease.address, None if kept else named)
            self.reserved.setdefault(lease.address, (CLAIM, "eth0", "sticky"))

    def must_be_the_claims(self, address: Address, wish: Claim, kept: list[Address]) -> None:
        holder = self.leased[address]
        assert holder not in wish.takeover
        assert wish.pod is not None
        assert address in kept or self.pods[holder] == wish.pod.name

    def must_be_the_pods_own(self, address: Address, wish: Claim) -> None:
        holder = self.leased[address]
        assert holder not in wish.takeover
        assert wish.pod is not None
        assert self.pods[holder] == wish.pod.name

    def bound(self, wish: Claim, address: Address, named: str | None) -> None:
        holder, name = self.leased.get(address), wish.pod.name if wish.pod is not None else None
        owner = wish.wanted[0].owner
        mine = (name if owner is None else owner.name, wish.attachment.ifname)
        if holder is not None and holder != wish.attachment:
            assert holder in wish.takeover
            assert self.pods[holder] == name or self.reserved[address][0] == mine[0] == CLAIM
        assert self.reserved.get(address, (*mine, ""))[:2] == mine
        assert str(address) in USABLE
        if named is not None:
            assert address == ip(named)
        for other in [a for a, held_by in self.leased.items() if held_by == wish.attachment and a != address]:
            self.end(other)
        if wish.sticky and name is not None and named is None and holder != wish.attachment:
            self.reserved.setdefault(address, (name, wish.attachment.ifname, "sticky"))
        self.leased[address] = wish.attachment
        self.pods[wish.attachment] = name
        self.released.pop(address, None)

    def end(self, address: Address) -> None:
        del self.leased[address]
        if address not in self.reserved:
            self.has_ended(address)

    def has_ended(self, address: Address) -> None:
        self.released[address] = self.backend.clock().uptime.ns

    def rests(self, address: Address) -> bool:
        released = self.released.get(address)
        return released is not None and self.backend.clock().uptime.ns < released + REST * 10**9

    def is_free(self, address: Address) -> bool:
        return address not in self.leased and address not in self.reserved and not self.rests(address)

    def is_anothers(self, address: Address, name: str | None, ifname: str, kept_for: str = "") -> bool:
        """Say whether it is neither of the pod nor, if `name` is the Deployment's, of one of its pods.

        `kept_for`: whose it may be reserved, if not the pod's.
        """
        holder = self.leased.get(address)
        theirs = {name, *(WEB_PODS if name == WEB else ())} - {None}
        if holder is not None and (self.pods[holder] not in theirs or holder.ifname != ifname):
            return True
        return address in self.reserved and self.reserved[address][:2] != (kept_for or name, ifname)

    @rule(data=st.data())
    def unbind(self, data: st.DataObject) -> None:
        nobody = attachment("nobody")
        gone = data.draw(st.sampled_from([*sorted(self.leased.values(), key=str), nobody]))
        had = {address for address, holder in self.leased.items() if holder == gone}
        assert {lease.address for lease in self.ledger.unbind(gone, PLUGIN)} == had
        for address in had:
            self.end(address)

    @rule(
        name=st.sampled_from(["a", "b", "c", WEB, WEB]),
        ifname=ifnames,
        address=some,
        origin=st.sampled_from(["manual", "declared"]),
    )
    def reserve(self, name: str, ifname: str, address: str, origin: str) -> None:
        possible = address in USABLE and not self.is_anothers(ip(address), name, ifname)
        try:
            if origin == "manual":
                self.ledger.reserve("db", ip(address), PodRef(namespace="db", name=name), ifname, OPERATOR)
            else:
                self.backend.declare(self.declared(address, name, ifname))
        except AddressTaken:
            assert not possible
        else:
            assert possible
            if origin == "declared" or ip(address) not in self.reserved:
                self.reserved[ip(address)] = (name, ifname, origin)
            self.released.pop(ip(address), None)

    def declared(self, address: str, name: str, ifname: str) -> Declared:
        owner = PodRef(namespace="db", name=name)
        return Declared(address=ip(address), pool="db", pod=owner, ifname=ifname)

    @precondition(lambda self: self.reserved)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(sorted(self.reserved)))
        name, ifname, origin = self.reserved[address]
        if origin == "declared":
            self.backend.undeclare(self.declared(str(address), name, ifname))
        else:
            assert self.ledger.release(address, OPERATOR) is not None
        del self.reserved[address]
        if address not in self.leased:
            self.has_ended(address)

    @rule(address=some, container=containers)
    def conflict(self, address: str, container: str) -> None:
        self.ledger.conflicted(ip(address), "02:00:00:00:00:99", attachment(f"a{container}"), PLUGIN)

    @rule(seconds=st.sampled_from([1, 30, 90]))
    def wait(self, seconds: int) -> None:
        self.backend.clock.tick(seconds)

    @rule(seconds=st.sampled_from([-86400, -90, 90, 86400]))
    def somebody_sets_the_clock(self, seconds: int) -> None:
        self.backend.clock.step(seconds)

    @rule()
    def redefine(self) -> None:
        self.backend.define(pool("db", self.subnet(), quarantine=REST))

    @rule()
    def redefine_without_what_is_in_use(self) -> None:
        in_use = sorted({*self.leased, *self.reserved})
        if in_use:
            with pytest.raises(AddressTaken, match=str(in_use[0])):
                self.backend.define(pool("db", self.subnet(*map(str, in_use)), quarantine=REST))

    @rule()
    def reopen(self) -> None:
        self.ledger = self.backend.open()

    @invariant()
    def the_tables_are_as_the_model(self) -> None:
        assert {lease.address: lease.attachment for lease in self.ledger.leases()} == self.leased
        found = {r.address: (r.pod.name, r.ifname, r.origin) for r in self.ledger.reservations()}
        assert found == self.reserved

    @invariant()
    def the_ledger_adds_up_to_the_tables(self) -> None:
        events = list(self.ledger.history())
        folded = fold(events)
        assert folded.bound == self.leased
        assert folded.reserved == {a: (f"db/{name}", ifname) for a, (name, ifname, _) in self.reserved.items()}

    @invariant()
    def who_says_the_same(self) -> None:
        for address in map(ip, ADDRESSES):
            held = self.ledger.who(address)
            assert held.bound_to == self.leased.get(address)
            reserved_for = held.reserved_for.name if held.reserved_for is not None else None
            assert reserved_for == self.reserved.get(address, (None,))[0]

    @invariant()
    def usage_counts_every_address_once(self) -> None:
        (usage,) = self.ledger.usage()
        free = [a for a in USABLE if a != HOLD and self.is_free(ip(a))]
        resting = [a for a in USABLE if a != HOLD and self.rests(ip(a))]
        assert (usage.size, usage.leased, usage.free) == (len(USABLE), len(self.leased), len(free))
        assert (usage.reserved, usage.resting) == (len(self.reserved.keys() - self.leased.keys()), len(resting))


@pytest.mark.parametrize("kind", BACKENDS, ids=lambda kind: kind.__name__)
def test_any_sequence_of_operations_keeps_the_books(kind: type[Backend]) -> None:
    run_state_machine_as_test(
        type("Machine", (Machine,), {"kind": kind}),
        settings=settings(
            max_examples=size(*EXAMPLES[kind]),
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
