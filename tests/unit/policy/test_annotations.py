"""A pod may write anything into its annotation; nothing but a bounded list of attachments comes out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig
from podberth.policy.annotations import MAX_BYTES, parse_annotation
from podberth.policy.podnetwork import AttachmentPolicy
from tests.unit.policy.declared import ip


def test_attachments_are_read_like_those_of_a_podnetwork() -> None:
    text = '[{"addresses": ["10.20.0.5", "fd00::5"]}, {"ifname": "eth1", "network": "n", "mtu": 1400, "sticky": true}]'
    first, second = parse_annotation(text)
    assert first == AttachmentPolicy(ifname="eth0", addresses=(ip("10.20.0.5"), ip("fd00::5")))
    assert (second.ifname, second.network, second.settings.mtu, second.sticky) == ("eth1", "n", 1400, True)


def test_an_empty_list_asks_for_nothing() -> None:
    assert parse_annotation("[]") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "got nothing"),
        ("{", "not valid JSON"),
        ("{}", "expected a list of attachments, got an object"),
        ("5", "expected a list of attachments, got 5"),
        ("[5]", "attachments[0]: expected an object, got 5"),
        ('[{"mtu": "big"}]', "attachments[0].mtu: expected a whole number"),
        ('[{"addresses": ["10.0.0.1", "x"]}]', "attachments[0].addresses[1]: expected an IP address, got 'x'"),
        ('[{"ordinals": [{"base": "10.0.0.1"}]}]', "attachments[0].ordinals: `ordinals` are for a statefulSet"),
        ('[{"mtu": 1, "mtu": 2}]', "the key 'mtu' is there twice"),
        ('[{"polo": "a"}]', "attachments[0].polo: unknown field; did you mean 'pool'?"),
        ('[{"ifname": "../../x"}]', "attachments[0].ifname: expected an interface name"),
        (json.dumps([{"ifname": f"e{i}"} for i in range(17)]), "attachments: expected at most 16 members"),
        ("[" * 9 + "]" * 9, "levels of nesting"),
        ("[" * 5000, "not valid JSON|levels of nesting"),
        ("[" + " " * MAX_BYTES + "]", "at most 16384 bytes"),
        ('["\ud800"]', "attachments[0]: expected an object"),
        ("[NaN]", "not valid JSON"),
        (f"[{'9' * 500}]", "not valid JSON"),
    ],
)
def test_hostile_annotations_are_refused_by_name(text: str, complaint: str) -> None:
    with pytest.raises(InvalidConfig) as wrong:
        parse_annotation(text)
    assert wrong.value.message.startswith("pod annotation podberth.io/network: ")
    assert any(part in wrong.value.message for part in complaint.split("|"))
    assert len(wrong.value.message) < 400


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["ifname", "pool", "addresses", "vlan", "mtu", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.text(max_size=40) | junk.map(json.dumps) | st.lists(junk, max_size=3).map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_annotation(text)
    except InvalidConfig as wrong:
        assert wrong.message.startswith("pod annotation")  # noqa: PT017 - both ends are fine, nothing else is
    else:
        assert len(found) <= 16
