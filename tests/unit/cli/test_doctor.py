"""`podberth doctor`, part by part: what is looked at, and how it is judged."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cli.doctor import kernel, machine, networks, store
from podberth.cli.session import Session
from podberth.desk.doctor import FAIL, OK, WARN, Finding
from tests.unit.cli.node import ToldHost

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.unit.cli.node import Operator

CONF = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth", "pool": "db"}

ASKED = ("802.1Q", "senders", "senders of ipvlans")  # what is told by facts of the host


def by_name(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def session(podberth: Operator) -> Session:
    return Session(str(podberth.state), podberth.connect)


def network(podberth: Operator, **changes: object) -> Path:
    folder = podberth.state.parent / "net.d"
    folder.mkdir(exist_ok=True)
    conf = {**CONF, "stateDir": str(podberth.state), **changes}
    (folder / "10-bank.conf").write_text(json.dumps(conf))
    return folder


def test_a_kernel_that_does_everything_is_fit() -> None:
    levels = {name: finding.level for name, finding in by_name(kernel.ask(ToldHost(), "/proc/1/ns/net")).items()}
    lacking = set(ASKED)  # this host's facts say so; without VLAN filtering nothing is to be done
    assert {name for name, level in levels.items() if level != OK} == lacking
    assert set(levels) > lacking


def test_what_the_kernel_refuses_is_told_with_a_remedy_and_weighed() -> None:
    found = by_name(kernel.ask(ToldHost(refuses=True), "/proc/1/ns/net"))
    assert {name for name, finding in found.items() if finding.level == FAIL} == {"veth", "bridge", "IPv4"}
    assert all(
        "Operation not supported" in f.text for name, f in found.items() if name not in ("VLAN filtering", *ASKED)
    )
    assert all(finding.todo for finding in found.values() if finding.level != OK)


@pytest.mark.parametrize(("mode", "level"), [(0o700, OK), (0o755, OK), (0o775, FAIL), (0o707, FAIL)])
def test_a_state_directory_that_others_may_write_is_a_failure(tmp_path: Path, mode: int, level: str) -> None:
    tmp_path.chmod(mode)
    assert by_name(machine.directory(tmp_path))["state directory"].level == level


def test_a_state_directory_that_is_not_there_is_only_a_warning(tmp_path: Path) -> None:
    (found,) = machine.directory(tmp_path / "none")
    assert found.level == WARN


@pytest.mark.parametrize(("kind", "level"), [("ext4", OK), ("xfs", OK), ("tmpfs", WARN), ("nfs4", FAIL), ("9p", FAIL)])
def test_the_file_system_of_the_longest_mount_is_judged(tmp_path: Path, kind: str, level: str) -> None:
    state = tmp_path / "with space"
    state.mkdir()
    escaped = str(state).replace(" ", "\\040")
    mounts = f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:9 / {escaped} rw,nosuid shared:1 - {kind} source rw\n"
    assert machine.file_system(state, mounts).level == level
    assert machine.file_system(tmp_path, mounts).level == OK


@pytest.mark.parametrize(
    ("effective", "level", "told"),
    [
        ("000001ffffffffff", OK, "NET_ADMIN"),
        ("0000000000000000", FAIL, "SYS_ADMIN"),
        ("0000000000203000", OK, "NET_RAW"),
        ("0000000000003000", FAIL, "SYS_ADMIN (setns)"),
    ],
)
def test_missing_capabilities_are_named(effective: str, level: str, told: str) -> None:
    found = machine.privileges(f"Name:\tpython\nCapPrm:\t0\nCapEff:\t{effective}\n")
    assert found.level == level
    assert told in found.text


def test_a_sound_store_is_ok_and_its_ledger_folds_to_its_tables(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    found = by_name(store.look(session(podberth)))
    assert {finding.level for finding in found.values()} == {OK}
    assert found["ledger"].text == "7 events fold to 1 lease, 6 reservations, as in the tables"


def test_a_table_that_differs_from_the_ledger_is_a_failure_that_names_the_address(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    with closing(sqlite3.connect(podberth.state / "podberth.db")) as connection, connection:
        connection.execute("DELETE FROM leases")
    found = by_name(store.look(session(podberth)))["ledger"]
    assert found.level == FAIL
    assert "10.20.0.11" in found.text
    assert "by the ledger, nobody by the table" in found.text


def test_a_damaged_store_is_a_failure(podberth: Operator) -> None:
    file = podberth.state / "podberth.db"
    file.write_bytes(file.read_bytes()[:2000] + os.urandom(30_000))
    found = by_name(store.look(session(podberth)))
    assert found["file"].level == FAIL
    assert "ledger" not in found


@pytest.mark.parametrize("other", ["directory", "dangling link"])
def test_what_is_no_file_under_the_store_s_name_is_a_failure(bare: Operator, other: str) -> None:
    bare.state.mkdir()
    file = bare.state / "podberth.db"
    if other == "directory":
        file.mkdir()
    else:
        file.symlink_to("nowhere")
    (found,) = store.look(session(bare))
    assert (found.name, found.level) == ("file", FAIL)


def test_a_store_that_is_not_there_yet_is_a_warning_and_is_not_made(bare: Operator) -> None:
    (found,) = store.look(session(bare))
    assert found.level == WARN
    assert not bare.state.exists()


def test_events_of_a_time_that_is_still_to_come_are_a_warning(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    podberth.now -= 86400 * 10**9
    found = by_name(store.look(session(podberth)))["clock"]
    assert found.level == WARN
    assert "were written by a clock that was" in found.text
    assert "ahead" in found.text


def test_an_exhausted_pool_is_a_warning(bare: Operator) -> None:
    from tests.unit.cli.node import POOL

    bare.apply(POOL.replace("10.20.0.0/24", "10.20.0.0/30").replace(", hold: [10.20.0.10-10.20.0.99]", ""))
    bare.attach("bank/only", "10.20.0.2")
    pools = by_name(store.look(session(bare)))["pools"]
    assert pools.text == "exhausted: db (IPv4)"
    assert "`podberth gc --gone`" in pools.todo


def plugin(folder: Path, script: str) -> str:
    folder.mkdir(exist_ok=True)
    file = folder / "podberth"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(folder)


def test_the_plugin_is_found_where_the_runtime_looks_and_asked_for_its_versions(tmp_path: Path) -> None:
    answer = '{"cniVersion":"1.1.0","supportedVersions":["0.1.0","1.1.0"]}'
    folder = plugin(tmp_path / "bin", f"test \"$CNI_COMMAND\" = VERSION && echo '{answer}'")
    found = networks.executable(["", str(tmp_path / "none"), folder])
    assert (found.level, found.text) == (OK, f"{folder}/podberth, CNI 0.1.0 to 1.1.0")


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo '{}'", "echo '[]'", "kill -9 $$"])
def test_a_plugin_that_does_not_answer_is_a_failure(tmp_path: Path, script: str) -> None:
    assert networks.executable([plugin(tmp_path / "bin", script)]).level == FAIL


def test_no_plugin_is_a_warning_that_says_where_it_was_looked_for(tmp_path: Path) -> None:
    found = networks.executable([str(tmp_path)])
    assert found.level == WARN
    assert str(tmp_path) in found.text


def test_a_network_of_ours_is_ok_and_others_are_not_looked_at(podberth: Operator) -> None:
    folder = network(podberth)
    (folder / "99-other.conflist").write_text('{"cniVersion": "1.0.0", "name": "o", "plugins": [{"type": "bridge"}]}')
    (folder / "readme.txt").write_text("not a configuration")
    (found,) = networks.configurations(session(podberth), folder)
    assert (found.level, found.text) == (OK, "network banknet, pool db")


@pytest.mark.parametrize(
    ("changes", "level", "told"),
    [
        ({"pool": "none"}, FAIL, "there is no pool none"),
        ({"mtu": "tall"}, FAIL, "mtu"),
        ({"cniVersion": "9.9.9"}, FAIL, "9.9.9"),
        ({"stateDir": "/elsewhere"}, WARN, "/elsewhere"),
        ({"policyDir": "/nowhere/at/all"}, FAIL, "/nowhere/at/all"),
        ({"type": "macvlan", "ipam": {"type": "podberth", "pool": "db", "stateDir": "/elsewhere"}}, WARN, "/elsewhere"),
    ],
)
def test_what_is_wrong_with_a_network_is_told(
    podberth: Operator, changes: dict[str, object], level: str, told: str
) -> None:
    found = list(networks.configurations(session(podberth), network(podberth, **changes)))
    assert found[-1].level == level
    assert told in found[-1].text


def test_a_folder_of_policies_is_looked_at(podberth: Operator) -> None:
    policies = podberth.state.parent / "policies"
    policies.mkdir()
    found = by_name(networks.configurations(session(podberth), network(podberth, policyDir=str(policies))))
    assert found["10-bank.conf policyDir"].text.endswith("changes are read at the next ADD")


@pytest.mark.parametrize(
    ("plugin", "level", "text"),
    [
        ({"type": "podberth-networks"}, FAIL, "clusterNetwork: it and `delegates` are two ways to say the same"),
        (
            {"type": "multus-shim", "clusterNetwork": "c", "daemonConfig": "/proc/none"},
            FAIL,
            "kubeconfig: neither the network every nor /proc/none names one",
        ),
        ({"type": "flannel"}, WARN, "names podberth"),
    ],
)
def test_a_network_that_calls_others_is_judged_as_an_add_would(
    podberth: Operator, tmp_path: Path, plugin: dict[str, object], level: str, text: str
) -> None:
    document = {"cniVersion": "1.0.0", "name": "every", "plugins": [plugin]}
    (tmp_path / "00-every.conflist").write_text(json.dumps(document))
    (found,) = networks.configurations(session(podberth), tmp_path)
    assert (found.level, text in found.text) == (level, True), found


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"plugins": 7, "type": "podberth"}'])
def test_a_file_that_is_no_configuration_does_not_stop_the_doctor(podberth: Operator, text: str) -> None:
    folder = network(podberth)
    (folder / "00-bad.conf").write_text(text)
    assert by_name(networks.configurations(session(podberth), folder))["10-bank.conf"].level == OK


def test_a_folder_without_a_network_of_ours_is_a_warning(podberth: Operator, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        (found,) = networks.configurations(session(podberth), folder)
        assert found.level == WARN


def test_a_shim_without_an_agent_is_a_finding_with_its_words(tmp_path: Path) -> None:
    answer = '{"cniVersion":"1.1.0","code":11,"msg":"no agent answers","details":"start podberth agent"}'
    found = networks.executable([plugin(tmp_path / "bin", f"echo '{answer}'; exit 1")])
    assert (found.level, found.todo) == (FAIL, "start podberth agent")
    assert "code 11: no agent answers" in found.text
    assert "KeyError" not in found.text


def test_the_plugin_is_asked_with_the_agents_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODBERTH_SOCKET", "/run/elsewhere.sock")
    said = 'test "$PODBERTH_SOCKET" = /run/elsewhere.sock && echo \'{"supportedVersions":["1.1.0"]}\''
    assert networks.executable([plugin(tmp_path / "bin", said)]).level == OK


def test_an_agent_of_another_version_or_that_is_not_ready_is_told() -> None:
    from podberth.cli.doctor import agent

    state = {"version": "0.0.9", "workers": 2, "busy": 2, "waiting": 3, "unready": ["the cluster's store is away: no"]}
    found = {finding.name: finding for finding in agent.judged(state)}
    assert {name: finding.level for name, finding in found.items()} == {
        "version": WARN, "ready": FAIL, "workers": WARN
    }  # fmt: skip


def test_no_agent_is_a_failure_only_where_the_ledger_needs_one(podberth: Operator, tmp_path: Path) -> None:
    from podberth.cli.doctor import agent

    podberth.state.mkdir(exist_ok=True)
    path = tmp_path / "none.sock"
    assert [finding.level for finding in agent.look(session(podberth), path) if finding.name == "socket"] == [WARN]
    (podberth.state / "store.json").write_text('{"store": "etcd", "etcd": {"endpoints": ["http://127.0.0.1:1"]}}')
    (found,) = [finding for finding in agent.look(session(podberth), path) if finding.name == "socket"]
    assert found.level == FAIL
    assert "only an agent can reach" in found.todo
