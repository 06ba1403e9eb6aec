"""A ConfigMap that is edited into something that does not pass: its last good text is in force, on every node."""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.cni.value import replace
from podberth.policy.bundle import read as bundle_parts
from podberth.stores.kubernetes import copies as config_maps
from podberth.stores.kubernetes.objects import weighed_bundle
from podberth.stores.replica import copies
from podberth.stores.replica.standings import standings
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.control.cluster import config_map, of_set, podnetwork, pool
from tests.contract.test_standing import ELEVEN, HOME, NINE, OTHER, TEN, THIRD, WEB, Here, allowing, bundle, resource
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
    assert wanted.revision == (before.revision if before is not None else 0)
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
    assert again is None or "10.20.0.9" in str([one.text.body for one in again.sayings])
    for one in (controller, old, new, other):
        one.take(bundle("a", OTHER, revision=120))
        assert (one.in_force(), one.ask(standings)) == (TEN, ())


def test_a_reason_says_that_the_last_good_text_stays() -> None:
    controller, _ = begun(ALLOWED, bundle("a", WEB))
    controller.take(bundle("a", THIRD, revision=9))
    (one,) = controller.ask(standings)
    assert "trust is the operator's choice" in one.reason
    assert one.reason.endswith("the last text that passed stays in force")


def test_a_text_of_before_there_were_limits_stays_while_it_can_t_be_read_and_not_beside_a_refused_one() -> None:
    """Its ConfigMap has changed then, and what it says is judged by the rules of now. So is what it said."""
    (part,) = bundle_parts("db", "a", {"declared.yaml": json.dumps(THIRD)})
    old = frozenset(one.digest for one in part.declarations)
    before = bundle("a", THIRD, earlier=old)
    assert Here(ALLOWED, before).in_force() == ELEVEN
    controller, copy = begun(ALLOWED, before)
    unread = bundle("a", "kind: []", revision=9)
    for one in (Here(ALLOWED, before, unread), Here(ALLOWED, copy, unread), Here(ALLOWED, unread, copy)):
        assert one.in_force() == ELEVEN
    refused = bundle("a", podnetwork("web", "10.20.0.11", trust="off"), revision=9, earlier=old)
    controller.take(refused)
    for one in (controller, Here(ALLOWED, copy, refused), Here(ALLOWED, refused, copy)):
        assert one.in_force() == []
    assert kept(controller, 110, copy) is None


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
    """It may be made within the same second, under the same name: its UID is another."""
    controller, copy = begun(ALLOWED, bundle("a", WEB))
    for bad in (THIRD, "kind: []"):
        anew = replace(bundle("a", bad, revision=9), uid="another")
        old = Here(ALLOWED, bundle("a", WEB), copy, anew)  # it has heard of no deletion
        for one in (old, Here(ALLOWED, copy, anew), Here(ALLOWED, anew, copy)):
            assert one.in_force() == []
            again = kept(one, 110, copy)
            assert again is not None
            assert again.sayings == ()
    controller.take(replace(bundle("a", OTHER, revision=9), uid="another"))
    again = kept(controller, 110, copy)
    assert again is not None
    assert again.uid == "another"
    controller.take(again)
    assert Here(ALLOWED, again, replace(bundle("a", THIRD, revision=10), uid="another")).in_force() == TEN


def test_a_last_good_text_without_a_right_is_not_in_force_until_there_is_one_again() -> None:
    controller, copy = begun(ALLOWED, bundle("a", WEB))
    controller.take(bundle("a", THIRD, revision=9))
    for revision, namespace, expected in ((10, "bank", []), (11, "db", NINE)):
        allowed = resource(allowing(namespace), revision)
        controller.take(allowed)
        new = Here(allowed, copy, bundle("a", THIRD, revision=9))
        assert controller.in_force() == new.in_force() == expected
        assert kept(controller, 110, copy) is None


@pytest.mark.parametrize("said", [WEB, "kind: []"], ids=["the ConfigMap says it still", "it can't be read"])
def test_a_right_that_is_withdrawn_takes_nothing_out_of_a_copy(said: Any) -> None:
    """With the right the text is in force again, on new nodes too."""
    _, copy = begun(ALLOWED, bundle("a", WEB))
    withdrawn, broken = resource(allowing("bank"), 10), bundle("a", "kind: []", revision=12)
    for controller in (Here(ALLOWED, copy, bundle("a", said, revision=9)), Here(withdrawn, copy, bundle("a", said))):
        controller.take(withdrawn)
        assert controller.in_force() == []
        assert kept(controller, 110, copy) is None
        controller.take(broken)
        assert kept(controller, 110, copy) is None
        controller.take(resource(allowing("db"), 13))
        assert controller.in_force() == NINE
    assert Here(resource(allowing("db"), 13), copy, broken).in_force() == NINE


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


def by_hand(of: str = "db/a", data: object = None, name: str = "", namespace: str = HOME) -> dict[str, Any]:
    """Return a ConfigMap that looks like a copy."""
    made = config_maps.new(copies.Copy(of=of, uid="", sayings=()), namespace)
    made["metadata"]["resourceVersion"] = "50"
    made["metadata"]["name"] = name or made["metadata"]["name"]
    made["binaryData"] = {config_maps.DOCUMENTS: data} if data is not None else None
    return made


def packed(raw: object) -> str:
    return base64.b64encode(zlib.compress(json.dumps(raw).encode())).decode()


ROW = [json.dumps(WEB), "ConfigMap db/a: declared.yaml", "ConfigMap db/a: declared.yaml", False]
JUNK = (None, 7, "", "AAAA", "ü", packed(7), packed({}), packed([7, None, {}, [], ["{}"], [{}, 1, 2, 3]]))
NONE = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
RAW = st.recursive(NONE, lambda deep: st.lists(deep) | st.dictionaries(st.text(max_size=3), deep), max_leaves=9)
ANNOTATIONS = st.none() | st.dictionaries(st.text(), st.text())


@pytest.mark.parametrize("data", JUNK)
def test_a_copy_that_nobody_can_read_harms_nobody_and_is_written_anew(data: Any) -> None:
    made = by_hand(data=data)
    assert config_maps.is_copy(made, HOME)
    read = config_maps.read(made)
    assert read.sayings == ()
    here = Here(ALLOWED, read, bundle("a", WEB))
    assert here.in_force() == NINE
    (again,) = here.ask(copies.wanted)
    assert (again.revision, [one.text.name for one in again.sayings]) == (50, ["web"])
    assert Here(ALLOWED, read, bundle("a", THIRD)).in_force() == []
    (gone,) = Here(ALLOWED, read).ask(copies.wanted)  # of a ConfigMap that is not there
    assert (gone.of, gone.revision, gone.sayings) == ("db/a", 50, ())


@given(rows=st.lists(st.lists(RAW, max_size=5) | RAW, max_size=4), annotations=ANNOTATIONS)
@settings(max_examples=size(15, 5_000), deadline=None)
def test_no_copy_that_is_written_by_hand_ends_who_reads_it(rows: list[Any], annotations: Any) -> None:
    made = by_hand(data=packed([*rows, ROW]))
    assert [one.text.name for one in config_maps.read(made).sayings][-1:] == ["web"]
    made["metadata"]["annotations"] = annotations
    assert not config_maps.is_copy(made, HOME)


def test_what_looks_like_a_copy_and_is_none_says_nothing() -> None:
    """Only one ConfigMap can be the copy of another: in podberth's own namespace, by its name."""
    of_nobody = by_hand(data=packed([ROW]))
    del of_nobody["metadata"]["annotations"]
    for made in (by_hand(namespace="db"), by_hand(name="podberth-last-good-0"), of_nobody, by_hand(of="")):
        assert not config_maps.is_copy(made, HOME)
        assert not config_maps.declares(made)
    plain = config_map("a", "", HOME)
    assert config_maps.declares(plain)
    assert not config_maps.is_copy(plain, HOME)


def test_a_copy_gives_no_namespace_more_than_its_own_word_could() -> None:
    """Only an operator can write one; what is in it is judged as its ConfigMap's text all the same."""
    beyond = [podnetwork("web", "10.20.0.9", namespace="bank"), THIRD, pool("evil", "10.40.0.0/24")]
    made = by_hand(data=packed([[json.dumps(one), *ROW[1:]] for one in beyond]))
    for bad in ("kind: []", THIRD):
        here = Here(resource(allowing("db", "bank")), config_maps.read(made), bundle("a", bad))
        assert (here.in_force(), pools(here)) == ([], ["10.20.0.0/24"])


def test_copies_of_one_namespace_stay_within_the_budget_of_its_config_maps() -> None:
    """Else each ConfigMap that is broken once it was copied would leave room for another one."""
    many = [of_set(f"n{n}", 2_000, {"base": "10.20.0.10"}) for n in range(3)]
    large = pool("db", "10.20.0.0/16")
    large["spec"]["allow"] = [{"namespaces": ["db"]}]
    here = Here(resource(large))
    there: list[Bundle] = []
    for number in range(5):
        one = replace(bundle(f"m{number}", *many, revision=10 * number + 1), created=f"2026-01-01T00:00:0{number}Z")
        here.take(one)
        for wanted in here.ask(copies.wanted):
            made = config_maps.new(wanted, HOME)
            made["metadata"]["resourceVersion"] = str(10 * number + 2)
            there.append(config_maps.read(made))
            here.take(there[-1])
        here.take(replace(bundle(f"m{number}", "kind: []", revision=10 * number + 3), created=one.created))
    assert [one.copy_of for one in there] == ["db/m0", "db/m1"]  # 6,000 addresses each, of 16,384
    assert here.ask(copies.wanted) == ()


def test_of_a_config_map_that_becomes_a_copy_nothing_is_left() -> None:
    """Its label and its annotation were changed by hand."""
    second = bundle(config_maps.name_of("db/a"), pool("own", "10.40.0.0/24"), namespace=HOME)
    here = Here(ALLOWED, second, bundle("a", "kind: []"))
    assert pools(here) == ["10.20.0.0/24", "10.40.0.0/24"]
    here.take(config_maps.read(by_hand(data=packed([ROW]))))
    assert (pools(here), here.in_force()) == (["10.20.0.0/24"], NINE)
    here.take(replace(second, revision=60))
    assert pools(here) == ["10.20.0.0/24", "10.40.0.0/24"]


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
@settings(max_examples=size(12, 1_000), deadline=None)
def test_in_whatever_order_a_node_hears_of_it_the_same_is_in_force(random: random.Random) -> None:
    news = list(NEWS)
    random.shuffle(news)
    assert sorted(Here(*news).in_force()) == [("PodNetwork db/b", "10.20.0.30"), *NINE]
