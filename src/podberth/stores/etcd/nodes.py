"""Which machine registered under a node's name, in etcd: one key for each node, written with compare-and-swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.ipam.registration import asked, judge
from podberth.ipam.versions import AgentVersion
from podberth.stores.etcd import keys
from podberth.stores.etcd.change import change
from podberth.stores.etcd.values import prefix_end
from podberth.stores.registered import packed_registration, read_fences, read_registration

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.ipam.registration import Judgement, Proof, Registration
    from podberth.stores.etcd.client import Etcd
    from podberth.stores.etcd.keys import Keys
    from podberth.stores.etcd.values import KeyValue


def prove(client: Etcd, at: Keys, mine: Registration, told: Callable[[str], object], *, waited: bool) -> Proof:
    """Register this machine if it may be the node, and return whether it is. TryAgainLater if etcd is away."""

    def decide(found: KeyValue | None) -> tuple[bytes | None, tuple[Judgement, bool]]:
        known = _read(mine.node, found)
        fenced = found is not None and _fenced_since(client, at, mine.node, found.mod_revision)
        judgement = judge(known, mine, fenced=fenced, waited=waited)
        written = packed_registration(judgement.write) if judgement.write is not None else None
        return written, (judgement, known is None)

    busy = f"others register node {mine.node} at the same time"
    made, first = change(client, at.node(mine.node), decide, busy)
    if made.write is not None:
        for notice in filter(None, (made.notice, _twins(client, at, mine) if first else "")):
            told(notice)
    return made.proof


def registration(client: Etcd, at: Keys, node: str) -> Registration | None:
    """Return which machine is registered as the node; None if none is."""
    return _read(node, client.get(at.node(node)))


def every(client: Etcd, at: Keys) -> tuple[Registration, ...]:
    """Return every machine that is registered."""
    found = client.range(at.nodes, prefix_end(at.nodes))
    return tuple(read_registration(keys.node_in(kv.key), kv.value) for kv in found.kvs)


def put_claim(client: Etcd, at: Keys, node: str, claim: str, over: str | None = None) -> bool:
    """Have the node's registration have the claim, in the place of `over` if one is named; say whether it has."""

    def decide(found: KeyValue | None) -> tuple[bytes | None, bool]:
        known = _read(node, found)
        if known is None or (over is not None and known.claim != over):
            return None, False
        return packed_registration(asked(known, claim)), True

    return change(client, at.node(node), decide, f"others change the registration of node {node} at the same time")


def _read(node: str, found: KeyValue | None) -> Registration | None:
    return read_registration(node, found.value) if found is not None else None


def agent_versions(client: Etcd, at: Keys) -> tuple[AgentVersion, ...]:
    """Return what the agents of nodes have said of their versions when they registered."""
    found = client.range(at.nodes, prefix_end(at.nodes))
    said = ((read_registration(keys.node_in(kv.key), kv.value), kv.mod_revision) for kv in found.kvs)
    return tuple(AgentVersion(node=one.node, version=one.version, revision=revision) for one, revision in said)


def _fenced_since(client: Etcd, at: Keys, node: str, revision: int) -> bool:
    """Say whether the node was fenced after the revision of its registration: a fence lets one machine in."""
    found = client.get(at.fence(node))
    if found is None or found.mod_revision < revision:
        return False
    said = read_fences(node, found.value)
    return bool(said) and not said[-1].lifted


def _twins(client: Etcd, at: Keys, mine: Registration) -> str:
    """Return a notice if other nodes have this machine's machine-id: templates that were copied have, often."""
    if not mine.machine:
        return ""
    twins = sorted(each.node for each in every(client, at) if each.machine == mine.machine and each.node != mine.node)
    return f"node {mine.node} has the machine-id of {', '.join(twins)}: {mine.machine}" if twins else ""


def census(client: Etcd, at: Keys) -> tuple[frozenset[str], frozenset[str]]:
    """Return the nodes that are registered, and those that are fenced."""
    registered = client.range(at.nodes, prefix_end(at.nodes), keys_only=True)
    found = client.range(at.fences, prefix_end(at.fences)).kvs
    fences = [read_fences(keys.node_in(kv.key), kv.value) for kv in found]
    dead = frozenset(said[-1].node for said in fences if said and not said[-1].lifted)
    return frozenset(keys.node_in(kv.key) for kv in registered.kvs), dead
