"""`podberth leases`, `who` and `history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.ipam.lease import Actor

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator

ID = "c0ffee" * 4


def unbind(podberth: Operator, container: str = ID) -> None:
    node = podberth.connect(str(podberth.state))
    (attachment,) = {lease.attachment for lease in node.ledger.leases() if lease.attachment.container_id == container}
    node.ledger.unbind(attachment, Actor(who="plugin", why="DEL", node="n1"))


def test_leases_are_listed_in_order_of_address(podberth: Operator) -> None:
    podberth.attach("bank/web", "10.20.0.120", container="beef")
    podberth.attach("bank/mysql-0", "10.20.0.11")
    head, *rows = podberth("leases").table
    assert head == ["ADDRESS", "POD", "IFNAME", "NETWORK", "CONTAINER", "NODE", "POOL", "SINCE"]
    assert [row[:3] for row in rows] == [["10.20.0.11", "bank/mysql-0", "eth0"], ["10.20.0.120", "bank/web", "eth0"]]
    assert rows[0][4] == ID[:12]
    assert rows[0][7].endswith(" CET")


def test_the_json_of_a_lease_has_all_of_it(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    (lease,) = podberth("leases", "--json").json["leases"]
    assert lease.pop("since").startswith("2100-01-01T00:00:")
    assert lease == {
        "address": "10.20.0.11",
        "pool": "db",
        "pod": "bank/mysql-0",
        "pod_uid": "u1",
        "attachment": {"network": "banknet", "container_id": ID, "ifname": "eth0"},
        "netns": f"/run/netns/{ID}",
        "node": "n1",
    }


def test_leases_of_one_pool_or_network_only(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    assert len(podberth("leases", "--pool", "db", "--network", "banknet", "--json").json["leases"]) == 1
    assert podberth("leases", "--network", "other", "--json").json == {"schema": "leases/1", "leases": []}
    assert podberth("leases", "--network", "other").out == "no leases\n"
    assert podberth("leases", "--pool", "other").code == 3


def test_who_has_an_address_now(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    ended = podberth("who", "10.20.0.11")
    assert ended.code == 0
    assert ["pod", "bank/mysql-0"] in ended.table
    assert ["container", ID] in ended.table
    assert ["reserved", "for bank/mysql-0"] in ended.table


def test_who_had_an_address_at_a_time_the_ledger_printed(podberth: Operator) -> None:
    podberth.attach("bank/web", "10.20.0.120", container="beef")
    unbind(podberth, "beef")
    podberth.attach("bank/other", "10.20.0.120", container="feed")
    events = podberth("history", "10.20.0.120", "--json").json["events"]
    assert [event["kind"] for event in events] == ["Bound", "Unbound", "Bound"]
    holders = [podberth("who", "10.20.0.120", "--at", event["time"], "--json").json["pod"] for event in events]
    assert holders == ["bank/web", None, "bank/other"]
    assert podberth("who", "10.20.0.120", "--at", "2026-01-01", "--json").json["pod"] is None


def test_the_json_of_who_says_all_there_is(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    held = podberth("who", "10.20.0.11", "--json").json
    assert sorted(held) == [
        *("address", "at", "attachment", "begins", "between", "event", "pod", "reserved_for", "schema"),
        *("since", "state"),
    ]
    assert held["attachment"] == {"network": "banknet", "container_id": ID, "ifname": "eth0"}
    assert held["event"]["kind"] == "Bound"
    assert held["state"] == "HELD"


def test_an_address_nobody_has_is_an_answer_but_one_of_no_pool_is_not_found(podberth: Operator) -> None:
    free = podberth("who", "10.20.0.200")
    assert free.code == 0
    assert ["pod", "nobody"] in free.table
    assert podberth("who", "10.99.0.1").code == 3


def test_an_address_of_a_pool_that_is_gone_is_still_known_to_the_ledger(podberth: Operator) -> None:
    podberth.attach("bank/web", "10.20.0.120", container="beef", recorded=False)
    unbind(podberth, "beef")
    assert podberth("delete", "podnetwork", "bank/mysql").code == 0
    assert podberth("delete", "pool", "db").code == 0
    assert podberth("who", "10.20.0.120").code == 0
    assert podberth("who", "10.20.0.121").code == 3


def test_the_history_of_a_pod_is_in_order_with_who_and_why(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    unbind(podberth)
    head, *rows, count = podberth("history", "bank/mysql-0").table
    assert head == ["TIME", "EVENT", "ADDRESS", "POD", "IFNAME", "CONTAINER", "WHO", "WHY", "NODE"]
    assert [row[1:3] for row in rows] == [
        ["Reserved", "10.20.0.11"],
        ["Reserved", "fd00:20::11"],
        ["Bound", "10.20.0.11"],
        ["Unbound", "10.20.0.11"],
    ]
    assert [row[6:] for row in rows[2:]] == [["plugin", "ADD", "n1"], ["plugin", "DEL", "n1"]]
    assert count == ["4 events"]


def test_the_json_of_an_event_has_all_of_it(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    event = podberth("history", "10.20.0.11", "--last", "1", "--json").json["events"][0]
    assert event.pop("time").endswith("Z")
    assert isinstance(event.pop("seq"), int)
    assert event == {
        "kind": "Bound",
        "address": "10.20.0.11",
        "pool": "db",
        "pod": "bank/mysql-0",
        "pod_uid": "u1",
        "ifname": "eth0",
        "attachment": {"network": "banknet", "container_id": ID, "ifname": "eth0"},
        "state": "HELD",
        "owner": None,
        "who": "plugin",
        "why": "ADD",
        "node": "n1",
        "clock": "unproven",
        "ahead": 0,
        "corrects": None,
    }


def test_history_without_a_subject_tells_everything_and_can_be_cut(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    assert len(podberth("history", "--json").json["events"]) == 7
    assert len(podberth("history", "--last", "2", "--json").json["events"]) == 2
    assert [e["kind"] for e in podberth("history", "--since", "2099-12-31", "--json").json["events"]] == ["Bound"]
    assert podberth("history", "--since", "2101-01-01").out == "0 events\n"


@pytest.mark.parametrize("subject", ["bank/nobody", "10.20.0.200", "fd00::1"])
def test_a_history_of_nothing_is_not_found(podberth: Operator, subject: str) -> None:
    ended = podberth("history", subject)
    assert (ended.code, ended.out) == (3, "")
    assert subject in ended.err


@pytest.mark.parametrize(
    "argv",
    [
        ("who",),
        ("who", "10.20.0"),
        ("who", "bank/mysql-0"),
        ("who", "10.20.0.11/24"),
        ("who", "10.20.0.11", "--at", "teatime"),
        ("who", "10.20.0.11", "--at"),
        ("history", "mysql-0"),
        ("history", "bank/../mysql"),
        ("history", "a/b/c"),
        ("history", "--last", "0"),
        ("leases", "--pool", "../etc"),
        ("leases", "extra"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error_of_one_line_and_a_hint(
    podberth: Operator, argv: tuple[str, ...]
) -> None:
    ended = podberth(*argv)
    assert (ended.code, ended.out) == (2, "")
    error, hint = ended.err.splitlines()
    assert error.startswith("error: ")
    assert hint == f"hint: see `podberth {argv[0]} --help`"
