"""Agents of release 0.1.0, by its own code, and of this one on one ledger in a real etcd and behind a real API."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from podberth.cni.pod import Attachment, PodRef
from podberth.entry import join
from podberth.ipam.lease import Actor, Claim, Wanted
from tests.contract.clusters import clear_kubernetes, etcd_server, have_node, kube_server
from tests.released import earlier
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.stores.member import Member

POOL = """
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {{name: db}}
spec:
  subnets: [{{subnet: 10.77.0.0/24, gateway: 10.77.0.{gateway}, ranges: [10.77.0.10-10.77.0.200]}}]
"""


class Site:
    """Two nodes of one cluster: `old` runs 0.1.0, `new` this release."""

    def __init__(self, folder: Path, store: dict[str, object]) -> None:
        self.folder = folder
        self.store = store
        self.out = self.err = ""
        for node in ("old", "new"):
            self.use(node)

    def use(self, node: str) -> None:
        state = self.state(node)
        state.mkdir(mode=0o700, exist_ok=True)
        (state / "store.json").write_text(json.dumps({**self.store, "node": node}))

    def state(self, node: str) -> Path:
        return self.folder / node

    def pool(self, gateway: int) -> str:
        file = self.folder / "pool.yaml"
        file.write_text(POOL.format(gateway=gateway))
        return str(file)

    def run(self, *words: str, node: str = "new") -> int:
        """Run this release's command line; `out` and `err` have what it said."""
        argv = [sys.executable, "-m", "podberth.cli.main", "--state", str(self.state(node)), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.out, self.err = done.stdout, done.stderr
        return done.returncode

    def join(self) -> Member:
        return join(str(self.state("new")), staying=True)


def on_etcd(folder: Path) -> Site:
    return Site(folder, {"store": "etcd", "etcd": {"endpoints": [etcd_server().url], "prefix": f"/{uuid4().hex}"}})


def on_kubernetes(folder: Path) -> Site:
    clear_kubernetes()
    for node in ("old", "new"):
        have_node(node)
    where = {"kubeconfig": str(kube_server().kubeconfig), "namespace": "default"}
    return Site(folder, {"store": "kubernetes", "kubernetes": where})


@pytest.fixture(params=[on_etcd, on_kubernetes], ids=["etcd", "kubernetes"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    made: Site = request.param(tmp_path)
    return made


def bind(member: Member, pod: str) -> list[str]:
    claim = Claim(
        attachment=Attachment(network="net", container_id=pod, ifname="eth0"),
        pod=PodRef(namespace="bank", name=pod, uid="u"),
        netns="/run/netns/x",
        wanted=(Wanted(pool="db", family=4),),
    )
    leases = member.ledger.bind(claim, Actor(who="plugin", why="ADD", node="new"))
    return [str(lease.address) for lease in leases]


def unbind(member: Member, pod: str) -> None:
    gone = Attachment(network="net", container_id=pod, ifname="eth0")
    assert member.ledger.unbind(gone, Actor(who="plugin", why="DEL", node="new"))


def gateways(member: Member) -> list[str]:
    return [str(subnet.gateway) for pool in member.policies.pools() for subnet in pool.subnets]


def test_pods_on_both_nodes_get_addresses_of_their_own_and_both_nodes_see_all(site: Site) -> None:
    assert site.run("apply", "-f", site.pool(1)) == 0
    with earlier.member(site.state("old")) as old, closing(site.join()) as new:
        given = [address for n in range(8) for address in (*bind(new, f"new-{n}"), *old.bind(f"old-{n}"))]
        assert len(set(given)) == 16
        for n in range(4):
            unbind(new, f"new-{n}")
            old.ask(do="unbind", pod=f"old-{n}", node="old")
        given = [*bind(new, "again-new"), *old.bind("again-old")]
        there = {f"bank/{kind}-{n}" for kind in ("new", "old") for n in range(4, 8)} | {
            "bank/again-new",
            "bank/again-old",
        }
        until(lambda: set(old.ask(do="leases")["leases"].values()) == there, lambda: str(old.ask(do="leases")))
        until(lambda: {str(one.pod) for one in new.ledger.leases()} == there, lambda: str(new.ledger.leases()))
        assert old.ask(do="away") == {"away": ""}
        assert new.away() == ""
    assert {row["pod"] for row in json.loads(earlier.told(site.state("old"), "leases", "--json"))["leases"]} >= {
        "bank/again-new"
    }


def test_a_pool_that_either_release_applies_is_in_force_on_both(site: Site) -> None:
    assert site.run("apply", "-f", site.pool(1)) == 0
    with earlier.member(site.state("old")) as old, closing(site.join()) as new:
        assert site.run("apply", "-f", site.pool(2)) == 0
        until(lambda: old.ask(do="pools")["pools"] == {"db": ["10.77.0.2"]}, lambda: str(old.ask(do="pools")))
        earlier.told(site.state("old"), "apply", "-f", site.pool(3))
        if site.store["store"] == "etcd":  # behind the API a controller says what is in force
            until(lambda: gateways(new) == ["10.77.0.3"], lambda: str(gateways(new)))
        until(lambda: old.ask(do="pools")["pools"] == {"db": ["10.77.0.3"]}, lambda: str(old.ask(do="pools")))
    assert "10.77.0.3" in earlier.told(site.state("old"), "get", "pools", "--json")


def test_the_ledger_is_not_upgraded_while_the_older_agent_is_seen(site: Site) -> None:
    assert site.run("apply", "-f", site.pool(1)) == 0
    with earlier.member(site.state("old")) as old, closing(site.join()) as new:
        old.bind("web-0")
        bind(new, "web-1")
        until(lambda: any(one.node == "new" for one in new.cluster.agent_versions()), lambda: "no version is said")
        assert site.run("store", "upgrade", "--dry-run", "--json") == 1
        told = json.loads(site.out)
        assert (told["minimumVersion"], [one["node"] for one in told["older"]]) == ("0.1.0", ["old"])
        assert site.run("store", "upgrade") == 1
        assert "node old: it holds addresses" in site.err
        old.ask(do="unbind", pod="web-0", node="old")
        assert site.run("store", "upgrade") == 1
        assert "node old: podberth 0.1.0 has changed something there within a day" in site.err
    # The node is upgraded: its agent says so.
    with closing(join(str(site.state("old")), staying=True)) as upgraded:
        until(lambda: len(upgraded.cluster.agent_versions()) == 2, lambda: "no version is said")
        assert site.run("store", "upgrade", "--json") == 0
        assert json.loads(site.out) == {"minimumVersion": "0.2.0", "older": []}
        assert site.run("store", "--json") == 0
        assert json.loads(site.out)["minimumVersion"] == "0.2.0"


def test_a_node_of_which_the_ledger_shows_nothing_can_t_be_left_out_of_an_upgrade(site: Site) -> None:
    assert site.run("apply", "-f", site.pool(1)) == 0
    with earlier.member(site.state("old")) as old:
        old.bind("web-0")
    for more in ([], ["--dry-run"]):
        assert site.run("store", "upgrade", "--except", "nope", "--except", "old", *more) == 3
        assert "--except: the ledger shows nothing of nope" in site.err
    assert site.run("store", "upgrade", "--except", "old") == 0
    assert site.run("store", "upgrade", "--except", "nope") == 3


def test_a_node_that_went_back_after_its_agent_said_a_version_is_seen(site: Site) -> None:
    assert site.run("apply", "-f", site.pool(1)) == 0
    with closing(join(str(site.state("old")), staying=True)) as new:
        until(lambda: len(new.cluster.agent_versions()) == 1, lambda: "no version is said")
    with earlier.member(site.state("old")) as old:
        old.bind("web-0")
    assert site.run("store", "upgrade") == 1
    assert "said that it is podberth 0.2.0, and 0.1.0 has changed something there since" in site.err


def test_an_agent_of_the_last_release_that_joins_an_upgraded_ledger_in_etcd_writes_nothing(tmp_path: Path) -> None:
    site = on_etcd(tmp_path)
    assert site.run("apply", "-f", site.pool(1)) == 0
    assert site.run("store", "upgrade") == 0
    done = earlier.command(site.state("old"), "leases")
    assert done.returncode != 0
    assert "not JSON" in done.stderr
    with earlier.member(site.state("old")) as old:
        assert "not JSON" in old.ask(do="bind", pod="web-0", pool="db", node="old")["error"]
    with closing(site.join()) as new:
        assert new.ledger.leases() == ()


def test_a_cluster_that_goes_back_is_as_the_last_release_left_it(site: Site) -> None:
    assert site.run("apply", "-f", site.pool(1)) == 0
    with closing(site.join()) as new:
        assert bind(new, "web-0") == ["10.77.0.10"]
    for node in ("old", "new"):
        assert site.run("store", "downgrade", "--to", "0.1.0", "--socket", str(site.folder / "none"), node=node) == 0
    for node in ("old", "new"):
        earlier.told(site.state(node), "apply", "-f", site.pool(5))
        assert "10.77.0.5" in earlier.told(site.state(node), "get", "pools", "--json")
        assert "bank/web-0" in earlier.told(site.state(node), "leases", "--json")
    with earlier.member(site.state("new")) as old:
        assert old.bind("web-1") == ["10.77.0.11"]
        assert old.ask(do="unbind", pod="web-0", node="new") == {"addresses": ["10.77.0.10"]}


def test_a_cluster_that_was_upgraded_does_not_go_back(site: Site) -> None:
    assert site.run("apply", "-f", site.pool(1)) == 0
    assert site.run("store", "upgrade") == 0
    assert site.run("store", "downgrade", "--to", "0.1.0", "--socket", str(site.folder / "none")) == 1
    assert "the ledger is for podberth 0.2.0 and later" in site.err
