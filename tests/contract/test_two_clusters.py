"""Two clusters with the same namespaces, names and nodes share a real etcd: nothing of one is the other's."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from podberth.cli.main import main
from podberth.cni.errors import Refused
from podberth.cni.pod import Attachment, PodRef
from podberth.entry import join
from podberth.ipam.lease import Actor, AddressBoundElsewhere, Claim, Wanted
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.values import prefix_end
from tests.contract.clusters import etcd_server
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.stores.member import Member

NODE = "worker-1"
POOL = """
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.77.0.0/24, gateway: 10.77.0.1, ranges: [10.77.0.10-10.77.0.250]}]
"""
DECLARED = """
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: payments, name: mysql}
spec:
  pod: mysql-0
  attachments: [{ifname: eth0, pool: db, addresses: [10.77.0.%d]}]
"""
FIRST, SECOND = "", "b"


class Site:
    """A node of the same name in each of two clusters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix = f"/{uuid4().hex}"
        for cluster in (FIRST, SECOND):
            self.state(cluster).mkdir(mode=0o700)
            etcd = {"endpoints": [etcd_server().url], "prefix": self.prefix}
            document = {"store": "etcd", "node": NODE, "etcd": etcd, **({"cluster": cluster} if cluster else {})}
            (self.state(cluster) / "store.json").write_text(json.dumps(document))

    def state(self, cluster: str) -> Path:
        return self.folder / (cluster or "first")

    def run(self, cluster: str, *words: str) -> int:
        return main(["--state", str(self.state(cluster)), *words])

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    @contextmanager
    def nodes(self) -> Iterator[tuple[Member, Member]]:
        first, second = (join(str(self.state(cluster)), staying=True) for cluster in (FIRST, SECOND))
        with closing(first), closing(second):
            yield first, second


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    assert made.run(FIRST, "store", "upgrade") == 0
    assert made.run(FIRST, "apply", "-f", made.file("pool.yaml", POOL)) == 0
    return made


def claim(pod: str, container: str, *, sticky: bool = False, takeover: tuple[Attachment, ...] = ()) -> Claim:
    return Claim(
        attachment=Attachment(network="net", container_id=container, ifname="eth0"),
        pod=PodRef(namespace="payments", name=pod, uid="u"),
        netns=f"/run/netns/{container}",
        wanted=(Wanted(pool="db", family=4),),
        sticky=sticky,
        takeover=takeover,
    )


def by(member: Member, why: str = "ADD") -> Actor:
    return Actor(who="plugin", why=why, node=member.name)


def bind(member: Member, pod: str, container: str, *, sticky: bool = False) -> str:
    (lease,) = member.ledger.bind(claim(pod, container, sticky=sticky), by(member))
    return str(lease.address)


def told(site: Site, cluster: str, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    capsys.readouterr()
    assert site.run(cluster, *words, "--json") == 0
    return dict(json.loads(capsys.readouterr().out))


def test_a_second_cluster_is_refused_until_the_ledger_is_upgraded(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.run(FIRST, "apply", "-f", site.file("pool.yaml", POOL)) == 0
    with site.nodes() as (first, second):
        assert bind(first, "web-0", "c1")
        with pytest.raises(Refused, match=r"a second cluster needs 0\.2\.0"):
            bind(second, "web-0", "c2")
        assert [str(lease.pod) for lease in second.ledger.leases()] == [":payments/web-0"]


def test_no_address_is_given_twice_and_who_tells_each_owner_apart(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, str] = {}
    with site.nodes() as (first, second):

        def work(member: Member, cluster: str) -> None:
            for n in range(30):
                given[f"{cluster}:{n}"] = bind(member, f"web-{n}", f"{cluster}c{n}")

        threads = [Thread(target=work, args=each) for each in ((first, FIRST), (second, SECOND))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(given) == len(set(given.values())) == 60
    for n in (0, 29):
        for asked in (FIRST, SECOND):
            one = told(site, asked, capsys, "who", given[f"{FIRST}:{n}"])
            other = told(site, asked, capsys, "who", given[f"{SECOND}:{n}"])
            assert one["pod"] == other["pod"] == f"payments/web-{n}"
            assert (one.get("cluster"), other.get("cluster")) == (None, SECOND)


def test_the_first_clusters_keys_stay_as_the_last_release_has_them(site: Site) -> None:
    with site.nodes() as (first, second):
        given = [bind(first, "web-0", "c1", sticky=True), bind(second, "web-0", "c2", sticky=True)]
        one, two = (ip_address(address).packed.hex().encode() for address in given)
        client = Etcd([etcd_server().url])
        root = site.prefix.encode() + b"/"
        found = {kv.key.removeprefix(root): kv.value for kv in client.range(root, prefix_end(root)).kvs}
        client.close()
    assert {key for key in found if key.startswith(b"n/")} == {
        b"n/payments/web-0/" + one,
        b"n/b%3Apayments/web-0/" + two,
    }
    record, other = (json.loads(found[b"s/a/" + address]) for address in (one, two))
    assert (record["lease"]["namespace"], record["lease"]["node"]) == ("payments", NODE)
    assert "cluster" not in json.dumps(record)
    assert (other["lease"]["cluster"], other["lease"]["namespace"]) == (SECOND, "payments")
    assert other["reservation"]["cluster"] == other["last"]["cluster"] == SECOND


def test_declarations_of_one_cluster_never_touch_those_of_the_other(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    for cluster, last in ((FIRST, 50), (SECOND, 60)):
        assert site.run(cluster, "apply", "-f", site.file(f"{cluster}.yaml", DECLARED % last)) == 0
    with site.nodes() as (first, second):
        assert (bind(first, "mysql-0", "c1"), bind(second, "mysql-0", "c2")) == ("10.77.0.50", "10.77.0.60")
        second.ledger.unbind(claim("mysql-0", "c2").attachment, by(second, "DEL"))
    for cluster, last in ((FIRST, 50), (SECOND, 60)):
        assert f"10.77.0.{last}" in json.dumps(told(site, cluster, capsys, "explain", "payments/mysql-0"))
        assert len(told(site, cluster, capsys, "get", "podnetworks")["items"]) == 1  # type: ignore[arg-type]
    assert site.run(SECOND, "delete", "podnetwork", "payments/mysql") == 0
    assert told(site, FIRST, capsys, "get", "podnetworks")["items"]
    assert not told(site, SECOND, capsys, "get", "podnetworks")["items"]
    with site.nodes() as (first, second):
        assert [str(kept.address) for kept in first.ledger.reservations()] == ["10.77.0.50"]


def test_a_directory_of_the_same_name_prunes_its_own_clusters_documents_alone(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = site.folder / "policies"
    for cluster, last in ((FIRST, 50), (SECOND, 60)):
        site.file("policies/mysql.yaml", DECLARED % last)
        assert site.run(cluster, "apply", "-f", str(folder), "--prune") == 0
    site.file("policies/mysql.yaml", POOL)
    assert site.run(SECOND, "apply", "-f", str(folder), "--prune") == 0
    assert told(site, FIRST, capsys, "get", "podnetworks")["items"]
    assert not told(site, SECOND, capsys, "get", "podnetworks")["items"]


def test_a_document_that_names_a_cluster_by_itself_is_refused(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DECLARED % 50).replace("namespace: payments", "namespace: payments, cluster: b")
    for cluster in (FIRST, SECOND):
        assert site.run(cluster, "apply", "-f", site.file("x.yaml", text)) == 1
        assert "metadata.cluster" in capsys.readouterr().err


def test_a_reservation_of_the_other_cluster_is_not_released_here(site: Site) -> None:
    with site.nodes() as (first, second):
        pod = PodRef(namespace="payments", name="x-0")
        first.ledger.reserve("db", ip_address("10.77.0.99"), pod, "eth0", by(first))
        until(lambda: len(second.ledger.reservations()) == 1, lambda: "nothing is reserved")
        with pytest.raises(Refused, match="a pod of another cluster"):
            second.ledger.release(ip_address("10.77.0.99"), by(second))
        assert first.ledger.release(ip_address("10.77.0.99"), by(first)) is not None


def test_nodes_with_the_same_name_are_two_nodes(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with site.nodes() as (first, second):
        bind(first, "web-0", "c1")
        bind(second, "web-0", "c2")
        until(lambda: len(first.cluster.agent_versions()) == 2, lambda: str(first.cluster.agent_versions()))
        assert {one.node for one in first.cluster.agent_versions()} == {NODE, f"{SECOND}:{NODE}"}
        until(lambda: len(first.ledger.leases()) == len(second.ledger.leases()) == 2, lambda: "a lease is not known")
        assert [lease.node == first.name for lease in first.ledger.leases()] == [True, False]
        assert [lease.node == second.name for lease in second.ledger.leases()] == [False, True]
    rows = told(site, FIRST, capsys, "leases")["leases"]
    assert [(row["node"], row.get("cluster")) for row in rows] == [(NODE, None), (NODE, SECOND)]  # type: ignore[attr-defined]


def test_gc_of_one_cluster_ends_no_lease_of_the_other(site: Site) -> None:
    with site.nodes() as (first, second):
        bind(first, "web-0", "c1")
        bind(second, "web-0", "c2")
    # No network namespace of either is there: all leases of this node are of pods that are gone.
    assert site.run(SECOND, "gc", "--gone", "--yes") == 0
    with site.nodes() as (first, second):
        assert [str(lease.pod) for lease in first.ledger.leases()] == ["payments/web-0"]


def test_a_pod_takes_nothing_over_from_a_pod_of_that_name_in_the_other_cluster(site: Site) -> None:
    with site.nodes() as (first, second):
        address = bind(first, "db-0", "c1", sticky=True)
        assert bind(second, "db-0", "c2", sticky=True) != address
        with pytest.raises(AddressBoundElsewhere) as held:
            second.ledger.bind(claim("db-0", "c3", sticky=True), by(second))
        assert (str(held.value.lease.pod), held.value.lease.node) == ("payments/db-0", NODE)


def test_history_and_an_export_keep_the_clusters_apart(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with site.nodes() as (first, second):
        bind(first, "web-0", "c1", sticky=True)
        bind(second, "web-0", "c2", sticky=True)
    assert site.run(SECOND, "apply", "-f", site.file("b.yaml", DECLARED % 60)) == 0
    for cluster in (FIRST, SECOND):
        events = told(site, cluster, capsys, "history", "payments/web-0")["events"]
        assert {event.get("cluster") for event in events} == {cluster or None}  # type: ignore[attr-defined]
    export = str(site.folder / "export.jsonl")
    assert site.run(SECOND, "export", "-o", export) == 0
    copy = site.folder / "copy"
    assert main(["--state", str(copy), "import", "store", export]) == 0
    again = str(site.folder / "again.jsonl")
    assert main(["--state", str(copy), "export", "-o", again]) == 0
    lines = [Path(file).read_text().splitlines()[1:] for file in (export, again)]
    documents = [[json.loads(line).get("document") for line in each] for each in lines]
    assert documents[0] == documents[1]
    clusters = [json.loads(line)["address"]["lease"].get("cluster") for line in lines[1] if '"lease"' in line]
    assert (len(clusters), set(clusters)) == (2, {None, SECOND})


def test_store_use_names_the_cluster_and_no_other_store_has_one(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    use = ["store", "use", "etcd", "--endpoint", etcd_server().url, "--prefix", site.prefix, "--node", NODE]
    socket = ["--socket", str(site.folder / "none")]
    assert site.run(FIRST, *use, "--cluster", SECOND, *socket) == 0
    assert json.loads((site.state(FIRST) / "store.json").read_text())["cluster"] == SECOND
    assert told(site, FIRST, capsys, "store")["cluster"] == SECOND
    for other in (["kubernetes"], ["sqlite"]):
        assert site.run(FIRST, "store", "use", *other, "--cluster", SECOND, *socket) == 1
        assert "cluster: says nothing here" in capsys.readouterr().err
    assert site.run(FIRST, *use, "--cluster", "Not A Name", *socket) == 1


def test_a_node_with_pods_does_not_become_another_clusters(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    use = ["store", "use", "etcd", "--endpoint", etcd_server().url, "--prefix", site.prefix, "--node", NODE]
    with site.nodes() as (first, _):
        bind(first, "web-0", "c1")
    assert site.run(FIRST, *use, "--cluster", "c", "--socket", str(site.folder / "none")) == 1
    assert "this node holds 1 addresses as a node of the first cluster" in capsys.readouterr().err


def test_a_lost_node_is_one_of_the_cluster_that_says_so(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with site.nodes() as (first, second):
        bind(first, "mysql-0", "c1")
        bind(second, "mysql-0", "c2")
    begun = told(site, FIRST, capsys, "store", "restored", "--why", "a snapshot")
    assert _awaited(begun) == ["b:worker-1", "worker-1"]
    lost = ("store", "restored", "--why", "burnt", "--lost")
    assert _awaited(told(site, SECOND, capsys, *lost, NODE)) == [":worker-1"]
    assert site.run(SECOND, *lost, NODE) == 3
    assert "--lost: worker-1 is not waited for" in capsys.readouterr().err
    assert _awaited(told(site, FIRST, capsys, *lost, NODE)) == []


def _awaited(document: dict[str, object]) -> list[str]:
    epoch = document["epoch"]
    assert isinstance(epoch, dict)
    return sorted(epoch["awaited"])
