"""`podberth gc`: takes back exactly what it shows, and only after it was told to."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from podberth.net.facts import NetnsId

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cni.pod import Attachment
    from tests.unit.cli.node import Operator


@pytest.fixture
def live(podberth: Operator) -> Attachment:
    return podberth.attach("bank/mysql-0", "10.20.0.11", container="a11e")


@pytest.fixture
def gone(podberth: Operator) -> Attachment:
    attachment = podberth.attach("bank/web", "10.20.0.120", container="dead")
    del podberth.host.namespaces["/run/netns/dead"]
    return attachment


def containers(podberth: Operator) -> set[str]:
    leases = podberth("leases", "--json").json["leases"]
    recorded = podberth("get", "attachments", "--json").json["items"]
    return {lease["attachment"]["container_id"] for lease in leases} | {item["container_id"] for item in recorded}


def keep(podberth: Operator, *attachments: Attachment) -> str:
    listed = [{"containerID": a.container_id, "ifname": a.ifname} for a in attachments]
    return podberth.file("valid.json", json.dumps(listed))


def test_a_dry_run_shows_what_is_gone_and_takes_nothing(podberth: Operator, live: Attachment, gone: Attachment) -> None:
    ended = podberth("gc", "--gone", "--dry-run")
    assert ended.code == 0
    assert ended.table[1] == ["bank/web", "10.20.0.120", "banknet", "eth0", "dead"]
    assert ended.out.splitlines()[-1] == "1 attachment would be taken back"
    assert containers(podberth) == {live.container_id, gone.container_id}
    assert podberth.host.undone == []


def test_what_is_gone_is_taken_back_and_the_ledger_says_by_whom(
    podberth: Operator, live: Attachment, gone: Attachment
) -> None:
    ended = podberth("gc", "--gone", "--yes", "--json")
    assert ended.code == 0
    assert ended.json == {
        "dry_run": False,
        "collected": [{"network": "banknet", "container_id": "dead", "ifname": "eth0"}],
        "failed": [],
    }
    assert containers(podberth) == {live.container_id}
    assert len(podberth.host.undone) == 1
    event = podberth("history", "10.20.0.120", "--last", "1", "--json").json["events"][0]
    assert event["kind"] == "Unbound"
    assert (event["who"].split()[:2], event["why"]) == (["uid", str(os.getuid())], "podberth gc")
    assert podberth("gc", "--gone").out == "nothing to take back\n"


def test_what_was_taken_back_without_a_question_is_shown_with_its_pod(podberth: Operator, gone: Attachment) -> None:
    ended = podberth("gc", "--gone", "--yes")
    assert ended.table[1] == ["bank/web", "10.20.0.120", "banknet", "eth0", gone.container_id]
    assert ended.out.splitlines()[-1] == "1 attachment taken back"


def test_a_namespace_that_is_another_one_by_now_counts_as_gone(podberth: Operator, live: Attachment) -> None:
    podberth.host.namespaces["/run/netns/a11e"] = NetnsId(device=4, inode=99999)
    assert podberth("gc", "--gone", "--yes").code == 0
    assert containers(podberth) == set()


def test_a_lease_without_a_record_is_taken_back_too(podberth: Operator) -> None:
    podberth.attach("bank/web", "10.20.0.120", container="dead", recorded=False)
    del podberth.host.namespaces["/run/netns/dead"]
    assert podberth("gc", "--gone", "--yes").code == 0
    assert containers(podberth) == set()


def test_all_but_the_valid_ones_are_taken_back(podberth: Operator, live: Attachment) -> None:
    podberth.attach("bank/web", "10.20.0.120", container="beef")
    ended = podberth("gc", "--network", "banknet", "--keep-file", keep(podberth, live), "--yes", "--json")
    assert [one["container_id"] for one in ended.json["collected"]] == ["beef"]
    assert containers(podberth) == {live.container_id}


def test_another_network_is_left_alone(podberth: Operator, live: Attachment, gone: Attachment) -> None:
    assert podberth("gc", "--network", "other", "--keep-file", keep(podberth), "--yes").code == 0
    assert podberth("gc", "--network", "other", "--gone", "--yes").code == 0
    assert containers(podberth) == {live.container_id, gone.container_id}


def test_reservations_stay_when_their_attachment_goes(podberth: Operator, live: Attachment) -> None:
    podberth("gc", "--network", "banknet", "--keep-file", keep(podberth), "--yes")
    assert len(podberth("get", "reservations", "--json").json["items"]) == 6


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_without_anybody_to_ask_nothing_is_taken(podberth: Operator, gone: Attachment, form: tuple[str, ...]) -> None:
    ended = podberth("gc", "--gone", *form)
    assert ended.code == 1
    assert "nobody to ask" in ended.out + ended.err
    assert containers(podberth) == {gone.container_id}


def test_an_attachment_the_kernel_will_not_let_go_is_told_and_stays(podberth: Operator, gone: Attachment) -> None:
    podberth.host.refuses = True
    ended = podberth("gc", "--gone", "--yes", "--json")
    assert ended.code == 1
    assert ended.json["collected"] == []
    assert "busy" in ended.json["failed"][0]["msg"]
    assert containers(podberth) == {gone.container_id}
    assert "failed" in podberth("gc", "--gone", "--yes").out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '[{"containerID": "a"}]',
        '[{"containerID": "../a", "ifname": "eth0"}]',
        "[" * 200,
        '[{"ifname": ""}]',
    ],
)
def test_a_malformed_list_of_valid_attachments_takes_nothing(podberth: Operator, live: Attachment, text: str) -> None:
    ended = podberth("gc", "--network", "banknet", "--keep-file", podberth.file("valid.json", text), "--yes")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    assert containers(podberth) == {live.container_id}


@pytest.mark.parametrize(
    "argv",
    [(), ("--gone", "--keep-file", "x", "--network", "y"), ("--keep-file", "x"), ("--network", "../x", "--gone")],
)
def test_a_wrong_command_line_is_a_usage_error(podberth: Operator, argv: tuple[str, ...]) -> None:
    assert podberth("gc", *argv).code == 2


def test_a_list_that_is_not_there_is_refused(podberth: Operator) -> None:
    assert podberth("gc", "--network", "banknet", "--keep-file", "/nowhere.json").code == 3


def imported(podberth: Operator, tmp_path: Path) -> tuple[str, ...]:
    """Have an address of host-local's as a lease, of a container that runs for all that anybody knows."""
    folder = tmp_path / "banknet"
    folder.mkdir()
    (folder / "10.20.0.120").write_bytes(b"c120\r\neth0")
    assert podberth("import", "host-local", "--dir", str(folder), "--pool", "db").code == 0
    return ("import", "host-local", "--dir", str(folder), "--pool", "db")


def test_an_imported_lease_of_an_unknown_namespace_is_never_gone(podberth: Operator, tmp_path: Path) -> None:
    imported(podberth, tmp_path)
    ended = podberth("gc", "--gone", "--yes")
    assert ended.code == 0
    assert ended.out.startswith("nothing to take back\n1 imported lease left alone: which network namespace")
    assert podberth("gc", "--gone", "--yes", "--json").json == {
        "dry_run": False,
        "collected": [],
        "unknown": 1,
        "failed": [],
    }
    assert containers(podberth) == {"c120"}


def test_a_list_of_what_is_valid_says_enough_to_end_an_imported_lease(podberth: Operator, tmp_path: Path) -> None:
    imported(podberth, tmp_path)
    assert podberth("gc", "--network", "banknet", "--keep-file", keep(podberth), "--yes").code == 0
    assert containers(podberth) == set()
