"""What is told of Pools that were deleted while somebody has addresses of them."""

from __future__ import annotations

from podberth.cni.value import replace
from podberth.controller.left import left
from podberth.policy.changes import Waiting
from tests.unit.controller.test_gone import LEASE

WAITS = Waiting(document="Pool db", source="", reason="db/a has 10.20.0.11", kept=True)


def test_a_deleted_pool_that_stays_in_force_is_told_so() -> None:
    told = left({"db": WAITS}, {"db"}, [LEASE], ())
    assert told == {"db": ("StillInForce", "db/a has 10.20.0.11; what was in force before stays")}


def test_a_deleted_pool_whose_addresses_another_pool_has_now_is_told_to_be_out_of_force() -> None:
    ((event, text),) = left({"db": replace(WAITS, kept=False)}, {"other"}, [LEASE], {"other"}).values()
    assert (event, text) == ("NotInForce", "db/a has 10.20.0.11; nothing of that name is in force")


def test_a_lease_of_a_pool_that_nobody_knows_is_told() -> None:
    ((event, text),) = left({}, {"other"}, [LEASE], {"other"}).values()
    assert event == "NotInForce"
    assert "10.20.0.11 stays that of db/a" in text
    assert "declare it again" in text


def test_what_has_an_object_or_a_config_map_to_say_so_is_not_told_here() -> None:
    of_map = replace(WAITS, source="db/pools[0]", kept=False)
    assert left({"db": WAITS}, {"db"}, [LEASE], {"db"}) == {}
    assert left({"db": of_map}, (), [LEASE], ()) == {}
    podnetwork = Waiting(document="PodNetwork db/a", source="", reason="", kept=False)
    assert left({"db/a": podnetwork}, {"db"}, [LEASE], {"db"}) == {}
