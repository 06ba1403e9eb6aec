"""CNI_ARGS: who the pod is, and what its caller wishes."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.args import Args
from podberth.cni.errors import InvalidEnvironment
from podberth.cni.pod import PodRef

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


@pytest.mark.parametrize("nothing", ["", ";", ";;", "IgnoreUnknown=1", "K8S_POD_NAME=;K8S_POD_NAMESPACE=", "IP=;MAC="])
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
        ("=BAR", "CNI_ARGS: expected KEY=VALUE pairs, got '=BAR'"),
        ("A B=1", "CNI_ARGS: expected KEY=VALUE pairs, got 'A B=1'"),
        ("A\x00=1", r"CNI_ARGS: expected KEY=VALUE pairs, got 'A\x00=1'"),
        ("IP=10.0.0.1;IP=10.0.0.2", "CNI_ARGS: the key 'IP' is there twice"),
        ("K8S_POD_NAME=mysql-0", "CNI_ARGS.K8S_POD_NAMESPACE: required beside K8S_POD_NAME"),
        ("K8S_POD_NAMESPACE=db", "CNI_ARGS.K8S_POD_NAME: required beside K8S_POD_NAMESPACE"),
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
