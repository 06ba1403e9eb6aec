"""A whole site starts from nothing, its parts in any order: etcd, API server, webhook, controller, an agent."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.cni.pod import Attachment, PodRef
from podberth.entry import join
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.stores.replica.shared import NeverRead
from tests.contract.control.cluster import HOME, podnetwork, pool
from tests.contract.control.test_processes import holder, started
from tests.servers.ports import free_ports
from tests.sizes import seed, size
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.stores.member import Member
    from tests.contract.control.cluster import Cluster

PARTS = ("servers", "webhook", "controller", "agent")
EVERY = list(itertools.permutations(PARTS))
DECLARED = Wanted(pool="db", family=4, address=ip_address("10.20.0.9"))
ACTOR = Actor(who="plugin", why="ADD", node="cold")


def orders() -> list[tuple[str, ...]]:
    """Return the orders to try: all, or as many as there is time for, by chance."""
    return random.Random(seed(17)).sample(EVERY, len(EVERY))[: size(1, len(EVERY))]


def bound(member: Member) -> bool:
    """Have the agent's node bind the declared address; False while that has to wait."""
    attachment = Attachment(network="banknet", container_id="cold", ifname="eth0")
    pod = PodRef(namespace="db", name="a", uid="u1")
    claim = Claim(attachment=attachment, pod=pod, netns="/run/netns/cold", wanted=(DECLARED,))
    try:
        assert member.policies.pool("db") is not None
        return [str(lease.address) for lease in member.ledger.bind(claim, ACTOR)] == ["10.20.0.9"]
    except TryAgainLater:
        return False


def command(cluster: Cluster, part: str, port: int) -> list[str]:
    """Return the options of one of the two processes of ours; the webhook listens on the port."""
    options = ["--kubeconfig", str(cluster.server.kubeconfig), "--namespace", HOME]
    if part == "controller":
        return [*options, "--metrics", "127.0.0.1:0"]
    certificate, key = cluster.server.authority.issue("cold", "cold", hosts="IP:127.0.0.1")
    return [*options, "--listen", f"127.0.0.1:{port}", "--cert", str(certificate), "--key", str(key)]


@pytest.mark.parametrize("order", orders(), ids="-".join)
def test_a_site_that_starts_cold_converges_in_any_order(
    cluster: Cluster, tmp_path: Path, order: tuple[str, ...]
) -> None:
    cluster.node("cold")
    cluster.apply(pool(), podnetwork("a", "10.20.0.9"))
    (port,) = free_ports(1)
    cluster.configure(f"https://127.0.0.1:{port}/validate")
    state = tmp_path / "state"
    state.mkdir()
    about = {"kubeconfig": str(cluster.server.kubeconfig), "namespace": HOME}
    (state / "store.json").write_text(json.dumps({"store": "kubernetes", "node": "cold", "kubernetes": about}))
    cluster.server.stop()
    members: list[Member] = []
    with contextlib.ExitStack() as running:
        running.callback(cluster.server.start)
        for part in order:
            if part == "servers":
                cluster.server.start()
            elif part == "agent":
                members.append(join(str(state), staying=True))
                running.callback(members[0].close)
                if order.index("servers") > order.index("agent"):
                    with pytest.raises(NeverRead, match="has not read the cluster's store yet"):
                        members[0].policies.pool("db")
            else:
                process = running.enter_context(started(part, *command(cluster, part, port)))
                running.callback(process.kill)
        until(lambda: bound(members[0]), lambda: f"no address yet: {members[0].away()}")
        until(lambda: bool(holder(cluster)), "no controller leads")
        wrong = pool("asked", "10.255.0.0/24", gateway="10.0.0.1")
        until(
            lambda: "gateway" in cluster.server.operator.refusal(wrong, dry_run=True),
            "the webhook does not answer",
        )
    assert time.time_ns() > members[0].proposer.replica.heard
