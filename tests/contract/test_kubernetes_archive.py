"""Older events of an address behind the Kubernetes API go into an archive, and none is ever lost on the way."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from podberth.kube import resources
from podberth.stores.kubernetes import objects
from podberth.stores.kubernetes.store import MOST, KubernetesCluster
from tests.contract.ledgers import OPERATOR, PLUGIN, OnKubernetes, attachment, claim, pod, pool

if TYPE_CHECKING:
    from pathlib import Path


def test_an_archive_that_was_begun_with_fewer_events_takes_none_of_the_others_away(tmp_path: Path) -> None:
    backend = OnKubernetes(tmp_path / "store")
    backend.define(pool("db", "10.20.0.0/24"))
    book, address = backend.open(), ip_address("10.20.0.9")
    book.reserve("db", address, pod("a"), "eth0", OPERATOR)
    for n in range(4):
        book.bind(claim("a", container=f"c{n}"), PLUGIN)
        book.unbind(attachment(f"c{n}"), PLUGIN)
    assert isinstance(backend.cluster, KubernetesCluster)
    client = backend.cluster.client
    before = objects.events_in(client.get(resources.ADDRESS_LEASES, str(address)))
    client.create(resources.ADDRESS_HISTORIES, objects.archive(before[:3]))  # and whoever did it was killed here
    for n in range(MOST):
        book.bind(claim("a", container=f"d{n}"), PLUGIN)
        book.unbind(attachment(f"d{n}"), PLUGIN)
    kinds = [event.kind for event in book.history(address=address)]
    assert kinds == ["Reserved", *["Bound", "Unbound"] * (4 + MOST)]
    assert len(client.get(resources.ADDRESS_LEASES, str(address))["spec"]["history"]) <= MOST
