"""Calling a network's plugins as libcni does: small scripts log what they were given, and are taken at their word."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import (
    CniError,
    DecodingFailure,
    IncompatibleVersion,
    InvalidConfig,
    IOFailure,
    KernelRefused,
    TryAgainLater,
)
from podberth.runtime.cache import Cache
from podberth.runtime.chain import Runtime
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.invoke import PluginFailed
from podberth.runtime.networks import parse

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.runtime.chain import Call
    from podberth.runtime.networks import NetworkList

CONF = RuntimeConf(
    container_id="c0ffee",
    ifname="net1",
    netns="/run/netns/blue",
    args=(("Z", "1"), ("K8S_POD_NAME", "mysql-0"), ("A", "x")),
    capability_args=(("portMappings", [{"hostPort": 80}]), ("mac", "02:00:00:00:00:11")),
)
SCRIPT = """#!/bin/sh
n=$(ls -d {logs}/* | wc -l)
to={logs}/$n
mkdir $to
echo {name} > $to/name
env -0 > $to/env
cat > $to/stdin
if [ -e {folder}/{name}.$CNI_COMMAND ]; then . {folder}/{name}.$CNI_COMMAND; fi
"""


def result(address: str = "10.20.0.11/24", version: str = "1.0.0", **more: object) -> dict[str, object]:
    return {"cniVersion": version, "ips": [{"address": address}], **more}


class Seen:
    """One call as a script saw it."""

    def __init__(self, folder: Path) -> None:
        self.plugin = (folder / "name").read_text().strip()
        self.env = dict(pair.split("=", 1) for pair in (folder / "env").read_text().split("\0") if pair)
        self.stdin: dict[str, Any] = json.loads((folder / "stdin").read_bytes())
        self.verb = self.env["CNI_COMMAND"]


class Node:
    """A folder of plugins that are scripts, and a runtime that calls them."""

    def __init__(self, tmp_path: Path) -> None:
        self.bin = tmp_path / "bin"
        self.said = tmp_path / "said"
        self.logs = tmp_path / "logs"
        self.results = tmp_path / "cache" / "results"
        for folder in (self.bin, self.said, self.logs):
            folder.mkdir()
        (self.logs / "first").mkdir()  # so that there is always one to count
        self.calls: list[Call] = []
        self.cache = Cache(str(tmp_path / "cache"))
        self.runtime = self.with_timeout(None)
        for name in ("one", "two", "three"):
            self.plugin(name)
            self.says(name, "ADD", result())

    def with_timeout(self, seconds: float | None) -> Runtime:
        return Runtime((str(self.bin),), cache=self.cache, timeout=seconds, watch=self.calls.append)

    def plugin(self, name: str) -> None:
        path = self.bin / name
        path.write_text(SCRIPT.format(logs=self.logs, folder=self.said, name=name))
        path.chmod(0o755)

    def does(self, name: str, verb: str, commands: str) -> None:
        (self.said / f"{name}.{verb}").write_text(f"{commands}\n")

    def says(self, name: str, verb: str, said: object, status: int = 0) -> None:
        (self.said / f"{name}.{verb}.out").write_text(said if isinstance(said, str) else json.dumps(said))
        self.does(name, verb, f"cat {self.said}/{name}.{verb}.out; exit {status}")

    def fails(self, name: str, verb: str, code: int = 100) -> None:
        self.says(name, verb, {"code": code, "msg": f"{name} is full", "details": "make room"}, 1)

    @property
    def seen(self) -> list[Seen]:
        folders = sorted(
            (path for path in self.logs.iterdir() if path.name != "first"), key=lambda path: int(path.name)
        )
        return [Seen(folder) for folder in folders]

    @property
    def order(self) -> list[str]:
        return [f"{seen.verb} {seen.plugin}" for seen in self.seen]

    @property
    def cached(self) -> list[str]:
        return sorted(path.name for path in self.results.iterdir()) if self.results.exists() else []

    def corrupt(self) -> None:
        (self.results / "banknet-c0ffee-net1").write_text("{")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def network(*plugins: str | dict[str, object], **changes: object) -> NetworkList:
    listed = [{"type": plugin} if isinstance(plugin, str) else plugin for plugin in plugins or ("one", "two", "three")]
    whole = {"cniVersion": "1.0.0", "name": "banknet", "plugins": listed, **changes}
    return parse(json.dumps(whole).encode())


def of(container_id: str, ifname: str = "net1") -> RuntimeConf:
    return RuntimeConf(container_id=container_id, ifname=ifname, netns=f"/run/netns/{container_id}")


# ADD


def test_add_calls_in_order_each_with_the_result_of_the_one_before(node: Node) -> None:
    for number, name in enumerate(("one", "two", "three"), 1):
        node.says(name, "ADD", result(f"10.20.0.{number}/24"))
    added = node.runtime.add(network(), CONF)
    assert node.order == ["ADD one", "ADD two", "ADD three"]
    previous = [seen.stdin.get("prevResult") for seen in node.seen]
    assert previous == [None, result("10.20.0.1/24"), result("10.20.0.2/24")]
    assert "prevResult" not in node.seen[0].stdin
    assert added.raw == result("10.20.0.3/24")
    assert str(added.result.ips[0].address) == "10.20.0.3/24"


def test_what_results_say_beyond_the_specification_is_kept(node: Node) -> None:
    beyond = result(beyond={"deep": [None, 1]}, ips=[{"address": "10.20.0.11/24", "odd": True}])
    node.says("one", "ADD", beyond)
    node.does("two", "ADD", f"cat {node.said}/one.ADD.out")
    assert node.runtime.add(network("one", "two"), CONF).raw == beyond
    assert node.seen[1].stdin["prevResult"] == beyond
    node.runtime.delete(network("one", "two"), CONF)
    assert node.seen[-1].stdin["prevResult"] == beyond


def test_the_environment_says_all_of_the_attachment(node: Node) -> None:
    node.runtime.add(network("one"), CONF)
    env = node.seen[0].env
    assert {key: text for key, text in env.items() if key.startswith("CNI_")} == {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c0ffee",
        "CNI_NETNS": "/run/netns/blue",
        "CNI_IFNAME": "net1",
        "CNI_ARGS": "Z=1;K8S_POD_NAME=mysql-0;A=x",
        "CNI_PATH": str(node.bin),
    }
    assert env["PATH"] == os.environ["PATH"]
    assert "TRACEPARENT" not in env


def test_the_trace_is_passed_on(node: Node) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    node.runtime.add(network("one"), RuntimeConf(container_id="c0ffee", trace_parent=trace))
    node.runtime.delete(network("one"), RuntimeConf(container_id="c0ffee", trace_parent=trace))
    assert [seen.env["TRACEPARENT"] for seen in node.seen] == [trace, trace]


def test_the_networks_name_and_version_are_put_into_each_configuration(node: Node) -> None:
    plugin: dict[str, object] = {"type": "one", "name": "other", "cniVersion": "0.1.0", "odd": [1, None]}
    node.runtime.add(network(plugin), CONF)
    assert node.seen[0].stdin == {"type": "one", "name": "banknet", "cniVersion": "1.0.0", "odd": [1, None]}


def test_only_declared_capabilities_are_offered_and_the_declaration_stays(node: Node) -> None:
    declared = {"portMappings": True, "mac": False, "ips": True}
    node.runtime.add(network({"type": "one", "capabilities": declared}, "two"), CONF)
    first, second = node.seen
    assert first.stdin["runtimeConfig"] == {"portMappings": [{"hostPort": 80}]}
    assert first.stdin["capabilities"] == declared
    assert "runtimeConfig" not in second.stdin


@pytest.mark.parametrize("capabilities", [{"ips": True}, {"mac": False}, {}])
def test_an_empty_runtime_config_is_left_out(node: Node, capabilities: object) -> None:
    node.runtime.add(network({"type": "one", "capabilities": capabilities}), CONF)
    assert "runtimeConfig" not in node.seen[0].stdin


def test_a_failed_add_caches_nothing_and_calls_no_del(node: Node) -> None:
    node.fails("two", "ADD")
    with pytest.raises(PluginFailed) as refused:
        node.runtime.add(network(), CONF)
    error = refused.value
    assert (error.plugin, error.code, error.message, error.details) == ("two", 100, "two: two is full", "make room")
    assert node.order == ["ADD one", "ADD two"]
    assert node.cached == []


def test_a_plugin_that_fails_without_an_error_object_is_told_by_its_status(node: Node) -> None:
    node.does("one", "ADD", "echo oops; exit 3")
    with pytest.raises(IOFailure, match="one: ended with status 3 and no error object"):
        node.runtime.add(network("one"), CONF)


def test_a_result_without_a_version_is_of_the_networks(node: Node) -> None:
    node.says("one", "ADD", {"ips": [{"address": "10.20.0.11/24"}]})
    assert node.runtime.add(network("one", "two"), CONF).raw["cniVersion"] == "1.0.0"
    assert node.seen[1].stdin["prevResult"] == result()


def test_a_result_of_another_version_is_passed_on_in_the_networks(node: Node) -> None:
    node.says("one", "ADD", result(version="0.4.0", ips=[{"version": "4", "address": "10.20.0.11/24"}]))
    node.runtime.add(network("one", "two"), CONF)
    assert node.seen[1].stdin["prevResult"] == result()


@pytest.mark.parametrize("said", ["null", "", " \n"])
def test_a_plugin_that_returns_no_result_leaves_that_of_the_one_before(node: Node, said: str) -> None:
    node.says("two", "ADD", said)
    assert node.runtime.add(network(), CONF).raw == result()
    assert [seen.stdin.get("prevResult") for seen in node.seen] == [None, result(), result()]


@pytest.mark.parametrize("said", ["null", ""])
def test_a_network_that_returns_no_result_at_all_is_refused(node: Node, said: str) -> None:
    node.says("one", "ADD", said)
    with pytest.raises(DecodingFailure, match="no plugin of banknet returned a result"):
        node.runtime.add(network("one"), CONF)
    assert node.cached == []


@pytest.mark.parametrize("said", ["{", '{"ips": 1}', '{"ips": [{"address": "nowhere"}]}'])
def test_a_malformed_result_is_refused_and_its_plugin_named(node: Node, said: str) -> None:
    node.says("one", "ADD", said)
    with pytest.raises(DecodingFailure, match="one"):
        node.runtime.add(network("one", "two"), CONF)
    assert node.order == ["ADD one"]


# DEL


def test_del_calls_in_reverse_with_the_cached_result_and_the_arguments_of_the_add(node: Node) -> None:
    node.says("three", "ADD", result("10.20.0.99/24"))
    able: dict[str, object] = {"type": "one", "capabilities": {"mac": True, "ips": True}}
    whole = network(able, "two", "three")
    node.runtime.add(whole, CONF)
    node.runtime.delete(
        whole,
        RuntimeConf(
            container_id="c0ffee", ifname="net1", args=(("K", "late"),), capability_args=(("ips", ["10.0.0.1"]),)
        ),
    )
    assert node.order[3:] == ["DEL three", "DEL two", "DEL one"]
    for seen in node.seen[3:]:
        assert seen.stdin["prevResult"] == result("10.20.0.99/24")
        assert seen.env["CNI_ARGS"] == "Z=1;K8S_POD_NAME=mysql-0;A=x"
        assert seen.env["CNI_NETNS"] == ""
    assert node.seen[-1].stdin["runtimeConfig"] == {"mac": "02:00:00:00:00:11"}
    assert node.cached == []


def test_the_first_del_that_fails_ends_it_and_the_cache_stays(node: Node) -> None:
    node.runtime.add(network(), CONF)
    node.fails("two", "DEL", 11)
    with pytest.raises(PluginFailed) as refused:
        node.runtime.delete(network(), CONF)
    assert refused.value.code == 11
    assert node.order[3:] == ["DEL three", "DEL two"]
    assert node.cached == ["banknet-c0ffee-net1"]
    node.says("two", "DEL", "")
    node.runtime.delete(network(), CONF)
    assert node.cached == []


def test_a_second_del_goes_on_without_a_result(node: Node) -> None:
    node.runtime.add(network("one"), CONF)
    node.runtime.delete(network("one"), CONF)
    node.runtime.delete(network("one"), CONF)
    assert node.order[1:] == ["DEL one", "DEL one"]
    assert "prevResult" not in node.seen[-1].stdin
    assert node.seen[-1].env["CNI_ARGS"] == "Z=1;K8S_POD_NAME=mysql-0;A=x"


def test_a_corrupt_cache_does_not_keep_a_pod_from_going_away(node: Node) -> None:
    node.runtime.add(network("one"), CONF)
    node.corrupt()
    node.runtime.delete(network("one"), CONF)
    assert "prevResult" not in node.seen[-1].stdin
    assert node.cached == []


def test_a_cached_result_that_makes_no_sense_is_not_passed_on(node: Node) -> None:
    node.cache.put("banknet", CONF, b"{}", {"cniVersion": "0.4.0", "ips": "none"})
    node.runtime.delete(network("one"), CONF)
    assert "prevResult" not in node.seen[-1].stdin
    assert node.cached == []


def test_a_cached_result_is_told_in_the_version_the_network_has_now(node: Node) -> None:
    node.runtime.add(network("one"), CONF)
    node.runtime.delete(network("one", cniVersion="0.4.0"), CONF)
    assert node.seen[-1].stdin["prevResult"] == result(
        version="0.4.0", ips=[{"version": "4", "address": "10.20.0.11/24"}]
    )


def test_an_older_libcnis_cached_result_is_passed_on(node: Node) -> None:
    node.results.mkdir(parents=True)
    (node.results / "banknet-c0ffee-net1").write_text(json.dumps(result()))
    node.runtime.delete(network("one"), CONF)
    assert node.seen[-1].stdin["prevResult"] == result()
    assert node.cached == []


@pytest.mark.parametrize(("version", "told"), [("0.3.1", False), ("0.4.0", True)])
def test_del_is_told_the_result_since_0_4_0(node: Node, version: str, told: bool) -> None:
    node.says("one", "ADD", {"cniVersion": version, "ips": [{"version": "4", "address": "10.20.0.11/24"}]})
    node.runtime.add(network("one", cniVersion=version), CONF)
    node.runtime.delete(network("one", cniVersion=version), CONF)
    assert ("prevResult" in node.seen[-1].stdin) is told
    assert node.cached == []


# CHECK


def test_check_calls_in_order_with_the_cached_result(node: Node) -> None:
    node.runtime.add(network(), CONF)
    node.runtime.check(network(), CONF)
    assert node.order[3:] == ["CHECK one", "CHECK two", "CHECK three"]
    assert all(seen.stdin["prevResult"] == result() for seen in node.seen[3:])
    assert node.cached == ["banknet-c0ffee-net1"]


def test_the_first_check_that_fails_ends_it(node: Node) -> None:
    node.runtime.add(network(), CONF)
    node.fails("two", "CHECK", 105)
    with pytest.raises(PluginFailed, match="two is full"):
        node.runtime.check(network(), CONF)
    assert node.order[3:] == ["CHECK one", "CHECK two"]


def test_a_network_with_disable_check_is_asked_nothing(node: Node) -> None:
    node.runtime.check(network(disableCheck=True), CONF)
    assert node.order == []


def test_there_is_no_check_before_0_4_0(node: Node) -> None:
    with pytest.raises(IncompatibleVersion, match=r"CHECK came with 0\.4\.0"):
        node.runtime.check(network(cniVersion="0.3.1", disableCheck=True), CONF)
    assert node.order == []


def test_there_is_nothing_to_check_without_a_cached_result(node: Node) -> None:
    with pytest.raises(InvalidConfig, match="c0ffee has no cached result for net1"):
        node.runtime.check(network(), CONF)
    node.runtime.add(network("one"), CONF)
    node.corrupt()
    with pytest.raises(InvalidConfig, match="no cached result"):
        node.runtime.check(network("one"), CONF)
    assert node.order == ["ADD one"]


# GC


def test_gc_detaches_what_is_stale_then_tells_each_plugin_what_is_valid(node: Node) -> None:
    whole = network("one", "two", cniVersion="1.1.0")
    for name in ("a", "b", "c"):
        node.runtime.add(whole, of(name))
    node.runtime.add(network("one", name="other"), of("d"))
    before = len(node.order)
    node.runtime.collect(whole, [("b", "net1"), ("c", "net9")])
    calls = node.seen[before:]
    assert node.order[before:] == ["DEL two", "DEL one", "DEL two", "DEL one", "GC one", "GC two"]
    assert [seen.env["CNI_CONTAINERID"] for seen in calls[:4]] == ["a", "a", "c", "c"]
    assert calls[0].env["CNI_NETNS"] == "/run/netns/a"
    listed = [{"containerID": "b", "ifname": "net1"}, {"containerID": "c", "ifname": "net9"}]
    for seen in calls[4:]:
        assert seen.stdin["cni.dev/valid-attachments"] == seen.stdin["cni.dev/attachments"] == listed
        assert not {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"} & set(seen.env)
        assert "prevResult" not in seen.stdin
    assert node.cached == ["banknet-b-net1", "other-d-net1"]


def test_gc_without_anything_valid_is_told_so_with_empty_lists(node: Node) -> None:
    node.runtime.collect(network("one", cniVersion="1.1.0"), ())
    assert node.seen[0].stdin["cni.dev/valid-attachments"] == []
    assert node.seen[0].stdin["cni.dev/attachments"] == []


def test_a_network_with_disable_gc_is_left_alone(node: Node) -> None:
    node.runtime.add(network("one"), CONF)
    node.runtime.collect(network("one", cniVersion="1.1.0", disableGC=True), ())
    assert node.order == ["ADD one"]
    assert node.cached == ["banknet-c0ffee-net1"]


def test_a_network_of_1_0_0_has_its_stale_attachments_detached_and_gets_no_gc(node: Node) -> None:
    node.runtime.add(network("one"), CONF)
    node.runtime.collect(network("one"), ())
    assert node.order == ["ADD one", "DEL one"]
    assert node.cached == []


def test_one_failure_of_gc_does_not_keep_the_others_and_all_are_told(node: Node) -> None:
    whole = network("one", "two", cniVersion="1.1.0")
    node.runtime.add(whole, of("a"))
    node.runtime.add(whole, of("b"))
    node.does(
        "one", "DEL", 'test "$CNI_CONTAINERID" = b || { echo "{\\"code\\": 11, \\"msg\\": \\"busy\\"}"; exit 1; }'
    )
    node.fails("one", "GC")
    with pytest.raises(KernelRefused) as refused:
        node.runtime.collect(whole, ())
    assert refused.value.message == "one: busy; one: one is full"
    assert node.order[-2:] == ["GC one", "GC two"]
    assert node.cached == ["banknet-a-net1"]


# STATUS, VERSION


def test_status_asks_each_plugin_in_order_and_tells_the_first_refusal(node: Node) -> None:
    whole = network(cniVersion="1.1.0")
    node.runtime.status(whole)
    assert node.order == ["STATUS one", "STATUS two", "STATUS three"]
    assert "CNI_CONTAINERID" not in node.seen[0].env
    node.fails("two", "STATUS", 50)
    with pytest.raises(PluginFailed) as refused:
        node.runtime.status(whole)
    assert refused.value.code == 50
    assert node.order[3:] == ["STATUS one", "STATUS two"]


def test_status_is_asked_from_1_1_0_on(node: Node) -> None:
    node.runtime.status(network(cniVersion="1.0.0"))
    assert node.order == []


def test_versions_are_those_the_plugin_names(node: Node) -> None:
    node.says("one", "VERSION", {"cniVersion": "1.1.0", "supportedVersions": ["0.4.0", "1.0.0", "9.0.0"]})
    assert node.runtime.versions("one") == ("0.4.0", "1.0.0", "9.0.0")
    assert node.seen[0].stdin == {"cniVersion": "1.1.0"}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"code": 4, "msg": "unknown CNI_COMMAND: VERSION"}, 1),
        ({"cniVersion": "0.1.0"}, 0),
        ({"cniVersion": "0.1.0", "supportedVersions": []}, 0),
    ],
)
def test_a_plugin_that_does_not_know_version_speaks_0_1_0(node: Node, said: object, status: int) -> None:
    node.says("one", "VERSION", said, status)
    assert node.runtime.versions("one") == ("0.1.0",)


def test_a_plugin_that_fails_otherwise_has_no_version(node: Node) -> None:
    node.fails("one", "VERSION")
    with pytest.raises(PluginFailed, match="one is full"):
        node.runtime.versions("one")


def test_a_network_is_valid_if_every_plugin_is_there_and_speaks_its_version(node: Node) -> None:
    for name in ("one", "two"):
        node.says(name, "VERSION", {"supportedVersions": ["0.4.0", "1.0.0"]})
    node.runtime.validate(network("one", "two"))
    with pytest.raises(IncompatibleVersion, match=r"banknet: one does not speak 1\.1\.0") as refused:
        node.runtime.validate(network("one", cniVersion="1.1.0"))
    assert refused.value.details == "it speaks 0.4.0, 1.0.0"
    with pytest.raises(InvalidConfig, match="there is no plugin 'four'"):
        node.runtime.validate(network("one", "four"))


# Any call


@pytest.mark.parametrize(
    "commands",
    [
        "exec sleep 600",
        "exec >&-; exec sleep 600",  # nothing more is to come from it, but it stays
    ],
)
def test_a_plugin_that_takes_too_long_is_killed(node: Node, commands: str) -> None:
    node.does("one", "ADD", f"echo $$ > {node.said}/pid; {commands}")
    with pytest.raises(TryAgainLater, match=r"one took longer than 0\.5 s and was stopped"):
        node.with_timeout(0.5).add(network("one", "two"), CONF)
    with pytest.raises(ProcessLookupError):
        os.kill(int((node.said / "pid").read_text()), 0)
    assert node.order == ["ADD one"]
    assert node.cached == []


def test_a_plugin_that_is_missing_is_named_with_the_path(node: Node) -> None:
    with pytest.raises(InvalidConfig, match=f"there is no plugin 'four' in CNI_PATH \\({node.bin}\\)"):
        node.runtime.add(network("one", "four"), CONF)
    assert node.order == ["ADD one"]
    assert node.cached == []


def test_whoever_watches_is_told_of_each_call_also_of_those_that_fail(node: Node) -> None:
    node.fails("two", "ADD")
    with pytest.raises(PluginFailed) as refused:
        node.runtime.add(network("one", "two"), CONF)
    with pytest.raises(CniError):
        node.runtime.add(network("four"), CONF)
    first, second, third = node.calls
    assert (first.plugin, first.verb, first.error) == ("one", "ADD", None)
    assert json.loads(first.stdout) == result()
    assert json.loads(first.stdin) == node.seen[0].stdin
    assert (second.plugin, second.error, second.stdout) == ("two", refused.value, b"")
    assert json.loads(second.stdin) == node.seen[1].stdin
    assert (third.plugin, type(third.error)) == ("four", InvalidConfig)
    assert all(call.seconds >= 0 for call in node.calls)
