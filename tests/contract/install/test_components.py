"""deploy/overlays: what each adds is a component too, and any of them are combined by listing them."""

from __future__ import annotations

import subprocess
from itertools import combinations
from os.path import relpath
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.checkout import ROOT
from tests.contract.install.manifests import DEPLOY, objects
from tests.contract.install.test_manifests import accepted, leading
from tests.programs import current
from tests.servers import operator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.kube import KubeServer

COMPONENTS = ("devices", "dra", "etcd", "sriov")
CHOICES = [chosen for number in range(1, len(COMPONENTS) + 1) for chosen in combinations(COMPONENTS, number)]
PAGE = (ROOT / "docs/install.md").read_text()


def built(folder: Path, kustomization: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a current kubectl makes of a kustomization of an operator's own, beside a checkout."""
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    kubectl = current("kubectl") / "usr/bin/kubectl"
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return operator.objects(done.stdout)


def combined(folder: Path, chosen: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return what the page says for these components: all of podberth, or with etcd the agent alone."""
    base = "base/agent" if "etcd" in chosen else "base"
    beside = relpath(DEPLOY, folder)
    return built(folder, {
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [f"{beside}/{base}"],
        "components": [f"{beside}/overlays/{name}/component" for name in chosen],
        "images": [{"name": "podberth", "newTag": "0.2.0"}],
    })  # fmt: skip


def named(found: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in found}


def agent(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the pod of the agents, with mounts and volumes in one order."""
    (pod,) = [each["spec"]["template"]["spec"] for each in found if each["kind"] == "DaemonSet"]
    (container,) = pod["containers"]
    container["volumeMounts"].sort(key=lambda mount: str(mount["mountPath"]))
    pod["volumes"].sort(key=lambda volume: str(volume["name"]))
    return dict(pod)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_alone_is_its_overlay(name: str, tmp_path: Path) -> None:
    assert named(combined(tmp_path, (name,))) == named(objects(f"overlays/{name}"))


@pytest.mark.parametrize("chosen", CHOICES, ids="+".join)
def test_whatever_is_combined_has_what_each_of_them_adds(chosen: tuple[str, ...], tmp_path: Path) -> None:
    found = combined(tmp_path, chosen)
    pod, every = agent(found), named(found)
    (container,) = pod["containers"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    volumes = [volume["name"] for volume in pod["volumes"]]

    assert len(set(mounts)) == len(mounts)
    assert len(set(volumes)) == len(volumes)
    for name in chosen:
        alone = objects(f"overlays/{name}")
        (own,) = agent(alone)["containers"]
        assert set(own["args"]) <= set(container["args"])
        assert [one for one in own["volumeMounts"] if one not in container["volumeMounts"] and not _widened(one)] == []
        kinds = {"ConfigMap", "ClusterRole", "ClusterRoleBinding"} if name != "etcd" else set()
        added = {key: each for key, each in named(alone).items() if key[0] in kinds}
        own_rights = {
            key for key in added if key[2] not in ("podberth-agent", "podberth-controller", "podberth-webhook")
        }
        assert own_rights <= every.keys()


def _widened(mount: dict[str, Any]) -> bool:
    """Say whether DRA has a mount be seen both ways, which is more."""
    return bool(mount.get("mountPropagation") == "HostToContainer")


@pytest.mark.parametrize("chosen", CHOICES, ids="+".join)
def test_the_code_and_the_server_take_whatever_is_combined(
    server: KubeServer, chosen: tuple[str, ...], tmp_path: Path
) -> None:
    found = combined(tmp_path, chosen)
    for container, spec in ((each, agent(found)) for each in agent(found)["containers"]):
        accepted(container)
        leading(container, spec)
    said = server.kubectl(
        "apply", "--dry-run=server", "-f", "-",
        stdin="---\n".join(yaml.safe_dump(each) for each in found),
    )  # fmt: skip
    assert len(said.splitlines()) == len(found)


@pytest.mark.parametrize("chosen", [each for each in CHOICES if len(each) > 1], ids="+".join)
def test_the_order_of_the_list_has_no_meaning(chosen: tuple[str, ...], tmp_path: Path) -> None:
    there, back = combined(tmp_path, chosen), combined(tmp_path, chosen[::-1])
    pods = [agent(there), agent(back)]
    options = [sorted(pod["containers"][0].pop("args")[1:]) for pod in pods]
    assert (pods[0], options[0]) == (pods[1], options[1])
    assert named(there).keys() == named(back).keys()


@pytest.mark.parametrize("chosen", [("etcd",), ("devices", "etcd"), ("dra", "etcd"), ("etcd", "dra")], ids="+".join)
def test_an_agent_that_asks_the_api_nothing_has_no_token(chosen: tuple[str, ...], tmp_path: Path) -> None:
    found = combined(tmp_path, chosen)
    account = named(found)["ServiceAccount", "podberth-system", "podberth-agent"]
    said = agent(found).get("automountServiceAccountToken", account["automountServiceAccountToken"])
    assert said is ("dra" in chosen)


def test_what_the_page_says_is_built(tmp_path: Path) -> None:
    (block,) = [part.split("```")[0] for part in PAGE.split("```yaml\n")[1:] if "components:" in part.split("```")[0]]
    said = yaml.safe_load(block.replace("podberth/deploy", relpath(DEPLOY, tmp_path)))
    (container,) = agent(built(tmp_path, said))["containers"]
    assert container["image"] == "registry.example/podberth:0.2.0"
    assert {"--devices", "--dra"} <= set(container["args"])
