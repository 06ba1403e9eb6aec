"""A kubeconfig that somebody renews while the agent runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.netns.agent.running import agent
from tests.netns.networks.conftest import NODE, leg

if TYPE_CHECKING:
    from tests.netns.networks.conftest import Site


def test_an_agent_goes_on_with_the_token_of_a_kubeconfig_that_was_rewritten(site: Site) -> None:
    site.define("storage", leg(site.folder))
    site.server.allow(
        "kube-system:legs", ("", "pods", ["get", "list", "watch"]), ("", "pods/status", ["patch"]),
        ("k8s.cni.cncf.io", "network-attachment-definitions", ["get", "list", "watch"]),
    )  # fmt: skip
    kubeconfig = site.server.write_kubeconfig("legs", {"token": "expired"})
    pod = site.pod("mysql-0", "storage")
    with agent(site.node, env={"NODE_NAME": NODE}):
        refused = site.call("ADD", pod, kubeconfig=str(kubeconfig))
        assert (refused.result["code"], "Unauthorized" in refused.stdout) == (11, True), refused.stdout
        site.server.write_kubeconfig("legs", {"token": site.server.token("kube-system", "legs")})
        added = site.added(pod, kubeconfig=str(kubeconfig))
        assert added.code == 0, added.stdout
        assert [one["name"] for one in site.told(pod, 2)] == ["cluster", "bank/storage"]
