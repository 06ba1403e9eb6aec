"""A namespace whose definitions are too many for an agent: its own pods learn of it, and nobody else does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from podberth.agent.definitions import MOST
from podberth.kube.resources import NETWORK_ATTACHMENTS
from tests.netns.agent.running import agent
from tests.netns.networks.conftest import NODE, forget, leg
from tests.waiting import until

if TYPE_CHECKING:
    from tests.netns.networks.conftest import Site

FLOODED = "shared"


def test_of_a_flooded_namespace_the_oldest_serve_and_others_are_served_as_ever(site: Site) -> None:
    config = leg(site.folder)
    site.define("first", config, FLOODED)
    until(lambda: site.client.get(NETWORK_ATTACHMENTS, "first", FLOODED))
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(site.define, f"n{number:03}", config, FLOODED) for number in range(MOST)]
        for each in made:
            each.result()
    site.define("storage", config)
    every = site.client.list(NETWORK_ATTACHMENTS, FLOODED).items
    youngest = max(every, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))

    with agent(site.node, env={"NODE_NAME": NODE}):
        for name, networks in (("mysql-0", "storage"), ("mysql-1", f"{FLOODED}/first")):
            added = site.call("ADD", site.pod(name, networks))
            assert added.code == 0, added.stdout
        late = site.pod("mysql-2", f"{FLOODED}/{youngest['metadata']['name']}")
        refused = site.call("ADD", late)
        assert refused.result["code"] == 102, refused.stdout
        assert f"namespace {FLOODED} has more NetworkAttachmentDefinitions" in refused.result["msg"]
        assert f"-n {FLOODED}" in refused.result["details"]

        forget(site.client, NETWORK_ATTACHMENTS, "first", FLOODED)
        until(lambda: site.call("ADD", late).code == 0)
