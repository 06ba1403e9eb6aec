"""What of the etcd client needs no etcd: bytes, endpoints, settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.stores.etcd import codec, messages
from podberth.stores.etcd.cluster import connecting
from podberth.stores.etcd.endpoint import endpoint
from podberth.stores.etcd.settings import Settings
from podberth.stores.etcd.values import Batch, Compare, Delete, Event, Get, KeyValue, Put, prefix_end
from podberth.stores.etcd.watch import progress_in_order

FILES = {"caFile": "/etc/etcd/ca.pem", "certFile": "/etc/etcd/c.pem", "keyFile": "/etc/etcd/c.key"}


def field(number: int, content: bytes | int) -> bytes:
    """Return a field as protobuf.dev/programming-guides/encoding has it, for numbers and lengths below 128."""
    if isinstance(content, int):
        return _varint(number << 3) + bytes((content,))
    return _varint(number << 3 | 2) + bytes((len(content),)) + content


def _varint(number: int) -> bytes:
    return bytes((number,)) if number < 128 else bytes((number & 127 | 128, number >> 7))


def test_a_transaction_is_these_bytes() -> None:
    request = codec.txn_request(
        [
            Compare(key=b"k", what="create_revision", to=0),
            Compare(key=b"a", end=b"b", what="mod_revision", sign="<", to=7),
            Compare(key=b"v", what="value", sign="!=", to=b"x"),
        ],
        [Put(key=b"k", value=b"v"), Delete(key=b"a", end=b"b")],
        [Get(key=b"k", end=b"l", limit=2, revision=3, keys_only=True)],
    )
    assert request.SerializeToString() == b"".join(
        [
            field(1, field(2, 1) + field(3, b"k") + field(5, 0)),
            field(1, field(1, 2) + field(2, 2) + field(3, b"a") + field(6, 7) + field(64, b"b")),
            field(1, field(1, 3) + field(2, 3) + field(3, b"v") + field(7, b"x")),
            field(2, field(2, field(1, b"k") + field(2, b"v"))),
            field(2, field(3, field(1, b"a") + field(2, b"b"))),
            field(3, field(1, field(1, b"k") + field(2, b"l") + field(3, 2) + field(4, 3) + field(8, 1))),
        ]
    )


def test_a_watch_is_these_bytes() -> None:
    wanted = field(1, field(1, b"a") + field(2, b"b") + field(3, 9) + field(4, 1))
    assert codec.watch_request(b"a", b"b", 9).SerializeToString() == wanted


def test_a_batch_leaves_out_what_was_seen() -> None:
    events = [
        messages.WatchResponse.FromString(
            field(11, field(2, field(1, b"k") + field(3, revision)) + (field(1, 1) if deleted else b""))
        )
        for revision, deleted in ((4, False), (5, False), (6, True))
    ]
    answer = messages.WatchResponse.FromString(field(1, field(3, 9)))
    for each in events:
        answer.MergeFrom(each)
    kept = [
        Event(
            kv=KeyValue(key=b"k", value=b"", create_revision=0, mod_revision=revision, version=0), deleted=revision == 6
        )
        for revision in (5, 6)
    ]
    assert codec.batch(answer, 4) == Batch(revision=6, events=tuple(kept))


@pytest.mark.parametrize(("said", "seen", "reached"), [(9, 4, 9), (3, 4, 4)])
def test_progress_never_goes_back(said: int, seen: int, reached: int) -> None:
    answer = messages.WatchResponse.FromString(field(1, field(3, said)))
    assert codec.batch(answer, seen) == Batch(revision=reached, events=())


@given(st.binary(max_size=5), st.binary(max_size=5))
def test_the_end_of_a_prefix_parts_its_keys_from_the_others(prefix: bytes, key: bytes) -> None:
    end = prefix_end(prefix)
    assert (prefix <= key and (end == b"\0" or key < end)) is key.startswith(prefix)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://etcd-1", "dns:///etcd-1:2379"),
        ("https://etcd-1.bank:4001/", "dns:///etcd-1.bank:4001"),
        ("http://192.0.2.1:2379", "ipv4:192.0.2.1:2379"),
        ("https://[2001:db8::1]:2379", "ipv6:[2001:db8::1]:2379"),
    ],
)
def test_an_endpoint_is_a_url(url: str, target: str) -> None:
    found = endpoint(url)
    assert (found.target, found.secure) == (target, url.startswith("https"))


@pytest.mark.parametrize(
    "raw",
    [
        None, 1, "", "etcd-1:2379", "unix:///run/etcd", "http://", "http://a:0", "http://a:65536", "http://a:x",
        "http://a/b", "http://a?b", "http://u@a", "http://[::1", "http://[fe80::1%25eth0]", "http://a b", "http://ä",
    ],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="expected a URL as 'https://etcd-1:2379', got "):
        endpoint(raw)


def test_settings_have_every_field() -> None:
    raw = {"endpoints": ["https://a"], **FILES, "username": "u", "passwordFile": "/p", "prefix": "/bank/net"}
    assert Settings.parse(Fields(raw, "etcd")) == Settings(
        endpoints=("https://a:2379",),
        ca_file="/etc/etcd/ca.pem",
        cert_file="/etc/etcd/c.pem",
        key_file="/etc/etcd/c.key",
        username="u",
        password_file="/p",
        prefix="/bank/net",
    )
    assert Settings.parse(Fields({"endpoints": ["http://a:1"]})) == Settings(endpoints=("http://a:1",))


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({}, "etcd.endpoints: expected at least one URL"),
        ({"endpoints": ["http://a", "b"]}, "etcd.endpoints[1]: expected a URL as 'https://etcd-1:2379', got 'b'"),
        ({"endpoints": ["http://a", "https://b"]}, "etcd.endpoints[1]: expected the scheme of the first endpoint"),
        ({"endpoints": ["https://a"]}, "etcd.caFile: required field is missing: the endpoints are https"),
        ({"endpoints": ["http://a"], **FILES}, "etcd.caFile: expected only with endpoints that are https"),
        (
            {"endpoints": ["https://a"], "caFile": "/c", "certFile": "/c"},
            "etcd.keyFile: required field is missing: there is etcd.certFile",
        ),
        (
            {"endpoints": ["http://a"], "passwordFile": "/p"},
            "etcd.username: required field is missing: there is etcd.passwordFile",
        ),
        ({"endpoints": ["http://a"], "prefix": "/a/"}, "etcd.prefix: expected a prefix as '/podberth', got '/a/'"),
        ({"endpoints": ["http://a"], "prefx": "/a"}, "etcd.prefx: unknown field; did you mean 'prefix'?"),
    ],
)
def test_a_wrong_setting_is_named(raw: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        Settings.parse(Fields(raw, "etcd"))
    assert raised.value.message == complaint


@pytest.mark.parametrize(
    ("version", "ordered"),
    [
        ("3.4.23", False), ("3.4.24", False), ("3.4.25", True), ("3.4.33", True), ("3.5.0-rc.1", False),
        ("3.5.7", False), ("3.5.8", True), ("3.6.0-alpha.0", True), ("4.0.0", True), ("3.3.27", False), ("", False),
    ],
)  # fmt: skip
def test_progress_may_be_asked_for_where_it_is_answered_in_order(version: str, ordered: bool) -> None:
    assert progress_in_order(version) is ordered


@pytest.mark.parametrize(("endpoints", "seconds"), [(1, 4.0), (2, 2.0), (4, 1.0), (7, 1.0)])
def test_connecting_may_take_a_share_of_the_call_and_never_less_than_grpc_would_wait(
    endpoints: int, seconds: float
) -> None:
    assert connecting(5.0, endpoints) == seconds
    assert connecting(0.5, endpoints) == pytest.approx(0.4)  # a call that is not connected by then was never sent
