"""Which machine registered under a node's name, in etcd: one key for each node, written with compare-and-swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import TryAgainLater
from podberth.ipam.registration import judge
from podberth.stores.etcd import keys
from podberth.stores.etcd.values import Compare, Put, prefix_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.ipam.registration import Proof, Registration
    from podberth.stores.etcd.client import Etcd
    from podberth.stores.etcd.keys import Keys

_ATTEMPTS = 8  # to write what others write at the same time


def prove(client: Etcd, at: Keys, mine: Registration, told: Callable[[str], object], *, waited: bool) -> Proof:
    """Register this machine if it may be the node, and return whether it is. TryAgainLater if etcd is away."""
    key = at.node(mine.node)
    for _ in range(_ATTEMPTS):
        found = client.get(key)
        known = keys.read_registration(mine.node, found.value) if found is not None else None
        fenced = found is not None and _fenced_since(client, at, mine.node, found.mod_revision)
        judgement = judge(known, mine, fenced=fenced, waited=waited)
        if judgement.write is None:
            return judgement.proof
        unchanged = Compare(key=key, what="mod_revision", to=found.mod_revision if found is not None else 0)
        if client.txn([unchanged], [Put(key=key, value=keys.packed_registration(judgement.write))]).succeeded:
            for notice in filter(None, (judgement.notice, "" if known is not None else _twins(client, at, mine))):
                told(notice)
            return judgement.proof
    raise TryAgainLater(f"others register node {mine.node} at the same time", "it is tried again")


def _fenced_since(client: Etcd, at: Keys, node: str, revision: int) -> bool:
    """Say whether the node was fenced after the revision of its registration: a fence lets one machine in."""
    found = client.get(at.fence(node))
    if found is None or found.mod_revision < revision:
        return False
    said = keys.read_fences(found.key, found.value)
    return bool(said) and not said[-1].lifted


def _twins(client: Etcd, at: Keys, mine: Registration) -> str:
    """Return a notice if other nodes have this machine's machine-id: templates that were copied have, often."""
    if not mine.machine:
        return ""
    found = client.range(at.nodes, prefix_end(at.nodes))
    every = (keys.read_registration(keys.node_in(kv.key), kv.value) for kv in found.kvs)
    twins = sorted(each.node for each in every if each.machine == mine.machine and each.node != mine.node)
    return f"node {mine.node} has the machine-id of {', '.join(twins)}: {mine.machine}" if twins else ""
