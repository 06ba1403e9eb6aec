"""`podberth check`: differences are named, and the exit code says that there are some."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.net.facts import NetnsId
from podberth.net.record import Record
from podberth.net.step import Drift

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cni.pod import Attachment
    from tests.unit.cli.node import Operator


@pytest.fixture
def attachment(podberth: Operator) -> Attachment:
    return podberth.attach("bank/mysql-0", "10.20.0.11")


def netns_of(attachment: Attachment) -> str:
    return f"/run/netns/{attachment.container_id}"


def test_attachments_that_are_as_made_are_ok(podberth: Operator, attachment: Attachment) -> None:
    ended = podberth("check")
    assert (ended.code, ended.out) == (0, "ok: 1 attachment checked, all as made\n")
    assert podberth("check", "--json").json == {
        "schema": "check/1",
        "checked": 1,
        "drifted": 0,
        "repaired": 0,
        "attachments": [
            {
                "network": "banknet",
                "container_id": attachment.container_id,
                "ifname": "eth0",
                "pod": "bank/mysql-0",
                "drifts": [],
                "outdated": [],
                "repair": None,
            }
        ],
    }


def test_every_difference_is_named_and_the_exit_code_is_four(podberth: Operator, attachment: Attachment) -> None:
    podberth.host.drifts[netns_of(attachment)] = (
        Drift(what="eth0", field="mtu", wanted="9000", found="1500"),
        Drift(what="eth0", field="address", wanted="10.20.0.11/24", found="none"),
    )
    ended = podberth("check")
    assert ended.code == 4
    assert ended.table[1:3] == [
        ["bank/mysql-0", "eth0", "mtu", "9000", "1500"],
        ["bank/mysql-0", "eth0", "address", "10.20.0.11/24", "none"],
    ]
    told = podberth("check", "--json")
    assert told.code == 4
    assert told.json["drifted"] == 1
    assert told.json["attachments"][0]["drifts"][0] == {
        "what": "eth0",
        "field": "mtu",
        "expected": "9000",
        "found": "1500",
    }


def test_a_namespace_that_is_gone_or_another_one_is_a_difference(podberth: Operator, attachment: Attachment) -> None:
    podberth.host.namespaces[netns_of(attachment)] = NetnsId(device=4, inode=99999)
    assert podberth("check", "--json").json["attachments"][0]["drifts"][0]["found"] == "another one"
    del podberth.host.namespaces[netns_of(attachment)]
    assert podberth("check", "--json").json["attachments"][0]["drifts"][0]["found"] == "gone"


def test_a_lease_that_is_gone_is_a_difference(podberth: Operator, attachment: Attachment) -> None:
    from tests.unit.cli.node import PLUGIN

    podberth.connect(str(podberth.state)).ledger.unbind(attachment, PLUGIN)
    (drift,) = podberth("check", "--json").json["attachments"][0]["drifts"]
    assert (drift["field"], drift["expected"]) == ("lease", "10.20.0.11")


def test_an_add_that_never_ended_is_a_difference(podberth: Operator) -> None:
    attachment = podberth.attach("bank/web", "10.20.0.120", recorded=False)
    netns = netns_of(attachment)
    node = podberth.connect(str(podberth.state))
    identity = podberth.host.namespaces[netns]
    node.attachments.open(
        Record(attachment=attachment, pod=None, netns=netns, netns_id=identity, steps=(), done=False, since=1)
    )
    assert podberth("check").code == 4
    assert "an ADD that never ended" in podberth("check").out


def test_a_lease_of_an_ipam_call_is_checked_for_its_namespace(podberth: Operator) -> None:
    attachment = podberth.attach("bank/web", "10.20.0.120", recorded=False)
    assert podberth("check").code == 0
    del podberth.host.namespaces[netns_of(attachment)]
    assert podberth("check").code == 4


def test_one_network_or_pod_only(podberth: Operator, attachment: Attachment) -> None:
    podberth.attach("bank/web", "10.20.0.120", container="beef")
    podberth.host.drifts[netns_of(attachment)] = (Drift(what="eth0", field="mtu", wanted="9000", found="1500"),)
    assert podberth("check", "--pod", "bank/web", "--json").json["checked"] == 1
    assert podberth("check", "--pod", "bank/web").code == 0
    assert podberth("check", "--pod", "bank/mysql-0").code == 4
    assert podberth("check", "--network", "other").out == "ok: no attachments of network other on this node\n"
    assert podberth("check", "--pod", "bank/web-9").out == "ok: no attachments of bank/web-9 on this node\n"


def test_an_imported_lease_of_an_unknown_namespace_is_neither_wrong_nor_repaired(
    podberth: Operator, tmp_path: Path
) -> None:
    folder = tmp_path / "banknet"
    folder.mkdir()
    (folder / "10.20.0.120").write_bytes(b"c120")
    assert podberth("import", "host-local", "--dir", str(folder), "--pool", "db").code == 0
    for argv in (("check",), ("check", "--repair")):
        ended = podberth(*argv)
        assert ended.code == 0
        assert "repaired" not in ended.out
        assert ended.out.splitlines()[-1].startswith("1 imported lease not looked at")
    told = podberth("check", "--repair", "--json").json
    assert (told["repaired"], [one["container_id"] for one in told["unknown"]]) == (0, ["c120"])
    assert len(podberth("leases", "--json").json["leases"]) == 1


def test_a_repair_of_a_lease_alone_whose_namespace_is_gone_ends_it(podberth: Operator) -> None:
    attachment = podberth.attach("bank/web", "10.20.0.120", recorded=False)
    del podberth.host.namespaces[netns_of(attachment)]
    assert podberth("check", "--repair").out.endswith("1 repaired, 0 not, of 1 attachment\n")
    assert podberth("leases", "--json").json["leases"] == []
