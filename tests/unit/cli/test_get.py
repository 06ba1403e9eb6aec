"""`podberth get`: what is declared and what is there, in three forms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.unit.cli.node import POD

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator


def test_without_a_kind_every_document_is_listed(podberth: Operator) -> None:
    ended = podberth("get")
    assert ended.code == 0
    assert [row[:2] for row in ended.table] == [["KIND", "NAME"], ["Pool", "db"], ["PodNetwork", "bank/mysql"]]


def test_every_form_has_the_same_documents(podberth: Operator) -> None:
    from_yaml = list(yaml.safe_load_all(podberth("get", "-o", "yaml").out))
    listed = podberth("get", "-o", "json").json
    assert listed["kind"] == "List"
    assert from_yaml == listed["items"]
    assert podberth("get", "--json").json == listed


@pytest.mark.parametrize("kind", ["podnetworks", "podnetwork", "PodNetworks"])
def test_one_document_is_that_document(podberth: Operator, kind: str) -> None:
    document = podberth("get", kind, "bank/mysql", "--json").json
    assert document["kind"] == "PodNetwork"
    assert document["spec"]["statefulSet"] == {"name": "mysql", "replicas": 3}
    assert yaml.safe_load(podberth("get", kind, "bank/mysql", "-o", "yaml").out) == document


def test_podnetworks_say_for_whom_they_are_and_what_they_declare(podberth: Operator) -> None:
    podberth.apply(POD)
    rows = podberth("get", "podnetworks").table
    assert rows[1][:3] == ["bank/first", "pod mysql-0", "eth0: settings"]
    assert rows[2][:2] == ["bank/mysql", "StatefulSet mysql"]
    assert "10.20.0.11, 10.20.0.12, 10.20.0.13" in rows[2][2]


def test_a_namespace_alone_means_all_in_it(podberth: Operator) -> None:
    podberth.apply(POD)
    assert len(podberth("get", "podnetworks", "bank/", "--json").json["items"]) == 2
    assert podberth("get", "podnetworks", "other/").code == 3


def test_pools_have_their_vlan_and_gateway(podberth: Operator) -> None:
    assert podberth("get", "pools").table[1][:5] == [
        "db",
        "10.20.0.0/24, fd00:20::/64",
        "10.20.0.1",
        "lowest",
        "100",
    ]


def test_reservations_have_their_origin(podberth: Operator) -> None:
    found = podberth("get", "reservations", "10.20.0.11", "--json").json
    assert found.pop("since").endswith("Z")
    assert found == {
        "address": "10.20.0.11",
        "pool": "db",
        "pod": "bank/mysql-0",
        "ifname": "eth0",
        "origin": "declared",
    }


def test_attachments_have_their_addresses_and_namespace(podberth: Operator) -> None:
    attachment = podberth.attach("bank/mysql-0", "10.20.0.11")
    (found,) = podberth("get", "attachments", "--json").json["items"]
    assert found.pop("since").endswith("Z")
    assert found == {
        "network": "banknet",
        "container_id": attachment.container_id,
        "ifname": "eth0",
        "pod": "bank/mysql-0",
        "addresses": ["10.20.0.11"],
        "netns": f"/run/netns/{attachment.container_id}",
        "complete": True,
        "removing": False,
        "plugins": ["podberth"],
    }
    row = podberth("get", "attachments", str(attachment)).table[1]
    assert row[:3] == [str(attachment), "bank/mysql-0", "10.20.0.11"]
    assert row[4] == "complete"


def test_nothing_to_list_is_no_error(podberth: Operator) -> None:
    assert podberth("get", "attachments").out == "none\n"
    assert podberth("get", "attachments", "--json").json == {"schema": "attachments/1", "items": []}
    assert yaml.safe_load(podberth("get", "attachments", "-o", "yaml").out) == {"schema": "attachments/1", "items": []}


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("get", "pools", "none"), 3),
        (("get", "podnetworks", "bank/none"), 3),
        (("get", "reservations", "10.20.0.99"), 3),
        (("get", "attachments", "a/b/c"), 3),
        (("get", "secrets"), 2),
        (("get", "pools", "db", "extra"), 2),
        (("get", "-o", "xml"), 2),
    ],
)
def test_what_is_not_there_or_makes_no_sense_has_its_exit_code(
    podberth: Operator, argv: tuple[str, ...], code: int
) -> None:
    ended = podberth(*argv)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("error: ")
    told = podberth(*argv, "--json")
    assert (told.code, told.err) == (code, "")
    assert sorted(json.loads(told.out)) == ["code", "details", "msg"]
