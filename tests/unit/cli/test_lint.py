"""`cnitool lint`: exit status, table and document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of networks, and one of plugins."""
    for name in ("podberth", "bridge"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("CNI_PATH", str(tmp_path))
    monkeypatch.setenv("NETCONFPATH", str(tmp_path))
    return tmp_path


def network(folder: Path, **plugin: object) -> Path:
    """Write a network of one plugin."""
    file = folder / "10-net.conflist"
    file.write_text(json.dumps({"cniVersion": "1.0.0", "name": "net", "plugins": [plugin]}))
    return file


def test_a_good_network_is_found_by_name_and_by_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = network(folder, type="podberth", bridge="b0", pool="db")
    for named in ("net", str(file)):
        assert main(["cnitool", "lint", named]) == 0
        assert "nothing is wrong" in capsys.readouterr().out


def test_findings_are_a_table_and_a_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network(folder, type="bridge", isGatway=True, ipam={"type": "dhcp"})
    assert main(["cnitool", "lint", "net"]) == 1
    assert "did you mean isGateway?" in capsys.readouterr().out
    assert main(["cnitool", "lint", "net", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {one["path"] for one in findings} == {"plugins[0].isGatway", "plugins[0].ipam.type"}


def test_what_our_plugin_would_refuse_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network(folder, type="podberth", device="macvlan", pool="db")
    assert main(["cnitool", "lint", "net", "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["path"] == "parent"


def test_addresses_of_the_ledger_are_no_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network(folder, type="bridge", ipam={"type": "podberth", "pool": "db"})
    assert main(["cnitool", "lint", "net"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


def test_a_value_that_podberths_plugin_of_a_standard_type_refuses_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network(folder, type="bridge", vlan=9999)
    assert main(["cnitool", "lint", "net", "--json"]) == 0  # the plugin there may be the CNI project's
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["path"], finding["fatal"]) == ("plugins[0].vlan", False)
    assert finding["message"] == "podberth's plugin: expected a whole number 0..4094, got 9999"


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"delegates": [{"name": "a", "cniVersion": "1.0.0", "type": "bridge"}]}, "plugins[0].clusterNetwork"),
        ({"networkPolicies": True}, "plugins[0].networkPolicies"),
        ({"allow": [{"namespaces": ["a"], "networks": ["*"], "requests": ["ip"]}]}, "plugins[0].allow[0].requests[0]"),
    ],
)
def test_what_an_add_of_podberth_networks_would_be_refused_for_fails_the_check(
    folder: Path, capsys: pytest.CaptureFixture[str], said: dict[str, object], where: str
) -> None:
    (folder / "podberth-networks").symlink_to(folder / "podberth")
    network(folder, type="podberth-networks", clusterNetwork="cluster", **said)
    assert main(["cnitool", "lint", "net", "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["path"], finding["fatal"]) == (where, True)


@pytest.mark.parametrize("kind", ["podberth-networks", "multus"])
def test_nothing_is_wrong_with_a_file_of_multus(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    if kind == "podberth-networks":
        (folder / kind).symlink_to(folder / "podberth")
    (folder / "multus").symlink_to(folder / "podberth")
    (folder / "flannel").symlink_to(folder / "podberth")
    delegate = {"name": "cbr0", "cniVersion": "0.3.1", "plugins": [{"type": "flannel"}]}
    inert = {"logToStderr": True, "logOptions": {}, "chrootDir": "/hostroot", "retryDeleteOnError": True}
    network(folder, type=kind, delegates=[delegate], logLevel="verbose", kubeconfig="/etc/k", **inert)
    assert main(["cnitool", "lint", "net"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
