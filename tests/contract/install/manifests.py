"""The manifests of deploy/, as kubectl renders them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.checkout import ROOT
from tests.servers import operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPLOY = ROOT / "deploy"
OVERLAYS = ("kubernetes", "without-webhook", "etcd", "sriov", "devices")
RENDERED = ("base", *(f"overlays/{name}" for name in OVERLAYS))
EXAMPLES = tuple(sorted(path.name for path in (DEPLOY / "examples").iterdir()))


def rendered(folder: str) -> str:
    """Return what `kubectl kustomize` prints for a folder of deploy/."""
    return operator.rendered(DEPLOY / folder)


def objects(folder: str) -> list[dict[str, Any]]:
    return operator.objects(rendered(folder))


def example(name: str) -> list[dict[str, Any]]:
    return operator.objects((DEPLOY / "examples" / name).read_text())


def one(folder: str, kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in objects(folder) if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def containers(folder: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield each container, with what has it and that one's pod spec."""
    for each in objects(folder):
        if each["kind"] in ("DaemonSet", "Deployment"):
            spec = each["spec"]["template"]["spec"]
            for container in (*spec.get("initContainers", ()), *spec["containers"]):
                yield f"{each['metadata']['name']} {container['name']}", container, spec


def networks_of(found: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Write the files of ConfigMaps podberth-networks into the folder."""
    data = [each["data"] for each in found if each["kind"] == "ConfigMap"]
    files = [(folder / name, text) for each in data for name, text in each.items()]
    for path, text in files:
        path.write_text(text)
    return [path for path, _ in files]
