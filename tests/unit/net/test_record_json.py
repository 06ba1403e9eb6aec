"""Every op that there is comes back from JSON as it went in; what is not of our making is refused."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import StoreFailed
from podberth.cni.value import fields
from podberth.net import ops
from podberth.net.record_json import parse_steps, steps_json
from podberth.net.step import Step
from tests.unit.net.every_op import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
addresses = st.ip_addresses()
interfaces = st.builds(
    lambda address, bits: ip_interface((address, bits % (address.max_prefixlen + 1))), addresses, st.integers(0, 128)
)
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "str": texts,
    "int": st.integers(0, 2**32),
    "bool": st.booleans(),
    "Address": addresses,
    "Interface": interfaces,
    "Network": interfaces.map(lambda interface: interface.network),
    "tuple[str, ...]": st.lists(texts, max_size=3).map(tuple),
    "tuple[Address, ...]": st.lists(addresses, max_size=3).map(tuple),
    "tuple[Interface, ...]": st.lists(interfaces, max_size=3).map(tuple),
}


def ops_of(kind: Callable[..., ops.Op]) -> st.SearchStrategy[ops.Op]:
    members = {}
    for name, annotation in fields(kind):
        strategy = MEMBERS[annotation.removesuffix(" | None")]
        members[name] = strategy | st.none() if annotation.endswith(" | None") else strategy
    return st.builds(kind, **members)


befores = st.dictionaries(texts, texts, max_size=3).map(lambda before: tuple(before.items()))


def steps_of(kind: Callable[..., ops.Op]) -> st.SearchStrategy[Step]:
    return st.builds(Step, op=ops_of(kind), before=befores)


def test_the_union_has_ops() -> None:
    assert len(KINDS) > 8


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_steps_come_back_as_they_went_in(kind: Callable[..., ops.Op], data: st.DataObject) -> None:
    steps = tuple(data.draw(st.lists(steps_of(kind), max_size=3)))
    assert parse_steps(steps_json(steps)) == steps


def test_the_order_of_steps_is_kept() -> None:
    steps = tuple(Step(op=ops.SetLinkUp(netns=None, ifname=f"eth{n}"), before=(("up", "0"),)) for n in range(5))
    assert parse_steps(steps_json(steps)) == steps


def test_a_record_is_plain_json() -> None:
    announce = ops.Announce(netns="/run/netns/a", ifname="eth0", addresses=(ip_address("10.0.0.1"),))
    assert json.loads(steps_json([Step(op=announce, before=(("mtu", "1500"),))])) == [
        {
            "op": "Announce", "netns": "/run/netns/a", "ifname": "eth0", "addresses": ["10.0.0.1"],
            "before": {"mtu": "1500"},
        }
    ]  # fmt: skip


def test_a_field_that_the_op_has_got_since_has_its_default() -> None:
    (step,) = parse_steps('[{"op": "LimitTransmit", "netns": null, "ifname": "eth0", "mbit": 9, "before": {}}]')
    assert step == Step(op=ops.LimitTransmit(netns=None, ifname="eth0", mbit=9))
    written = steps_json([Step(op=ops.CreateVeth(name="a", netns="/n", ifname="eth0"))])
    assert json.loads(written) == [{"op": "CreateVeth", "name": "a", "netns": "/n", "ifname": "eth0", "before": {}}]
    (step,) = parse_steps(written)
    assert step.op == ops.CreateVeth(name="a", netns="/n", ifname="eth0", mtu=None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "{}x",
        "[1]",
        '[{"before": {}}]',
        '[{"op": "SetLinkUp", "netns": null, "ifname": "a"}]',
        '[{"op": "SetLinkUp", "ifname": "a", "before": {}}]',
        '[{"op": "SetLinkUp", "netns": null, "ifname": "a", "speed": 9, "before": {}}]',
        '[{"op": "Reboot", "before": {}}]',
        '[{"op": "annotations", "before": {}}]',
        '[{"op": "value", "before": {}}]',
        '[{"op": "__name__", "before": {}}]',
        '[{"op": "AddAddress", "netns": "/n", "ifname": "a", "address": "x", "before": {}}]',
        '[{"op": "Announce", "netns": "/n", "ifname": "a", "addresses": 5, "before": {}}]',
    ],
)
def test_what_is_not_of_our_making_is_refused(text: str) -> None:
    with pytest.raises(StoreFailed, match="a record's steps can't be read"):
        parse_steps(text)
