"""Clusters' stores for the suites, each on the real thing: started when the first test asks, ended with the tests."""

from __future__ import annotations

import atexit
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.store import EtcdCluster
from tests.servers.etcd import EtcdServer

if TYPE_CHECKING:
    from podberth.stores.replica.shared import Cluster


@cache
def etcd_server() -> EtcdServer:
    """One etcd for all tests of this process; each has a prefix of its own."""
    server = EtcdServer()
    server.__enter__()
    atexit.register(server.__exit__, None, None, None)
    return server


@cache
def _etcd_client() -> Etcd:
    return Etcd([etcd_server().url])


def in_etcd() -> Cluster:
    """Return an empty ledger in etcd."""
    return EtcdCluster(_etcd_client(), f"/{uuid4().hex}")
