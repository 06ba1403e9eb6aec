"""The configuration of a meta plugin, as Multus' files have it."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.errors import IncompatibleVersion, InvalidConfig
from podberth.cni.fields import Fields
from podberth.net.requests import Rule
from podberth.networks.settings import KEYS, WITHOUT_EFFECT, Settings, read

BRIDGE = {"cniVersion": "1.0.0", "name": "own", "type": "bridge"}
USUAL: dict[str, Any] = {
    "cluster": "cluster", "conf_dir": "/etc/cni/multus/net.d", "cni_dir": "/var/lib/cni/multus",
    "bin_dir": "/opt/cni/bin", "namespace": "kube-system", "system": ("kube-system",), "shared": ("default",),
}  # fmt: skip


def settings(**said: Any) -> Settings:
    return read(Fields({"clusterNetwork": "cluster", **said}))


def test_keys_that_are_not_said_are_as_multus_has_them() -> None:
    assert settings() == Settings(**USUAL)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"clusterNetwork": "/etc/cni/net.d"}, {"cluster": "/etc/cni/net.d"}),
        ({"defaultNetworks": ["a", "b"]}, {"defaults": ("a", "b")}),
        ({"confDir": "/c"}, {"conf_dir": "/c"}),
        ({"cniDir": "/d"}, {"cni_dir": "/d"}),
        ({"binDir": "/b"}, {"bin_dir": "/b"}),
        ({"kubeconfig": "/k"}, {"kubeconfig": "/k"}),
        ({"multusNamespace": "net"}, {"namespace": "net"}),
        ({"systemNamespaces": ["a", "b"]}, {"system": ("a", "b")}),
        ({"systemNamespaces": []}, {"system": ()}),
        ({"namespaceIsolation": True}, {"isolated": True}),
        ({"globalNamespaces": "a, b,,"}, {"shared": ("a", "b")}),
        ({"readinessindicatorfile": "/run/ready"}, {"readiness": "/run/ready"}),
        ({"readinessIndicatorFile": "/run/ready"}, {"readiness": "/run/ready"}),
        ({"ConfDir": "/c"}, {"conf_dir": "/c"}),
        ({"clusterNetwork": "/a/b", "auxiliaryCNIChainName": "v"}, {"cluster": "/a/b", "auxiliary": "v"}),
        (
            {"allow": [{"namespaces": ["a-*"], "networks": ["a/b"], "requests": ["ips", "*"]}]},
            {"rules": (Rule(namespaces=("a-*",), networks=("a/b",), requests=("ips", "*")),)},
        ),
        ({"networkPolicies": True, "kubeconfig": "/k"}, {"policies": True, "kubeconfig": "/k"}),
        ({"networkPolicies": False}, {"policies": False}),
        ({"definitionNamespaces": ["ops", "net-*"]}, {"defining": ("ops", "net-*")}),
        ({"definitionNamespaces": []}, {"defining": ()}),
    ],
)
def test_each_key_is_read(said: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert settings(**said) == Settings(**{**USUAL, **wanted})


@pytest.mark.parametrize("key", [key.name for key in KEYS if key.name != "clusterNetwork"])
def test_null_says_nothing(key: str) -> None:
    assert settings(**{key: None}) == Settings(**USUAL)


@pytest.mark.parametrize(
    "said",
    [
        *(
            {key: ""}
            for key in ("confDir", "cniDir", "binDir", "kubeconfig", "multusNamespace", "globalNamespaces")
        ),
        {"readinessindicatorfile": ""},
        {"namespaceIsolation": False},
        {"defaultNetworks": []},
        {"delegates": []},
    ],
    ids="".join,
)  # fmt: skip
def test_a_zero_that_a_program_in_go_writes_says_nothing(said: dict[str, Any]) -> None:
    assert settings(**said) == Settings(**USUAL)


@pytest.mark.parametrize("key", [*WITHOUT_EFFECT, "ofTomorrow"])
@pytest.mark.parametrize("what", ["x", 7, True, {"a": []}])
def test_a_key_of_which_nothing_is_read_is_taken(key: str, what: object) -> None:
    assert settings(**{key: what}) == Settings(**USUAL)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"clusterNetwork": 7}, "clusterNetwork"),
        ({"defaultNetworks": "a"}, "defaultNetworks"),
        ({"defaultNetworks": ["a", None]}, "defaultNetworks[1]"),
        ({"confDir": "net.d"}, "confDir"),
        ({"cniDir": "/a/../b"}, "cniDir"),
        ({"binDir": ["/b"]}, "binDir"),
        ({"kubeconfig": True}, "kubeconfig"),
        ({"multusNamespace": "A"}, "multusNamespace"),
        ({"systemNamespaces": "kube-system"}, "systemNamespaces"),
        ({"systemNamespaces": ["a", "B"]}, "systemNamespaces[1]"),
        ({"namespaceIsolation": 1}, "namespaceIsolation"),
        ({"globalNamespaces": ["a"]}, "globalNamespaces"),
        ({"readinessindicatorfile": 7}, "readinessindicatorfile"),
        ({"confDir": "/a", "confdir": "/b"}, "confdir"),
        ({"auxiliaryCNIChainName": "v"}, "auxiliaryCNIChainName"),
        ({"clusterNetwork": "/a", "auxiliaryCNIChainName": "a/b"}, "auxiliaryCNIChainName"),
        ({"clusterNetwork": "/a", "auxiliaryCNIChainName": ".."}, "auxiliaryCNIChainName"),
        ({"allow": {"namespaces": ["a"]}}, "allow"),
        ({"allow": [{"namespaces": [], "networks": ["*"], "requests": ["ips"]}]}, "allow[0].namespaces"),
        ({"allow": [{"namespaces": ["a"], "networks": ["*"]}]}, "allow[0].requests"),
        ({"allow": [{"namespaces": ["a"], "networks": ["*"], "requests": ["ip"]}]}, "allow[0].requests[0]"),
        ({"allow": [{"namespaces": ["a"], "networks": [7], "requests": ["ips"]}]}, "allow[0].networks[0]"),
        ({"allow": [{"namespaces": ["a"], "networks": ["*"], "requests": ["ips"], "x": 1}]}, "allow[0].x"),
    ],
)
def test_the_error_names_the_key(said: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        settings(**said)
    assert refused.value.message.startswith(f"{at}: ")


def test_policies_are_an_api_server_s() -> None:
    with pytest.raises(InvalidConfig, match=r"^networkPolicies: expected `kubeconfig` beside it"):
        settings(networkPolicies=True)


def test_networks_may_be_written_out_in_the_place_of_their_names() -> None:
    both = [BRIDGE, {"name": "listed", "plugins": [{"type": "ptp"}, {"type": "tuning"}]}]
    found = read(Fields({"clusterNetwork": "", "delegates": both}))
    assert [(each.name, [plugin.type for plugin in each.plugins]) for each in found.delegates] == [
        ("own", ["bridge"]), ("listed", ["ptp", "tuning"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "got"),
    [({}, "neither"), ({"delegates": None}, "neither"), ({"clusterNetwork": "a", "delegates": [BRIDGE]}, "both")],
)
def test_the_clusters_network_is_said_in_one_way(said: dict[str, Any], got: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^clusterNetwork: .* got {got}$"):
        read(Fields(said))


@pytest.mark.parametrize(
    ("delegate", "at"),
    [
        (None, "delegates[1]: "),
        ({"type": "bridge"}, "delegates[1].name: "),
        ({"name": "own"}, "delegates[1].plugins: "),
        ({"name": "own", "plugins": [{}]}, "delegates[1].plugins[0].type: "),
    ],
)
def test_the_error_names_the_place_in_a_network_that_is_written_out(delegate: object, at: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        read(Fields({"delegates": [BRIDGE, delegate]}))
    assert refused.value.message.startswith(at)


def test_a_version_that_nobody_speaks_is_refused_by_its_place() -> None:
    with pytest.raises(IncompatibleVersion, match=r"^delegates\[0\]\.cniVersion: "):
        read(Fields({"delegates": [{**BRIDGE, "cniVersion": "9.0.0"}]}))


@pytest.mark.parametrize(
    ("said", "namespace", "shown"),
    [
        ({"kubeconfig": "/k"}, "bank", True),
        ({"kubeconfig": "/k"}, "kube-system", False),
        ({"kubeconfig": "/k", "systemNamespaces": ["bank"]}, "bank", False),
        ({}, "bank", False),
    ],
)
def test_network_status_is_of_pods_outside_the_system_where_there_is_an_api_server(
    said: dict[str, Any], namespace: str, shown: bool
) -> None:
    assert settings(**said).shows(namespace) is shown
