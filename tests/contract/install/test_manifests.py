"""deploy/: every folder renders, the API server takes every object, and the code has every command and option."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest

from podberth.cli.install.shim import kinds
from podberth.cli.main import cli, main
from podberth.entry import open_node
from podberth.runtime import networks
from podberth.runtime.lint import lint
from podberth.stores.chosen import chosen
from podberth.stores.etcd.settings import Settings
from tests.contract.install.conftest import HOME
from tests.contract.install.manifests import (
    EXAMPLES,
    RENDERED,
    containers,
    example,
    networks_of,
    objects,
    one,
    rendered,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.kube import KubeServer

EVERY = [
    pytest.param(container, spec, id=f"{folder} {name}")
    for folder in RENDERED
    for name, container, spec in containers(folder)
]


def words(container: dict[str, Any]) -> list[str]:
    """Return the arguments as a pod would have them."""
    return [word.replace("$(NODE_NAME)", "worker-3").replace("$(NAMESPACE)", HOME) for word in container["args"]]


@pytest.mark.parametrize("folder", RENDERED)
def test_the_server_takes_every_object(server: KubeServer, folder: str) -> None:
    said = server.kubectl("apply", "--dry-run=server", "-f", "-", stdin=rendered(folder))
    assert len(said.splitlines()) == len(objects(folder))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_server_takes_every_example(server: KubeServer, name: str) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": example(name)}
    said = server.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(items))
    assert len(said.splitlines()) == len(items["items"])


def test_the_default_has_all_and_others_what_their_names_say() -> None:
    def parts(folder: str) -> set[str]:
        return {each["metadata"]["name"] for each in objects(folder) if each["kind"] in ("DaemonSet", "Deployment")}

    three = {"podberth-agent", "podberth-controller", "podberth-webhook"}
    assert parts("base") == parts("overlays/kubernetes") == parts("overlays/sriov") == three
    assert parts("overlays/without-webhook") == three - {"podberth-webhook"}
    assert "webhook" not in rendered("overlays/without-webhook").replace("without-webhook", "")
    assert {each["kind"] for each in objects("overlays/etcd")} == {"Namespace", "ServiceAccount", "DaemonSet"}


@pytest.mark.parametrize(("container", "spec"), EVERY)
def test_the_code_has_the_command_with_its_options(container: dict[str, Any], spec: dict[str, Any]) -> None:
    accepted(container)


def accepted(container: dict[str, Any]) -> None:
    """Have the command line read what the container is started with."""
    command: click.Command = cli
    name, rest = "podberth", words(container)
    assert "command" not in container  # the image's own
    while isinstance(command, click.Group):
        found, inner, rest = command.resolve_command(click.Context(command), rest)
        assert inner is not None
        name, command = found or name, inner
    command.make_context(name, rest)


@pytest.mark.parametrize(("container", "spec"), EVERY)
def test_paths_and_ports_lead_somewhere(container: dict[str, Any], spec: dict[str, Any]) -> None:
    leading(container, spec)


def leading(container: dict[str, Any], spec: dict[str, Any]) -> None:
    """Look at each mount, path and port of a container."""
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts.values()) <= {volume["name"] for volume in spec["volumes"]}
    for path in (word for word in words(container) if word.startswith(("/host/", "/networks"))):
        assert path in mounts
    for probe in ("livenessProbe", "readinessProbe"):
        if probe in container:
            port = container[probe]["httpGet"]["port"]
            assert any(word.endswith(f":{port}") for word in words(container))


@pytest.mark.parametrize(("container", "spec"), EVERY)
def test_only_the_agent_is_more_than_it_must_be(container: dict[str, Any], spec: dict[str, Any]) -> None:
    context = {**spec.get("securityContext", {}), **container["securityContext"]}
    assert context["readOnlyRootFilesystem"]
    assert set(container["resources"]) == {"requests", "limits"}
    assert not spec.get("hostPID")
    assert not spec.get("hostIPC")
    if container["name"] == "agent":
        assert context["privileged"]
        return
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    if container["name"] in ("controller", "webhook"):
        assert context["runAsNonRoot"]
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_namespaces_that_come_later_are_seen_by_the_agent() -> None:
    (agent,) = [each for name, each, _ in containers("base") if name == "podberth-agent agent"]
    (netns,) = [mount for mount in agent["volumeMounts"] if mount["name"] == "netns"]
    assert (netns["mountPath"], netns["mountPropagation"]) == ("/run/netns", "HostToContainer")


@pytest.mark.parametrize("folder", ["base", "overlays/etcd"])
def test_the_state_directory_stands_for_the_overlays_store(folder: str, tmp_path: Path) -> None:
    (store,) = [each for name, each, _ in containers(folder) if name == "podberth-agent store"]
    assert main(["--state", str(tmp_path), *words(store)], open_node) == 0
    found = chosen(str(tmp_path))
    assert (found.store, found.node) == ("etcd" if folder.endswith("etcd") else "kubernetes", "worker-3")
    if found.etcd is None:
        assert (found.kubernetes.kubeconfig, found.kubernetes.namespace) == ("", HOME)
        return
    settings = Settings.parse(found.etcd)
    (agent,) = [each for name, each, _ in containers(folder) if name == "podberth-agent agent"]
    (secret,) = [mount["mountPath"] for mount in agent["volumeMounts"] if mount["name"] == "etcd"]
    files = (settings.ca_file, settings.cert_file, settings.key_file)
    assert files == tuple(f"{secret}/{name}" for name in ("ca.crt", "tls.crt", "tls.key"))


@pytest.mark.parametrize("found", [example("network.yaml"), objects("overlays/sriov")], ids=["example", "sriov"])
def test_the_networks_are_networks(found: list[dict[str, Any]], tmp_path: Path) -> None:
    (path,) = networks_of(found, tmp_path)
    assert networks.parse(path.read_bytes()).name == "banknet"
    assert not lint(path.read_bytes(), lambda kind: kind in kinds())


def test_the_network_is_mounted_where_the_agent_looks() -> None:
    (config_map,) = example("network.yaml")
    pod = one("base", "DaemonSet", "podberth-agent")["spec"]["template"]["spec"]
    (volume,) = [each for each in pod["volumes"] if "configMap" in each]
    assert volume["configMap"] == {"name": config_map["metadata"]["name"], "optional": True}
