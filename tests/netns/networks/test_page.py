"""The example of docs/several-networks.md as it is written, but for the folders of this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from tests.checkout import ROOT
from tests.documents.pages import blocks

if TYPE_CHECKING:
    from tests.netns.networks.conftest import Site

PAGE = (ROOT / "docs/several-networks.md").read_text()
EXAMPLE = PAGE[PAGE.index("## An example") : PAGE.index("## Keys of the configuration")]


def shown(language: str) -> list[str]:
    """Return the blocks of the example in a language, in order."""
    return [block.text for block in blocks(EXAMPLE) if block.language == language]


def documents() -> dict[str, dict[str, Any]]:
    """Return the documents of the example by kind; that of '' is the part of a StatefulSet."""
    return {one.get("kind", ""): one for text in shown("yaml") for one in yaml.safe_load_all(text)}


def without_macs(status: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: said for key, said in entry.items() if key != "mac"} for entry in status]


def test_the_pods_of_the_example_have_the_network_status_that_it_shows(served: Site) -> None:
    cluster, every = map(json.loads, shown("json"))
    for plugin in cluster["plugins"]:
        plugin["stateDir"] = str(served.node.state)
    cluster["plugins"][0]["ipam"]["dataDir"] = str(served.folder / "host-local")
    (served.folder / "net.d" / "10-cluster.conflist").write_text(json.dumps(cluster))
    made = documents()
    definition = made["NetworkAttachmentDefinition"]
    config = json.loads(definition["spec"]["config"]) | {"stateDir": str(served.node.state)}
    served.define(definition["metadata"]["name"], config, definition["metadata"]["namespace"])
    served.node.apply(yaml.safe_dump_all([made["Pool"], made["PodNetwork"]]))
    annotations = made[""]["spec"]["template"]["metadata"]["annotations"]
    (own,) = every["plugins"]
    said = {key: own[key] for key in ("clusterNetwork", "capabilities")}
    pod = served.pod("mysql-0", **annotations)
    added = served.added(pod, **said)
    assert added.code == 0, added.stdout
    (text,) = shown("console")
    assert without_macs(served.told(pod, 2)) == without_macs(json.loads(text.partition("\n")[2]))
    assert served.call("CHECK", pod, prevResult=added.result, **said).code == 0
    assert served.call("DEL", pod, **said).code == 0
    assert served.gone(pod)
