"""Requests: which variables each verb needs, what they may hold, and in what order faults are found."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni import version as versions
from podberth.cni.args import Args
from podberth.cni.call import Call, Verb, VersionProbe, spoken_version
from podberth.cni.errors import CniError, DecodingFailure, IncompatibleVersion, InvalidConfig, InvalidEnvironment
from podberth.cni.pod import Attachment, PodRef
from tests.unit.cni.examples import as_bytes

CONF: dict[str, Any] = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth"}
STDIN = as_bytes(CONF)
ENV = {
    "CNI_CONTAINERID": "c0ffee",
    "CNI_NETNS": "/var/run/netns/blue",
    "CNI_IFNAME": "eth0",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=db;K8S_POD_NAME=mysql-0",
    "CNI_PATH": "/opt/cni/bin:/usr/lib/cni:",
    "PATH": "/bin",
}
ATTACHED = ("ADD", "DEL", "CHECK")
EVERY = (*ATTACHED, "GC", "STATUS")


def parse(verb: str, stdin: bytes = STDIN, /, **changes: str | None) -> Call:
    env = {"CNI_COMMAND": verb, **ENV, **changes}
    call = Call.parse({key: text for key, text in env.items() if text is not None}, stdin)
    assert isinstance(call, Call)
    return call


def refused(kind: type[CniError], verb: str, stdin: bytes = STDIN, /, **changes: str | None) -> str:
    with pytest.raises(kind) as raised:
        parse(verb, stdin, **changes)
    assert type(raised.value) is kind
    return raised.value.message


@pytest.mark.parametrize("verb", ATTACHED)
def test_a_request_about_an_attachment_has_all_its_parts(verb: str) -> None:
    call = parse(verb)
    assert call.verb is Verb(verb)
    assert call.attachment == Attachment(network="banknet", container_id="c0ffee", ifname="eth0")
    assert call.netns == "/var/run/netns/blue"
    assert call.pod_args.pod == PodRef(namespace="db", name="mysql-0")
    assert call.path == ("/opt/cni/bin", "/usr/lib/cni")
    assert call.netns_override is False
    assert call.conf.name == "banknet"


@pytest.mark.parametrize("verb", ["GC", "STATUS"])
def test_gc_and_status_are_about_no_attachment(verb: str) -> None:
    bare = parse(verb, CNI_CONTAINERID=None, CNI_NETNS=None, CNI_IFNAME=None, CNI_ARGS=None, CNI_PATH=None)
    dummies = parse(verb, CNI_CONTAINERID="../x", CNI_NETNS="x", CNI_IFNAME="a/b", CNI_ARGS="?", CNI_PATH=None)
    assert bare == dummies
    assert (bare.container_id, bare.netns, bare.ifname, bare.args) == ("", "", "", ())


@pytest.mark.parametrize("env", [{}, {"CNI_COMMAND": ""}, {"CNI_CONTAINERID": "x"}])
def test_without_a_command_nobody_called_as_a_runtime(env: dict[str, str]) -> None:
    assert Call.parse(env, b"anything") is None


@pytest.mark.parametrize("word", ["add", "ADD ", "UPDATE", "ADD\x00", "A" * 9999, "__class__", "\udcff"])
def test_an_unknown_command_is_code_4(word: str) -> None:
    message = refused(InvalidEnvironment, word)
    assert message.startswith("CNI_COMMAND: expected one of ADD, DEL, CHECK, GC, STATUS, VERSION, got '")
    assert len(message) < 200


@pytest.mark.parametrize(
    ("stdin", "version"),
    [
        (b"", ""),
        (b'{"cniVersion": "0.4.0"}', "0.4.0"),
        (b'{"cniVersion": "2.0.0"}', "2.0.0"),
        (b"{}", ""),
        (b"not JSON", ""),
        (b'{"cniVersion": 1}', ""),
        (b'{"cniVersion": "<script>"}', ""),
        (b'{"cniVersion": "1.1.0", "cniVersion": "1.0.0"}', ""),
    ],
)
def test_version_is_answered_whatever_else_is_wrong(stdin: bytes, version: str) -> None:
    dummies = {"CNI_CONTAINERID": "dummy", "CNI_NETNS": "dummy", "CNI_IFNAME": "dummy", "CNI_PATH": "dummy"}
    assert Call.parse({"CNI_COMMAND": "VERSION", **dummies}, stdin) == VersionProbe(version=version)
    assert Call.parse({"CNI_COMMAND": "VERSION"}, stdin) == VersionProbe(version=version)


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize(
    ("verb", "required"),
    [
        ("ADD", "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME"),
        ("CHECK", "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME"),
        ("DEL", "CNI_CONTAINERID, CNI_IFNAME"),
    ],
)
def test_all_missing_variables_are_named_at_once(verb: str, required: str, empty: str | None) -> None:
    every = dict.fromkeys(("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH", "CNI_ARGS"), empty)
    assert refused(InvalidEnvironment, verb, **every) == f"{required}: required for {verb}, but not set"
    for key in required.split(", "):
        assert refused(InvalidEnvironment, verb, **{key: empty}) == f"{key}: required for {verb}, but not set"


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize("verb", ATTACHED)
def test_cni_args_and_path_are_optional(verb: str, empty: str | None) -> None:
    call = parse(verb, CNI_ARGS=empty, CNI_PATH=empty)
    assert (call.args, call.pod_args, call.path) == ((), Args(), ())


@pytest.mark.parametrize("netns", [None, "", "relative", "/a/../b"])
def test_a_del_without_a_usable_netns_is_fine(netns: str | None) -> None:
    assert parse("DEL", CNI_NETNS=netns).netns == ""


WRONG_ALWAYS = [
    ("CNI_CONTAINERID", "../etc", "CNI_CONTAINERID: expected a letter or digit"),
    ("CNI_CONTAINERID", "-c", "CNI_CONTAINERID: expected a letter or digit"),
    ("CNI_CONTAINERID", "a/b", "CNI_CONTAINERID: expected a letter or digit"),
    ("CNI_CONTAINERID", "a\x00", "CNI_CONTAINERID: expected a letter or digit"),
    ("CNI_CONTAINERID", "a" * (1 << 20), "CNI_CONTAINERID: expected a name of 1..253 characters"),
    ("CNI_IFNAME", "a" * 16, "CNI_IFNAME: expected an interface name of 1..15 bytes"),
    ("CNI_IFNAME", "..", "CNI_IFNAME: expected an interface name ("),
    ("CNI_IFNAME", "a/b", "CNI_IFNAME: expected an interface name ("),
    ("CNI_IFNAME", "a b", "CNI_IFNAME: expected an interface name ("),
    ("CNI_IFNAME", "eth\x00", "CNI_IFNAME: expected an interface name of printable characters"),
    ("CNI_IFNAME", "\udcff", "CNI_IFNAME: expected an interface name of printable characters"),
]
WRONG_BESIDE_DEL = [
    ("CNI_NETNS", "blue", "CNI_NETNS: expected an absolute path without '..', got 'blue'"),
    ("CNI_NETNS", "/run/netns/../x", "CNI_NETNS: expected an absolute path without '..'"),
    ("CNI_NETNS", "/run/\x00", "CNI_NETNS: expected an absolute path of printable characters"),
    ("CNI_NETNS", "/" + "a" * 5000, "CNI_NETNS: expected an absolute path without '..'"),
    ("CNI_ARGS", "FOO=BAR", "CNI_ARGS: unknown key FOO"),
    ("CNI_ARGS", "K8S_POD_NAMESPACE=db;K8S_POD_NAME=../x", "CNI_ARGS.K8S_POD_NAME: expected"),
    ("CNI_PATH", "/opt\x00", "CNI_PATH: expected a string of printable characters"),
    ("CNI_PATH", "/" * 70000, "CNI_PATH: expected at most 65536 characters, got 70000"),
]


@pytest.mark.parametrize("verb", ATTACHED)
@pytest.mark.parametrize(("key", "text", "complaint"), WRONG_ALWAYS)
def test_a_malformed_identity_is_code_4_for_every_verb(verb: str, key: str, text: str, complaint: str) -> None:
    assert refused(InvalidEnvironment, verb, **{key: text}).startswith(complaint)


@pytest.mark.parametrize("verb", ["ADD", "CHECK"])
@pytest.mark.parametrize(("key", "text", "complaint"), WRONG_BESIDE_DEL)
def test_a_malformed_variable_is_code_4_and_named(verb: str, key: str, text: str, complaint: str) -> None:
    assert refused(InvalidEnvironment, verb, **{key: text}).startswith(complaint)


@pytest.mark.parametrize(("key", "text", "_complaint"), WRONG_BESIDE_DEL)
def test_a_del_goes_on_where_its_add_was_refused(key: str, text: str, _complaint: str) -> None:
    call = parse("DEL", as_bytes({**CONF, "prevResult": "torn", "runtimeConfig": []}), **{key: text})
    assert call.attachment == Attachment(network="banknet", container_id="c0ffee", ifname="eth0")
    assert call.conf.prev_result is None
    assert {"CNI_NETNS": call.netns == "", "CNI_ARGS": call.pod_args == Args(), "CNI_PATH": call.path == ()}[key]


@pytest.mark.parametrize(
    ("text", "override"),
    [("1", True), ("true", True), ("TRUE", True), ("True", True), ("0", False), ("yes", False), ("", False)],
)
def test_the_netns_override_is_read_as_go_reads_it(text: str, override: bool) -> None:
    assert parse("ADD", CNI_NETNS_OVERRIDE=text).netns_override is override


@pytest.mark.parametrize("verb", EVERY)
def test_stdin_that_is_no_json_is_code_6(verb: str) -> None:
    for stdin in (b"", b"{", b'{"a":1,"a":2}', b"\xff", b"[" * 5000, b"NaN", b'{"name":"a\x00"}', b" " * (2 << 20)):
        assert refused(DecodingFailure, verb, stdin).startswith("stdin: ")


@pytest.mark.parametrize("verb", EVERY)
def test_a_configuration_that_is_no_object_is_code_7(verb: str) -> None:
    assert refused(InvalidConfig, verb, b"[]") == "document: expected an object, got a list of 0 members"
    assert refused(InvalidConfig, verb, as_bytes({**CONF, "name": "../x"})).startswith("name: expected")


@pytest.mark.parametrize("verb", EVERY)
def test_an_unknown_version_is_code_1_before_anything_else_of_the_configuration(verb: str) -> None:
    stdin = as_bytes({"cniVersion": "9.0.0", "name": "../x"})
    assert refused(IncompatibleVersion, verb, stdin).startswith("cniVersion: '9.0.0' is not a supported version")


@pytest.mark.parametrize("version", ["", *versions.SUPPORTED])
@pytest.mark.parametrize("verb", EVERY)
def test_a_verb_newer_than_the_configuration_is_code_1(verb: str, version: str) -> None:
    since = {"CHECK": "0.4.0", "GC": "1.1.0", "STATUS": "1.1.0"}.get(verb, "0.1.0")
    stdin = as_bytes({**CONF, "cniVersion": version})
    if versions.at_least(version or "0.1.0", since):
        assert parse(verb, stdin).conf.cni_version == (version or "0.1.0")
    else:
        assert refused(IncompatibleVersion, verb, stdin).startswith(f"cniVersion: {verb} came with {since}")


def test_runtime_config_goes_before_args_and_args_before_cni_args() -> None:
    ways: list[dict[str, Any]] = [
        {"runtimeConfig": {"ips": ["10.0.0.1"], "mac": "02:00:00:00:00:01"}, "args": {"cni": {"ips": ["10.0.0.2"]}}},
        {"args": {"cni": {"ips": ["10.0.0.2"]}}},
        {},
    ]
    cni_args = "IP=10.0.0.3;MAC=02:00:00:00:00:03"
    found = [parse("ADD", as_bytes({**CONF, **way}), CNI_ARGS=cni_args) for way in ways]
    assert [call.ips for call in found] == [(ip_address(f"10.0.0.{i}"),) for i in (1, 2, 3)]
    assert [call.mac for call in found] == [f"02:00:00:00:00:0{i}" for i in (1, 3, 3)]


@pytest.mark.parametrize(
    ("stdin", "version"),
    [
        (b'{"cniVersion": "0.4.0", "name": "../x"}', "0.4.0"),
        (b"{}", "0.1.0"),
        (b"not JSON", "1.1.0"),
        (b'{"cniVersion": "9"}', "1.1.0"),
        (b'{"cniVersion": 1}', "1.1.0"),
        (b"", "1.1.0"),
    ],
)
def test_an_error_is_told_in_the_callers_version_where_it_can_be_read(stdin: bytes, version: str) -> None:
    assert spoken_version(stdin) == version


VARIABLES = st.dictionaries(
    st.sampled_from(["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH", "CNI_NETNS_OVERRIDE"]),
    st.text(max_size=20) | st.sampled_from(list(ENV.values())),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=10)
    | st.sampled_from(["10.0.0.1/24", "::/0", "1.1.0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ips", "address", "interfaces", "name", "mac", "cni", "dns", "routes", "dst"]), inner
        )
    ),
    max_leaves=8,
)
KEYS = ["cniVersion", "name", "type", "ipam", "dns", "args", "runtimeConfig", "capabilities", "prevResult", "x"]
DOCUMENTS = st.dictionaries(st.sampled_from([*KEYS, "cni.dev/attachments"]), VALUES).map(lambda more: {**CONF, **more})


@given(st.sampled_from([*Verb, "", "X"]), VARIABLES, st.binary(max_size=20) | DOCUMENTS.map(as_bytes), st.booleans())
def test_any_input_is_a_request_or_an_error_with_a_code_of_the_specification(
    verb: str, variables: dict[str, str], stdin: bytes, complete: bool
) -> None:
    env = {"CNI_COMMAND": verb, **(ENV if complete else {}), **variables}
    try:
        call = Call.parse(env, stdin)
    except CniError as error:
        outcome: object = error.code
    else:
        outcome = type(call)
    assert outcome in (1, 4, 6, 7, Call, VersionProbe, type(None))


def test_a_configuration_that_an_add_had_just_now_is_read_once() -> None:
    first = parse("ADD").conf
    assert parse("ADD", CNI_IFNAME="eth1").conf is first
    assert parse("ADD", as_bytes({**CONF, "name": "other"})).conf.name == "other"


def test_what_another_verb_forgives_no_add_does() -> None:
    wrong = as_bytes({**CONF, "dns": 7})
    assert parse("DEL", wrong).conf.dns is None
    assert "dns" in refused(InvalidConfig, "ADD", wrong)
    assert "dns" in refused(InvalidConfig, "ADD", wrong)
