"""A ConfigMap that is edited into something that does not pass: its last good text is in force, on every node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.cni.value import replace
from podberth.stores.kubernetes import copies as config_maps
from podberth.stores.kubernetes.objects import weighed_bundle
from podberth.stores.replica import copies
from podberth.stores.replica.standings import standings
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.control.cluster import config_map, of_set, podnetwork, pool
from tests.contract.test_standing import HOME, NINE, OTHER, TEN, THIRD, WEB, Here, allowing, bundle, resource
from tests.contract.test_standing_tenants import limited
from tests.sizes import size
from tests.unit.policy.hostile import ALIASED

if TYPE_CHECKING:
    import random

    from podberth.stores.replica.shared import Bundle, Seen

ALLOWED = resource(allowing("db"))


def kept(here: Here, revision: int, before: Bundle | None = None) -> Bundle | None:
    """Return the copy that a controller which knows what `here` does would write; None if it would write none."""
    found = here.ask(copies.wanted)
    if not found:
        return None
    (wanted,) = found
    assert (wanted.name, wanted.revision) == ((before.name, before.revision) if before is not None else ("", 0))
    made = config_maps.new(wanted, HOME)
    made["metadata"]["resourceVersion"] = str(revision)
    assert config_maps.is_copy(made, HOME)
    assert not config_maps.declares(made)
    return config_maps.read(made, gone=not wanted.sayings)


def begun(*seen: Seen | Bundle) -> tuple[Here, Bundle]:
    """Return a controller that has heard all that, and the copy that it has made, and knows."""
    here = Here(*seen)
    copy = kept(here, 100)
    assert copy is not None
    here.take(copy)
    assert kept(here, 101) is None
    return here, copy


def data(revision: int, **files: object) -> Bundle:
    """Return the ConfigMap db/a with these files."""
    made = config_map("a", "")
    made["metadata"]["resourceVersion"] = str(revision)
    made["data"] = {name.replace("_", "."): text for name, text in files.items()}
    return weighed_bundle(made, HOME, frozenset())[0]


def pools(here: Here) -> list[str]:
    return [str(one.subnets[0].network) for one in SqlitePolicies(here.replica.database).pools()]


BAD: dict[str, Bundle] = {
    "YAML that is none": bundle("a", "kind: [", revision=9),
    "no mapping": bundle("a", "kind: []", revision=9),
    "an empty spec": bundle("a", {**WEB, "spec": {}}, revision=9),
    "an unknown field": bundle("a", {**WEB, "spec": {**WEB["spec"], "ü": "ü"}}, revision=9),
    "the document twice": bundle("a", WEB, WEB, revision=9),
    "a good document beside one that is none": bundle("a", podnetwork("new", "10.20.0.12"), "kind: []", revision=9),
    "more than the limits": bundle("a", ALIASED, revision=9),
    "a value that is no text": data(9, declared_yaml=7),
    "what is the operator's": bundle("a", THIRD, revision=9),
    "a MAC of its own": bundle("a", podnetwork("web", "10.20.0.9", mac="02:00:00:00:00:01"), revision=9),
    "no address": bundle("a", podnetwork("web"), revision=9),
    "a pool that is not there": bundle("a", podnetwork("web", "10.20.0.9", pool="nowhere"), revision=9),
    "an address outside the pool": bundle("a", podnetwork("web", "10.99.0.9"), revision=9),
    "a file of another name, and what is the operator's": data(9, other_yaml=json.dumps(THIRD)),
}


@pytest.mark.parametrize("bad", BAD)
def test_the_last_text_that_passed_is_in_force_on_every_node(bad: str) -> None:
    controller, copy = begun(ALLOWED, bundle("a", WEB))
    old = Here(ALLOWED, bundle("a", WEB), copy)
    for one in (controller, old):
        one.take(BAD[bad])
    new, other = Here(ALLOWED, copy, BAD[bad]), Here(ALLOWED, BAD[bad], copy)
    expected = NINE + ([("PodNetwork db/new", "10.20.0.12")] if "beside" in bad else [])
    assert [sorted(one.in_force()) for one in (controller, old, new, other)] == [sorted(expected)] * 4
    assert new.ask(standings)
    again = kept(controller, 110, copy)  # what is not good is never copied
    assert again is None or WEB["spec"] in [json.loads(one.text.body)["spec"] for one in again.sayings]
    for one in (controller, old, new, other):
        one.take(bundle("a", OTHER, revision=120))
        assert (one.in_force(), one.ask(standings)) == (TEN, ())


def test_a_reason_says_that_the_last_good_text_stays() -> None:
    controller, _ = begun(ALLOWED, bundle("a", WEB))
    controller.take(bundle("a", THIRD, revision=9))
    (one,) = controller.ask(standings)
    assert "trust is the operator's choice" in one.reason
    assert one.reason.endswith("the last text that passed stays in force")


def test_what_a_config_map_does_not_declare_any_more_is_gone_whatever_the_copy_says() -> None:
    second = podnetwork("second", "10.20.0.12")
    for after in (bundle("a", second, revision=9), bundle("a", revision=9)):
        controller, copy = begun(ALLOWED, bundle("a", WEB, second))
        controller.take(after)
        assert "PodNetwork db/web" not in dict(controller.in_force())
        assert controller.in_force() == Here(ALLOWED, copy, after).in_force()
        again = kept(controller, 110, copy)
        assert again is not None
        assert [one.text.name for one in again.sayings] == ([] if not after.sayings else ["second"])


def test_a_config_map_that_was_made_anew_has_nothing_of_the_one_before() -> None:
    controller, copy = begun(ALLOWED, bundle("a", WEB))
    made_later = replace(bundle("a", THIRD, revision=9), created="2026-01-01T00:00:09Z")
    unread = replace(bundle("a", "kind: []", revision=9), created="2026-01-01T00:00:09Z")
    for after in (made_later, unread):
        assert Here(ALLOWED, copy, after).in_force() == []
    controller.take(made_later)
    again = kept(controller, 110, copy)
    assert again is not None
    assert again.sayings == ()


def test_a_last_good_text_without_a_right_is_not_in_force_until_there_is_one_again() -> None:
    controller, copy = begun(ALLOWED, bundle("a", WEB))
    controller.take(bundle("a", THIRD, revision=9))
    for revision, namespace, expected in ((10, "bank", []), (11, "db", NINE)):
        allowed = resource(allowing(namespace), revision)
        controller.take(allowed)
        new = Here(allowed, copy, bundle("a", THIRD, revision=9))
        assert controller.in_force() == new.in_force() == expected
        assert kept(controller, 110, copy) is None


def test_a_set_that_grows_beyond_its_quota_keeps_the_size_it_had_and_takes_no_room_of_others() -> None:
    few, many = (of_set("web", n, {"list": [f"10.20.0.{10 + k}" for k in range(n)]}) for n in (2, 4))
    younger = replace(bundle("b", podnetwork("late", "10.20.0.20"), revision=2), created="2026-01-01T00:00:02Z")
    allowed = resource(limited(3))
    controller = Here(allowed, bundle("a", few), younger)
    for number, wanted in enumerate(controller.ask(copies.wanted)):
        made = config_maps.new(wanted, HOME)
        made["metadata"]["resourceVersion"] = str(100 + number)
        controller.take(config_maps.read(made))
    controller.take(bundle("a", many, revision=9))
    found = {one.name: one for one in SqlitePolicies(controller.replica.database).pod_networks()}
    assert sorted(found) == ["late", "web"]
    assert found["web"].replicas == 2
    assert controller.ask(copies.wanted) == ()


def test_a_pool_of_podberth_s_own_config_map_that_breaks_is_in_force_on_a_new_node() -> None:
    controller, copy = begun(bundle("pools", pool(), namespace=HOME))
    for bad in ("kind: [", {**pool(), "spec": {}}, pool(gateway="10.99.0.1")):
        broken = bundle("pools", bad, revision=9, namespace=HOME)
        assert pools(Here(copy, broken)) == pools(Here(broken, copy)) == ["10.20.0.0/24"]
    controller.take(bundle("pools", revision=10, namespace=HOME))
    assert pools(controller) == []


def test_a_pool_that_another_one_is_in_the_way_of_keeps_its_last_good_text_on_a_new_node() -> None:
    first, second = pool("a", "10.30.0.0/24"), pool("db", "10.20.0.0/24")
    controller, copy = begun(resource(first), bundle("pools", second, namespace=HOME))
    over = bundle("pools", pool("db", "10.30.0.0/24"), revision=9, namespace=HOME)
    controller.take(over)
    for one in (controller, Here(resource(first), copy, over), Here(over, resource(first), copy)):
        assert pools(one) == ["10.30.0.0/24", "10.20.0.0/24"]
    assert kept(controller, 110, copy) is None


@pytest.mark.parametrize("packed", [None, 7, "", "AAAA", "eJyLjgUAARUAuQ==", "eJzT1bW1BQACLAEN", "ü"])
def test_a_copy_that_somebody_wrote_by_hand_harms_nobody(packed: Any) -> None:
    _, copy = begun(ALLOWED, bundle("a", WEB))
    made = config_maps.new(copies.Copy(of="db/a", created="", sayings=copy.sayings), HOME)
    made["metadata"]["resourceVersion"] = "50"
    made["binaryData"] = {config_maps.DOCUMENTS: packed} if packed is not None else None
    read = config_maps.read(made)
    assert Here(ALLOWED, read, bundle("a", WEB)).in_force() == NINE
    assert Here(ALLOWED, read, bundle("a", THIRD)).in_force() == []


def test_a_namespace_can_make_no_copy() -> None:
    made = config_maps.new(copies.Copy(of="db/a", created="", sayings=()), "db")
    assert not config_maps.is_copy(made, HOME)
    assert not config_maps.declares(made)


NEWS: tuple[Seen | Bundle, ...] = (
    ALLOWED,
    resource(allowing("db", "bank"), 4),
    bundle("a", WEB),
    bundle("a", THIRD, revision=9),
    bundle("b", podnetwork("b", "10.20.0.30"), revision=3),
    bundle("b", "kind: []", revision=8),
    begun(ALLOWED, bundle("a", WEB))[1],
    replace(begun(ALLOWED, bundle("b", podnetwork("b", "10.20.0.30")))[1], revision=7),
)


@given(random=st.randoms(use_true_random=False))
@settings(max_examples=size(40, 1_000), deadline=None)
def test_in_whatever_order_a_node_hears_of_it_the_same_is_in_force(random: random.Random) -> None:
    news = list(NEWS)
    random.shuffle(news)
    assert sorted(Here(*news).in_force()) == [("PodNetwork db/b", "10.20.0.30"), *NINE]
