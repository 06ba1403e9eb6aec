"""The store with few and with very many leases and events: binding, who had an address, reserving in an IPv6 /64.

Stores are asked in turn, A B C A B C, on the disk that TMPDIR is on. What fills them is written as plain rows.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from functools import partial
from ipaddress import ip_address, ip_network
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import show, timed
from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.ipam.pool import Pool, Span, Subnet
from podberth.stores.clock import node_clock
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.declared import define_pool
from podberth.stores.sqlite.ledger import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence

    from podberth.net.ops import Address, Network

BIND_ROUNDS = 300
WHO_ROUNDS = 3000
LEASES = 100_000
EVENTS = 1_000_000
BLOCK = int(ip_address("10.0.0.1"))  # the first address of every IPv4 pool here
BEGIN = 1_700_000_000 * 10**9
ACTOR = Actor(who="bench", why="ADD", node="bench")
LEASE = "INSERT INTO leases VALUES (?, 4, 'db', 'n', ?, 'eth0', 'bench', ?, '', '/x', 'bench', ?)"
REST = "INSERT INTO resting (address, pool, family, until, offered) VALUES (?, 'db', 4, ?, 1)"
EVENT = """
    INSERT INTO events (
        time, kind, address, pool, state, namespace, pod, uid, ifname, network, container_id, who, why, node
    ) VALUES (?, ?, ?, 'db', ?, 'bench', ?, '', 'eth0', 'n', ?, 'plugin', 'ADD', 'bench')
"""


class Store:
    """A store in a directory of its own, with one pool: the first `size` addresses of the network, or all."""

    def __init__(
        self, directory: Path, network: str = "10.0.0.0/8", *, size: int = 0, allocation: str = "lowest"
    ) -> None:
        self.directory = str(directory)
        ranges = (Span(first=ip_address(BLOCK), last=ip_address(BLOCK + size - 1)),) if size else ()
        subnet = Subnet(network=ip_network(network), ranges=ranges)
        self.pool = Pool(name="db", subnets=(subnet,), allocation=allocation)
        self.database = Database(self.directory)
        self.ledger = SqliteLedger(self.database, clock=node_clock)
        self.names = count()
        with self.database.write() as connection:
            define_pool(connection, self.pool)

    def fill(self, leased: Collection[int], rested: Collection[int] = ()) -> Store:
        """Lease these addresses, by their place in the pool; those `rested` have been, and may be taken again."""
        with self.database.write() as connection:
            connection.executemany(LEASE, ((packed(n), f"full-{n}", f"full-{n}", BEGIN) for n in leased))
            connection.executemany(REST, ((packed(n), BEGIN + n) for n in rested))
            connection.executemany(EVENT, event_rows([*rested, *rested, *leased]))
            define_pool(connection, self.pool)
        return self

    def remember(self, places: Iterable[int]) -> Store:
        """Write an event of each of these addresses, a second apart: bound, unbound, bound again ..."""
        with self.database.write() as connection:
            connection.executemany(EVENT, event_rows(places))
        return self

    def must_give(self, places: Container[int]) -> Store:
        """Make sure that a new pod gets one of these addresses, or the figures would be of something else."""
        claim = self.claim()
        (lease,) = self.ledger.bind(claim, ACTOR)
        self.ledger.unbind(claim.attachment, ACTOR)
        if int(lease.address) - BLOCK not in places:
            raise RuntimeError(f"{lease.address} is not what this pool was to give")
        return self

    def claim(self, family: int = 4) -> Claim:
        """Return the claim of a new pod."""
        name = f"pod-{next(self.names)}"
        return Claim(
            attachment=Attachment(network="n", container_id=name, ifname="eth0"),
            pod=PodRef(namespace="bench", name=name),
            netns="/x",
            wanted=(Wanted(pool="db", family=family),),
        )


def packed(place: int) -> bytes:
    """Return the address at a place of the pool as the store keeps it."""
    return (BLOCK + place).to_bytes(4, "big")


def event_rows(places: Iterable[int]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of events of these addresses: each is bound and unbound in turn."""
    seen: Counter[int] = Counter()
    for i, place in enumerate(places):
        kind, state = (("Bound", "LEASED"), ("Unbound", "FREE"))[seen[place] % 2]
        seen[place] += 1
        yield BEGIN + i * 10**9, kind, packed(place), state, f"full-{place}", f"full-{place}"


def in_turn(actions: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Take a sample of each action in turn, the order shifted by one every round."""
    took: dict[str, list[float]] = {name: [] for name in actions}
    names = list(actions)
    for turn in range(rounds):
        for i in range(len(names)):
            name = names[(turn + i) % len(names)]
            took[name].append(actions[name]())
    return took


def bind(store: Store) -> float:
    """Bind once, as the n-th ADD of a process that goes on; what it got is given back, untimed."""
    claim = store.claim()
    took = timed(partial(store.ledger.bind, claim, ACTOR))
    store.ledger.unbind(claim.attachment, ACTOR)
    return took


def open_and_bind(store: Store) -> float:
    """Open the store and bind, as each ADD by exec does."""
    claim, database = store.claim(), Database(store.directory)
    ledger = SqliteLedger(database, clock=node_clock)
    took = timed(partial(ledger.bind, claim, ACTOR))
    ledger.unbind(claim.attachment, ACTOR)
    database.close()
    return took


def who(store: Store, places: Sequence[int], events: int) -> float:
    """Ask who had one of the addresses at any time, in microseconds."""
    at = BEGIN + random.randrange(events) * 10**9  # noqa: S311 - a sample
    return timed(partial(store.ledger.who, ip_address(BLOCK + random.choice(places)), at)) * 1000  # noqa: S311


def one_of(network: Network) -> Address:
    """Return any host address of the network."""
    return network[random.randrange(1, network.num_addresses - 1)]  # noqa: S311 - a sample


def reserve(store: Store, some: Callable[[], Address]) -> float:
    """Reserve an address by hand; the reservation ends again, untimed."""
    address, pod = some(), PodRef(namespace="bench", name="mysql-0")
    took = timed(partial(store.ledger.reserve, "db", address, pod, "eth0", ACTOR))
    store.ledger.release(address, ACTOR)
    return took


def binding(scratch: Path) -> None:
    """Print what binding costs in an empty pool and in full ones."""
    everything = range(2 * LEASES)
    scattered = random.sample(everything, LEASES)
    others = set(everything) - set(scattered)
    used = Store(scratch / "used", size=2 * LEASES, allocation="leastRecentlyUsed")
    back = Store(scratch / "back", size=2 * LEASES)
    stores = {
        "an empty pool": Store(scratch / "empty").must_give({0}),
        "100,000 leases": Store(scratch / "full").fill(range(LEASES)).must_give({LEASES}),
        "half of 200,000 at random": Store(scratch / "holes").fill(scattered).must_give(others),
        "... and the rest released (LRU)": used.fill(scattered, sorted(others)).must_give(others),
        "... the same (lowest)": back.fill(scattered, sorted(others)).must_give(others),
    }
    for title, how in (("Bind", bind), ("Open the store and bind", open_and_bind)):
        actions = {name: partial(how, store) for name, store in stores.items()}
        show(f"{title} in", in_turn(actions, BIND_ROUNDS), against="an empty pool")


def remembering(scratch: Path) -> None:
    """Print what it costs to find who had an address, in a short ledger and in a long one."""
    few = Store(scratch / "few").remember(n % 50 for n in range(1000))
    # Every other event is of one busy address, place 0; the rest are of 9,999 others.
    many = Store(scratch / "many").remember(n // 2 % 9999 + 1 if n % 2 else 0 for n in range(EVENTS))
    actions = {
        "1,000 events": partial(who, few, range(50), 1000),
        "1,000,000 events": partial(who, many, range(1, 10_000), EVENTS),
        "... 500,000 of this address": partial(who, many, range(1), EVENTS),
    }
    show(
        "Who had an address at a time, in a ledger of", in_turn(actions, WHO_ROUNDS), against="1,000 events", unit="µs"
    )


def reserving(scratch: Path) -> None:
    """Print what a reservation costs in a small pool and in one of 2**64 addresses."""
    small, large = ip_network("10.0.0.0/24"), ip_network("fd00:20::/64")
    actions = {
        name: partial(reserve, Store(scratch / f"v{network.version}", str(network)), partial(one_of, network))
        for name, network in (("an IPv4 /24", small), ("an IPv6 /64", large))
    }
    show("Reserve an address by hand in", in_turn(actions, BIND_ROUNDS), against="an IPv4 /24")


def run() -> None:
    """Measure and print the tables."""
    random.seed(1)  # the same addresses in every run
    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as scratch:
        binding(Path(scratch))
        remembering(Path(scratch))
        reserving(Path(scratch))
