"""The runtime's file of thick Multus and the daemon's, as one configuration."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podberth.cni.errors import CniError, DecodingFailure, InvalidConfig
from podberth.cni.fields import Fields
from podberth.networks.daemon import CONFIG, completed, require_kubeconfig
from podberth.networks.settings import read

SHIM = {
    "cniVersion": "0.3.1",
    "name": "multus-cni-network",
    "type": "multus-shim",
    "clusterNetwork": "/host/n/10-a.conf",
}


def whole(said: object, **shim: object) -> dict[str, Any]:
    lines = None if said is None else json.dumps(said, indent=1).splitlines()
    return dict(completed(Fields({**SHIM, **shim}), lines).raw)


def test_without_a_daemons_file_the_runtimes_counts() -> None:
    assert whole(None, kubeconfig="/k") == {**SHIM, "clusterNetwork": "/n/10-a.conf", "kubeconfig": "/k"}


def test_the_daemons_keys_stand_before_the_runtimes() -> None:
    found = whole({"kubeconfig": "/k", "namespaceIsolation": True}, namespaceIsolation=False, kubeconfig="/shims")
    assert (found["kubeconfig"], found["namespaceIsolation"]) == ("/k", True)


def test_what_identifies_the_call_is_the_runtimes() -> None:
    said = {
        "cniVersion": "1.1.0",
        "name": "other",
        "type": "other",
        "runtimeConfig": {},
        "prevResult": {},
        "stateDir": "/s",
    }
    assert whole(said) == {**SHIM, "clusterNetwork": "/n/10-a.conf"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/host/etc/cni/net.d/10-a.conf", "/etc/cni/net.d/10-a.conf"),
        ("/hostile/net.d/a.conf", "/hostile/net.d/a.conf"),
        ("storage", "storage"),
        ("/host", "/host"),
    ],
)
def test_a_path_is_the_nodes(path: str, found: str) -> None:
    made = whole({"clusterNetwork": path, "defaultNetworks": [path]})
    assert (made["clusterNetwork"], made["defaultNetworks"]) == (found, [found])


def test_capitals_make_no_other_key() -> None:
    assert whole({"CNIDir": "/c"}, CNIDIR="/other") == {**SHIM, "clusterNetwork": "/n/10-a.conf", "cniDir": "/c"}
    with pytest.raises(InvalidConfig, match="twice"):
        whole({"kubeconfig": "/a", "KubeConfig": "/b"})


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("{", DecodingFailure, "not valid JSON"),
        ("[]", InvalidConfig, "expected an object"),
        ('{"kubeconfig": "here"}', InvalidConfig, ".kubeconfig: "),
        ('{"systemNamespaces": 7}', InvalidConfig, ".systemNamespaces: "),
        ('{"a": 1, "a": 2}', DecodingFailure, "twice"),
    ],
)
def test_what_is_wrong_is_told_with_the_name_of_the_daemons_file(text: str, error: type[CniError], told: str) -> None:
    with pytest.raises(error) as raised:
        completed(Fields(SHIM), [text])
    assert raised.value.message.startswith(CONFIG.default)
    assert told in raised.value.message


def test_an_empty_file_is_an_error_and_no_empty_configuration() -> None:
    with pytest.raises(DecodingFailure, match="got nothing"):
        completed(Fields(SHIM), [""])


def test_it_has_to_name_an_api_server() -> None:
    require_kubeconfig(Fields(whole({"kubeconfig": "/k"})))
    with pytest.raises(InvalidConfig, match=r"neither the network multus-cni-network nor /etc/cni/net\.d/multus\.d/"):
        require_kubeconfig(Fields(whole({"kubeconfig": ""})))


def test_it_is_read_as_a_meta_plugins() -> None:
    found = read(Fields(whole({"kubeconfig": "/k", "systemNamespaces": []})))
    assert (found.cluster, found.kubeconfig, found.system) == ("/n/10-a.conf", "/k", ())
