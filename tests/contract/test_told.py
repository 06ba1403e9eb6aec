"""An address that running pods were told of goes to nobody until they are gone, on every store and every client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import CniError, PoolExhausted, TryAgainLater
from podberth.cni.pod import PodRef
from podberth.stores.replica import former
from podberth.stores.sqlite import told
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.told import Told, changes, of_pool, replace
from tests.contract.declarations import OPERATOR, STORES, Store
from tests.unit.policy.declared import ip

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)


def pool(gateway: str, *, subnet: str = "10.20.0.0/29", **settings: object) -> dict[str, object]:
    spec = {"subnets": [{"subnet": subnet, "gateway": gateway}], **settings}
    return {"kind": "Pool", "metadata": {"name": "db"}, "spec": spec}


def test_a_former_gateway_goes_to_nobody_while_a_pod_runs_that_was_told_of_it(store: Store) -> None:
    store.apply(pool("10.20.0.1"))
    store.bind("db/a")
    store.apply(pool("10.20.0.6"))
    for client in (store, store.again()):
        with pytest.raises(TryAgainLater, match=r"10.20.0.1 of pool db is held back: 1 running pods were told"):
            client.bind("db/b", "10.20.0.1")
    assert [str(store.again().bind(f"db/{name}").address)[-1] for name in "cde"] == ["3", "4", "5"]
    with pytest.raises(PoolExhausted, match="1 held back since running pods were told"):
        store.bind("db/f")
    store.unbind("db/a")
    assert sorted(str(store.again().bind(f"db/{name}").address)[-1] for name in "fg") == ["1", "2"]


def without_leases(connection: Connection, *what: Any) -> None:
    """Note what was told as an approver does that has heard of no lease yet."""
    leases = connection.execute("SELECT * FROM leases").fetchall()
    connection.execute("DELETE FROM leases")
    changes(connection, *what)
    connection.executemany(f"INSERT INTO leases VALUES ({', '.join('?' * len(leases[0]))})", leases)


@pytest.mark.parametrize("kind", [name for name in STORES if name != "sqlite"])
def test_the_gateway_of_a_pod_that_the_approver_has_not_heard_of_is_held_back_too(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = STORES[kind](tmp_path)
    store.apply(pool("10.20.0.1"))
    store.bind("db/a")
    with monkeypatch.context() as behind:
        behind.setattr(former, "_last", lambda *_: 0)
        behind.setattr(former, "_is_as_old", lambda *_: False)
        behind.setattr(told, "changes", without_leases)
        store.apply(pool("10.20.0.6"))
    with pytest.raises(TryAgainLater, match=r"10.20.0.1 of pool db is held back: 1 running pods were told"):
        store.again().bind("db/b", "10.20.0.1")


def test_a_former_gateway_is_reserved_for_nobody(store: Store) -> None:
    store.apply(pool("10.20.0.1"))
    store.bind("db/a")
    store.apply(pool("10.20.0.6"))
    with pytest.raises(CniError, match="held back"):
        store.again().ledger.reserve("db", ip("10.20.0.1"), PodRef(namespace="db", name="x"), "eth0", OPERATOR)


def test_a_former_dns_server_and_next_hop_are_held_back_too(store: Store) -> None:
    routes = [{"dst": "0.0.0.0/0", "gw": "10.20.0.3"}]
    store.apply(pool("10.20.0.1", dns={"nameservers": ["10.20.0.2"]}, routes=routes))
    assert str(store.bind("db/a").address) == "10.20.0.4"
    store.apply(pool("10.20.0.1"))
    assert str(store.again().bind("db/b").address) == "10.20.0.5"
    store.unbind("db/a")
    store.unbind("db/b")
    assert {str(store.bind(f"db/{name}").address)[-1] for name in "cd"} <= {"2", "3", "4", "5", "6"}


def test_a_gateway_that_comes_back_and_goes_again_is_still_held_back(store: Store) -> None:
    store.apply(pool("10.20.0.1"))
    store.bind("db/a")
    for gateway in ("10.20.0.6", "10.20.0.1", "10.20.0.5"):
        store.again().apply(pool(gateway))
    store.bind("db/b")
    assert str(store.again().bind("db/c").address) == "10.20.0.4"
    store.unbind("db/a")
    assert str(store.again().bind("db/d").address) == "10.20.0.1"


def test_without_a_running_pod_nothing_is_held_back(store: Store) -> None:
    store.apply(pool("10.20.0.1"))
    store.bind("db/a")
    store.unbind("db/a")
    store.apply(pool("10.20.0.6"))
    assert str(store.again().bind("db/b").address) == "10.20.0.1"
    (usage,) = store.ledger.usage()
    assert usage.free == 4


def test_what_is_held_back_is_not_free(store: Store) -> None:
    store.apply(pool("10.20.0.1"))
    store.bind("db/a")
    store.apply(pool("10.20.0.6"))
    (usage,) = store.again().ledger.usage()
    assert (usage.size, usage.leased, usage.free) == (5, 1, 3)


def test_what_was_told_is_noted_until_the_last_lease_that_is_as_old_ends(tmp_path: Path) -> None:
    store = STORES["sqlite"](tmp_path)

    def noted() -> list[str]:
        with Database(str(tmp_path)).read() as connection:
            return [str(one.address) for one in of_pool(connection, "db")]

    store.apply(pool("10.20.0.1"))
    store.bind("db/a")
    store.bind("db/b")
    store.apply(pool("10.20.0.6"))
    store.bind("db/c")
    store.unbind("db/a")
    assert noted() == ["10.20.0.1"]
    store.unbind("db/b")
    assert noted() == []


def test_what_one_pool_told_of_is_not_another_s_to_take_over(tmp_path: Path) -> None:
    """A text that was written by hand may speak of any address, of another pool's too."""
    store = STORES["sqlite"](tmp_path)
    store.apply(pool("10.20.0.1"))
    store.bind("db/a")
    store.apply(pool("10.20.0.6"))
    noted = Told(address=ip("10.20.0.1"), since=1)
    with Database(str(tmp_path)).write() as connection:
        replace(connection, "other", (noted,))
        replace(connection, "other", ())
    with pytest.raises(TryAgainLater, match="is held back"):
        store.bind("db/b", "10.20.0.1")
