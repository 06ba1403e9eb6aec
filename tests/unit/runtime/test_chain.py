"""What libcni does with a network's plugins, verb by verb."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError, DecodingFailure, IncompatibleVersion, InvalidConfig
from podberth.cni.value import replace
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.invoke import PluginFailed
from tests.unit.runtime.players import CONF, Players, network, result, runtime

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.runtime.chain import Call

VALID = "cni.dev/valid-attachments"


@pytest.fixture
def players() -> Players:
    """Three plugins, of which the first gives an address and the second another."""
    made = Players()
    made.says("first", "ADD", result("10.0.0.1/24", beyond="kept"))
    made.says("second", "ADD", result("10.0.0.2/24"))
    return made


def test_add_hands_each_result_to_the_next_and_returns_the_last(players: Players, tmp_path: Path) -> None:
    added = runtime(players, tmp_path).add(network("first", "second"), CONF)
    first, second = players.calls
    assert "prevResult" not in first.conf
    assert second.conf["prevResult"] == result("10.0.0.1/24", beyond="kept")
    assert str(added.result.ips[0].address) == "10.0.0.2/24"
    assert added.raw == result("10.0.0.2/24")


def test_a_call_has_the_parameters_of_the_specification(players: Players, tmp_path: Path) -> None:
    runtime(players, tmp_path).add(network("first", keyed=5), replace(CONF, ifname="net1", trace_parent="00-ab-cd-01"))
    (call,) = players.calls
    said = {key: text for key, text in call.env.items() if key.startswith("CNI_") or key == "TRACEPARENT"}
    assert said == {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c0ffee",
        "CNI_NETNS": "/run/netns/blue",
        "CNI_IFNAME": "net1",
        "CNI_ARGS": "K8S_POD_NAME=mysql-0;X=1",
        "CNI_PATH": "/nowhere:/else",
        "TRACEPARENT": "00-ab-cd-01",
    }
    assert call.conf == {"cniVersion": "1.1.0", "name": "net", "type": "first", "keyed": 5}


def test_capabilities_go_only_to_plugins_that_declare_them(players: Players, tmp_path: Path) -> None:
    declared = network("first", capabilities={"portMappings": True, "bandwidth": False})
    offered = (("portMappings", [{"hostPort": 80}]), ("bandwidth", {"ingressRate": 1}), ("mac", "02:00:00:00:00:01"))
    runtime(players, tmp_path).add(declared, replace(CONF, capability_args=offered))
    assert players.calls[0].conf["runtimeConfig"] == {"portMappings": [{"hostPort": 80}]}


def test_a_failed_add_is_neither_remembered_nor_deleted(players: Players, tmp_path: Path) -> None:
    players.refuses("second", "ADD", 101, "taken")
    made = runtime(players, tmp_path)
    with pytest.raises(PluginFailed) as refused:
        made.add(network("first", "second", "third"), CONF)
    assert (refused.value.code, refused.value.message, refused.value.details) == (101, "second: taken", "why")
    assert players.order() == [("ADD", "first"), ("ADD", "second")]
    assert list(made.cache.all("net")) == []


@pytest.mark.parametrize(("status", "said"), [(0, "[]"), (0, "no json"), (0, '{"ips": 5}'), (1, "[]"), (3, "")])
def test_what_is_no_answer_is_an_error(players: Players, tmp_path: Path, status: int, said: str) -> None:
    players.answers["first", "ADD"] = (status, said)
    with pytest.raises(CniError):
        runtime(players, tmp_path).add(network("first"), CONF)


def test_a_chain_that_says_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DecodingFailure, match="no plugin of net returned a result"):
        runtime(Players(), tmp_path).add(network("first"), CONF)


def test_a_result_of_another_version_is_converted(players: Players, tmp_path: Path) -> None:
    players.says("first", "ADD", result("10.0.0.1/24", "1.0.0"))
    runtime(players, tmp_path).add(network("first", "second", version="0.4.0"), CONF)
    previous = players.calls[1].conf["prevResult"]
    assert previous["cniVersion"] == "0.4.0"
    assert previous["ips"] == [{"version": "4", "address": "10.0.0.1/24"}]


@pytest.mark.parametrize(("version", "has"), [("0.3.1", False), ("0.4.0", True), ("1.1.0", True)])
def test_delete_goes_backwards_with_the_result_since_0_4_0(
    players: Players, tmp_path: Path, version: str, *, has: bool
) -> None:
    made, net = runtime(players, tmp_path), network("first", "second", version=version)
    players.says("first", "ADD", {"cniVersion": version, "ips": []})
    players.says("second", "ADD", {"cniVersion": version, "ips": []})
    made.add(net, CONF)
    players.calls.clear()
    made.delete(net, CONF)
    assert [("prevResult" in call.conf) for call in players.calls] == [has, has]
    assert players.order() == [("DEL", "second"), ("DEL", "first")]
    assert list(made.cache.all("net")) == []


def test_delete_uses_the_arguments_of_the_add(players: Players, tmp_path: Path) -> None:
    made, net = runtime(players, tmp_path), network("first", capabilities={"mac": True})
    made.add(net, replace(CONF, capability_args=(("mac", "02:00:00:00:00:01"),)))
    players.calls.clear()
    made.delete(net, RuntimeConf(container_id="c0ffee"))
    (call,) = players.calls
    assert call.env["CNI_ARGS"] == "K8S_POD_NAME=mysql-0;X=1"
    assert call.env["CNI_NETNS"] == ""
    assert call.conf["runtimeConfig"] == {"mac": "02:00:00:00:00:01"}


def test_a_delete_that_fails_ends_there_and_is_remembered(players: Players, tmp_path: Path) -> None:
    made, net = runtime(players, tmp_path), network("first", "second", "third")
    made.add(net, CONF)
    players.calls.clear()
    players.refuses("second", "DEL")
    with pytest.raises(PluginFailed):
        made.delete(net, CONF)
    assert players.order() == [("DEL", "third"), ("DEL", "second")]
    assert len(list(made.cache.all("net"))) == 1


def test_check_gives_every_plugin_the_last_result(players: Players, tmp_path: Path) -> None:
    made, net = runtime(players, tmp_path), network("first", "second")
    made.add(net, CONF)
    players.calls.clear()
    made.check(net, CONF)
    assert [call.conf["prevResult"] for call in players.calls] == [result("10.0.0.2/24")] * 2
    assert players.order() == [("CHECK", "first"), ("CHECK", "second")]


def test_check_is_not_asked_where_it_is_disabled_unknown_or_too_old(players: Players, tmp_path: Path) -> None:
    made = runtime(players, tmp_path)
    made.check(network("first", keys={"disableCheck": True}), CONF)
    with pytest.raises(InvalidConfig, match="no cached result"):
        made.check(network("first"), CONF)
    with pytest.raises(IncompatibleVersion):
        made.check(network("first", version="0.3.1"), CONF)
    assert players.calls == []


def test_collect_deletes_what_is_stale_and_then_says_what_is_valid(players: Players, tmp_path: Path) -> None:
    made, net = runtime(players, tmp_path), network("first", "second")
    for name in ("one", "two"):
        made.add(net, replace(CONF, container_id=name))
    made.add(network("first", name="other"), replace(CONF, container_id="three"))
    players.calls.clear()
    made.collect(net, [("two", "eth0")])
    assert [call.env.get("CNI_CONTAINERID") for call in players.calls] == ["one", "one", None, None]
    last = players.calls[-1].conf
    assert last[VALID] == last["cni.dev/attachments"] == [{"containerID": "two", "ifname": "eth0"}]
    assert players.order() == [("DEL", "second"), ("DEL", "first"), ("GC", "first"), ("GC", "second")]
    assert [one.container_id for one in made.cache.all("net")] == ["two"]


def test_collect_goes_on_after_failures_and_names_them(players: Players, tmp_path: Path) -> None:
    made, net = runtime(players, tmp_path), network("first", "second")
    for name in ("one", "two"):
        made.add(net, replace(CONF, container_id=name))
    players.refuses("second", "DEL", msg="stuck")
    players.refuses("first", "GC", msg="busy")
    players.calls.clear()
    with pytest.raises(CniError, match=r"second: stuck; second: stuck; first: busy"):
        made.collect(net, ())
    assert players.order() == [("DEL", "second"), ("DEL", "second"), ("GC", "first"), ("GC", "second")]


def test_collect_respects_disable_gc_and_old_versions(players: Players, tmp_path: Path) -> None:
    made = runtime(players, tmp_path)
    made.add(network("first", keys={"disableGC": True}), CONF)
    players.calls.clear()
    made.collect(network("first", keys={"disableGC": True}), ())
    assert players.order() == []
    made.collect(network("first", version="1.0.0"), ())
    assert players.order() == [("DEL", "first")]


def test_status_ends_at_the_first_that_is_not_ready(players: Players, tmp_path: Path) -> None:
    players.refuses("first", "STATUS", 51, "no uplink")
    made = runtime(players, tmp_path)
    with pytest.raises(PluginFailed) as refused:
        made.status(network("first", "second"))
    assert refused.value.code == 51
    assert players.order() == [("STATUS", "first")]
    made.status(network("first", version="1.0.0"))
    assert players.order() == []


def test_versions_are_asked_with_dummies(players: Players, tmp_path: Path) -> None:
    players.says("first", "VERSION", {"cniVersion": "1.0.0", "supportedVersions": ["0.4.0", "1.0.0"]})
    made = runtime(players, tmp_path)
    assert made.versions("first") == ("0.4.0", "1.0.0")
    assert players.calls[0].env["CNI_NETNS"] == "dummy"
    with pytest.raises(IncompatibleVersion, match=r"first does not speak 1\.1\.0"):
        made.validate(network("first"))
    made.validate(network("first", version="1.0.0"))


def test_a_plugin_that_does_not_know_version_speaks_0_1_0(players: Players, tmp_path: Path) -> None:
    players.refuses("first", "VERSION", 4, "unknown CNI_COMMAND: VERSION")
    players.refuses("second", "VERSION", 999, "broken")
    made = runtime(players, tmp_path)
    assert made.versions("first") == ("0.1.0",)
    with pytest.raises(PluginFailed):
        made.versions("second")


def test_a_watcher_sees_every_call_with_its_error(players: Players, tmp_path: Path) -> None:
    seen: list[Call] = []
    players.refuses("second", "ADD")
    with pytest.raises(PluginFailed):
        runtime(players, tmp_path, watch=seen.append).add(network("first", "second"), CONF)
    assert [(call.verb, call.plugin, call.error is None) for call in seen] == [
        ("ADD", "first", True),
        ("ADD", "second", False),
    ]
    assert json.loads(seen[0].stdout)["ips"] == [{"address": "10.0.0.1/24"}]
    assert json.loads(seen[1].stdin)["type"] == "second"
    assert all(call.seconds >= 0 for call in seen)


def test_threads_share_a_runtime(players: Players, tmp_path: Path) -> None:
    made, net = runtime(players, tmp_path), network("first", "second")
    confs = [replace(CONF, container_id=f"c{number}") for number in range(64)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda conf: made.add(net, conf), confs))
        assert {one.container_id for one in made.cache.all("net")} == {conf.container_id for conf in confs}
        list(pool.map(lambda conf: made.delete(net, conf), confs))
    assert list(made.cache.all("net")) == []
