"""CNI_ARGS: who the pod is, and what its caller wishes."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.args import Args, pairs, readable
from podberth.cni.errors import InvalidEnvironment
from podberth.cni.pod import PodRef

if TYPE_CHECKING:
    from random import Random

KUBERNETES = [
    "IgnoreUnknown=1",
    "K8S_POD_NAMESPACE=db",
    "K8S_POD_NAME=mysql-0",
    "K8S_POD_INFRA_CONTAINER_ID=c0ffee",
    "K8S_POD_UID=6f1e-11",
    "SOMETHING_NEW=a=b",
]


@given(st.permutations(KUBERNETES))
def test_what_containerd_passes_is_read_in_any_order(pairs: list[str]) -> None:
    args = Args.parse(";".join(pairs))
    assert args.pod == PodRef(namespace="db", name="mysql-0", uid="6f1e-11")
    assert args.infra_container_id == "c0ffee"
    assert (args.ips, args.mac) == ((), None)


MULTUS = (
    "IgnoreUnknown=true;K8S_POD_NAMESPACE=default;K8S_POD_NAME=two;K8S_POD_INFRA_CONTAINER_ID=c0ffee;K8S_POD_UID=6f1e-11;"
    "K8S_POD_INFRA_CONTAINER_ID=c0ffee;K8S_POD_UID=6f1e-11;IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=two"
)


def test_what_multus_passes_with_every_key_twice_is_one_pod() -> None:
    args = Args.parse(MULTUS)
    assert args.pod == PodRef(namespace="default", name="two", uid="6f1e-11")
    assert args.infra_container_id == "c0ffee"


def test_of_a_key_that_comes_again_the_last_value_counts() -> None:
    args = Args.parse("IP=10.0.0.1;MAC=02:00:00:00:00:01;deviceID=a;IP=10.0.0.2;deviceID=b;MAC=")
    assert (args.ips, args.mac, args.device_id) == ((ip_address("10.0.0.2"),), None, "b")
    assert Args.parse("X=1;IgnoreUnknown=0;IgnoreUnknown=1") == Args()
    with pytest.raises(InvalidEnvironment, match="unknown key X"):
        Args.parse("X=1;IgnoreUnknown=1;IgnoreUnknown=0")


def test_a_pods_name_that_is_emptied_later_in_the_call_is_not_named() -> None:
    assert Args.parse("K8S_POD_NAMESPACE=db;K8S_POD_NAME=x;K8S_POD_NAME=") == Args()
    assert Args.parse("K8S_POD_NAMESPACE=db;K8S_POD_NAME=;K8S_POD_NAME=x").pod == PodRef(namespace="db", name="x")


def test_a_key_may_be_a_name_of_reverse_dns() -> None:
    args = Args.parse("com.example/key=1;io.example.a/b=x=y;IgnoreUnknown=1;K8S_POD_NAMESPACE=db;K8S_POD_NAME=x")
    assert args.pod == PodRef(namespace="db", name="x")


@pytest.mark.parametrize("key", ["io.example/a b", "größe", "\u6771", "", " ", "a\tb", "A:B", '"', "\udcff"])
def test_a_key_that_nobody_knows_may_have_any_sign_where_such_are_ignored(key: str) -> None:
    known = "IgnoreUnknown=1;K8S_POD_NAMESPACE=db;K8S_POD_NAME=x"
    assert Args.parse(f"{key}=a=b=;{known};;{key}=;") == Args.parse(known)
    with pytest.raises(InvalidEnvironment, match="unknown key") as raised:
        Args.parse(f"{key}=a=b")
    assert raised.value.message.isprintable()


def test_a_value_may_have_the_sign_between_key_and_value() -> None:
    assert pairs("a=b=c;d==;e=") == {"a": "b=c", "d": "=", "e": ""}


def test_a_pods_name_without_a_namespace_is_a_name_alone() -> None:
    assert Args.parse("K8S_POD_NAME=web;IgnoreUnknown=1;K8S_POD_UID=u1") == Args(lone_name="web", uid="u1")
    assert Args.parse("K8S_POD_NAMESPACE=db") == Args()


GO_TEXT = st.text(st.characters(exclude_characters=";="), max_size=6)
GO_KEY = st.text(st.characters(exclude_characters=";="), max_size=6)
GO_PAIRS = st.lists(st.tuples(GO_KEY | st.sampled_from(["K8S_POD_NAME", "IP", "a.b/c"]), GO_TEXT), max_size=12)


def as_go_reads_it(raw: str) -> dict[str, str]:
    """Assign pair after pair, as LoadArgs of containernetworking/cni does (pkg/types/args.go)."""
    fields: dict[str, str] = {}
    for pair in raw.split(";"):
        key, text = pair.split("=")
        fields[key] = text
    return fields


@given(GO_PAIRS)
def test_pairs_are_what_gos_library_makes_of_them(written: list[tuple[str, str]]) -> None:
    raw = ";".join(f"{key}={text}" for key, text in written)
    assert pairs(raw) == readable(raw) == (as_go_reads_it(raw) if raw else {})


@given(st.lists(st.sampled_from([*KUBERNETES[:-1], "IP=10.0.0.1", "MAC=", "a/b=1"]), min_size=1), st.randoms())
def test_pairs_sent_again_in_any_order_change_nothing(said: list[str], random: Random) -> None:
    once = list(dict.fromkeys(["IgnoreUnknown=1", *said]))
    again = once + random.choices(once, k=len(once))
    random.shuffle(again)
    assert Args.parse(";".join(again)) == Args.parse(";".join(once))


@given(st.text(max_size=80))
def test_as_much_as_can_be_read_is_told_of_any_text(raw: str) -> None:
    told = readable(raw)
    assert all("=" not in key and ";" not in key + text for key, text in told.items())
    try:
        assert pairs(raw) == told
    except InvalidEnvironment:
        assert any("=" not in pair for pair in raw.split(";") if pair.strip())


@pytest.mark.parametrize(
    "nothing", ["", ";", ";;", "IgnoreUnknown=1", "K8S_POD_NAME=;K8S_POD_NAMESPACE=", "IP=;MAC=", "IP=10.0.0.1;IP="]
)
def test_nothing_said_is_nothing_known(nothing: str) -> None:
    assert Args.parse(nothing) == Args()


def test_wishes_are_addresses_of_both_families_and_a_mac() -> None:
    args = Args.parse("IP=10.20.0.11/24,fd00:20::11;MAC=02-00-00-00-00-1A;")
    assert args.ips == (ip_address("10.20.0.11"), ip_address("fd00:20::11"))
    assert args.mac == "02:00:00:00:00:1a"


@pytest.mark.parametrize("yes", ["1", "true", "True", "TRUE"])
def test_unknown_keys_are_ignored_on_request(yes: str) -> None:
    assert Args.parse(f"FOO=BAR;ABC=1=2;IgnoreUnknown={yes}") == Args()


def test_a_pod_without_uid_has_none() -> None:
    assert Args.parse("K8S_POD_NAMESPACE=db;K8S_POD_NAME=mysql-0").pod == PodRef(namespace="db", name="mysql-0")


def test_names_of_other_runtimes_are_taken() -> None:
    pod = Args.parse("K8S_POD_NAMESPACE=Zealous_Einstein;K8S_POD_NAME=Zealous_Einstein").pod
    assert pod == PodRef(namespace="Zealous_Einstein", name="Zealous_Einstein")


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ("FOO=BAR", "CNI_ARGS: unknown key FOO"),
        ("FOO=BAR;IgnoreUnknown=0", "CNI_ARGS: unknown key FOO"),
        ("B=1;A=2;IgnoreUnknown=false", "CNI_ARGS: unknown key B, A"),
        ("ignoreunknown=1", "CNI_ARGS: unknown key ignoreunknown"),
        (";".join(f"K{i}=1" for i in range(99)), "CNI_ARGS: unknown key K0, K1, K2, K3, K4, K5, K6, K7 and 91 more"),
        ("IgnoreUnknown=maybe;X=1", "CNI_ARGS.IgnoreUnknown: expected 1, true, 0 or false, got 'maybe'"),
        ("FOO", "CNI_ARGS: expected KEY=VALUE pairs, got 'FOO'"),
        ("=BAR", "CNI_ARGS: unknown key ''"),
        ("A B=1", "CNI_ARGS: unknown key 'A B'"),
        ("A\x00=1", r"CNI_ARGS: unknown key 'A\x00'"),
        (" K8S_POD_NAME=x", "CNI_ARGS: unknown key ' K8S_POD_NAME'"),
        ("IP=10.0.0.1;IP=10.0.0.300", "CNI_ARGS.IP: expected an IP address, got '10.0.0.300'"),
        ("com.example/key=1", "CNI_ARGS: unknown key com.example/key"),
        ("K8S_POD_NAME=one;K8S_POD_NAME=two", "CNI_ARGS: K8S_POD_NAME is 'one' and 'two' in one call"),
        ("K8S_POD_NAMESPACE=a;K8S_POD_NAME=x;K8S_POD_NAMESPACE=b", "CNI_ARGS: K8S_POD_NAMESPACE is 'a' and 'b' in"),
        ("K8S_POD_NAME=x;K8S_POD_UID=u1;K8S_POD_UID=u2;K8S_POD_UID=u1", "CNI_ARGS: K8S_POD_UID is 'u1' and 'u2' in"),
        ("K8S_POD_NAME=one;K8S_POD_NAME=;K8S_POD_NAME=two", "CNI_ARGS: K8S_POD_NAME is 'one' and 'two' in one call"),
        ("K8S_POD_NAMESPACE=db;K8S_POD_NAME=../x", "CNI_ARGS.K8S_POD_NAME: expected a letter or digit"),
        ("K8S_POD_NAMESPACE=db;K8S_POD_NAME=a..b", "CNI_ARGS.K8S_POD_NAME: expected a name without '..', got 'a..b'"),
        ("K8S_POD_NAMESPACE=a/b;K8S_POD_NAME=x", "CNI_ARGS.K8S_POD_NAMESPACE: expected a letter or digit"),
        ("K8S_POD_NAMESPACE=db;K8S_POD_NAME=a\x00", "CNI_ARGS.K8S_POD_NAME: expected a letter or digit"),
        ("K8S_POD_NAMESPACE=db;K8S_POD_NAME=" + "a" * 254, "CNI_ARGS.K8S_POD_NAME: expected a name of 1..253"),
        ("K8S_POD_NAMESPACE=db;K8S_POD_NAME=x;K8S_POD_UID=a/b", "CNI_ARGS.K8S_POD_UID: expected a letter or digit"),
        ("K8S_POD_INFRA_CONTAINER_ID=../..", "CNI_ARGS.K8S_POD_INFRA_CONTAINER_ID: expected a letter or digit"),
        ("IP=10.0.0.300", "CNI_ARGS.IP: expected an IP address, got '10.0.0.300'"),
        ("IP=10.0.0.1,", "CNI_ARGS.IP: expected an IP address, got ''"),
        ("MAC=ff:ff:ff:ff:ff:ff", "CNI_ARGS.MAC: expected the MAC address of one host, got the multicast address"),
        ("A=" + "x" * 70000, "CNI_ARGS: expected at most 65536 characters, got 70002"),
    ],
)
def test_the_key_at_fault_is_named_with_code_4(raw: str, complaint: str) -> None:
    with pytest.raises(InvalidEnvironment) as raised:
        Args.parse(raw)
    assert raised.value.code == 4
    assert raised.value.message.startswith(complaint)
    assert len(raised.value.message) < 200


@given(st.text(max_size=80) | st.lists(st.sampled_from(KUBERNETES) | st.text(max_size=8)).map(";".join))
def test_anything_is_read_or_refused_with_code_4(raw: str) -> None:
    try:
        args = Args.parse(raw)
    except InvalidEnvironment:
        return
    assert args.pod is None or not set("/\x00") & set(str(args.pod.name + args.pod.namespace))
