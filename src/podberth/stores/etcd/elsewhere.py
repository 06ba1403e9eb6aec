"""Other nodes, where etcd is all there is to ask (`ipam.elsewhere.Elsewhere`): an operator's word that one is dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.ipam.elsewhere import Verdict
from podberth.ipam.epoch import heard
from podberth.stores.etcd import keys, nodes
from podberth.stores.etcd.change import change
from podberth.stores.etcd.epoch import epoch
from podberth.stores.etcd.values import prefix_end
from podberth.stores.registered import packed_fences, read_fences

if TYPE_CHECKING:
    from podberth.cni.pod import PodRef
    from podberth.ipam.elsewhere import Fence
    from podberth.ipam.lease import Lease
    from podberth.ipam.registration import Registration
    from podberth.stores.etcd.client import Etcd
    from podberth.stores.etcd.values import KeyValue


class EtcdElsewhere:
    """What is said about nodes below one prefix. Threads share it."""

    def __init__(self, client: Etcd, prefix: str) -> None:
        self._client = client
        self._keys = keys.Keys(prefix)

    def judge(self, lease: Lease, pod: PodRef | None) -> Verdict:  # noqa: ARG002 - etcd knows no pods
        """Say whether the lease's node is fenced. TryAgainLater if etcd can't be asked."""
        said = _read(lease.node, self._client.get(self._keys.fence(lease.node)))
        if said and not said[-1].lifted:
            by = said[-1].actor
            return Verdict(dead=True, why=f"node {lease.node} is fenced by {by.who}: {by.why}")
        return Verdict(
            dead=False,
            why=f"node {lease.node} is not fenced, and whether the old pod still runs there is not known",
            advice="the address moves once the old sandbox is deleted there, or, if nothing runs there any more, an"
            f" operator says so: `podberth fence {lease.node} --why REASON`",
        )

    def tell(self, pod: PodRef, reason: str, message: str) -> None:
        """Do nothing: there is no place for it but the error."""

    def machines(self, node: str = "") -> tuple[Registration, ...]:
        """Return every machine that is registered, or that of one node."""
        if not node:
            return nodes.every(self._client, self._keys)
        found = nodes.registration(self._client, self._keys, node)
        return (found,) if found is not None else ()

    def require_fenceable(self, node: str) -> None:
        """Allow it: whoever may write there may say it of any node."""

    def ask(self, node: str, question: str) -> bool:
        """Ask the node whether it lives; say whether there is anybody to be asked."""
        return nodes.put_claim(self._client, self._keys, node, question)

    def answered(self, node: str, question: str) -> bool:
        """Say whether the node has answered the question, or somebody else has changed its registration."""
        found = nodes.registration(self._client, self._keys, node)
        return found is None or found.claim != question

    def withdraw(self, node: str, question: str) -> bool:
        """Take a question back; False if it was answered."""
        return nodes.put_claim(self._client, self._keys, node, "", over=question)

    def fences(self, node: str = "") -> tuple[Fence, ...]:
        """Return what operators have said, by node, oldest first; or about one node."""
        if node:
            return _read(node, self._client.get(self._keys.fence(node)))
        prefix = self._keys.fences
        found = self._client.range(prefix, prefix_end(prefix))
        return tuple(said for kv in found.kvs for said in _read(keys.node_in(kv.key), kv))

    def fence(self, said: Fence) -> bool:
        """Have it said, and kept; False if the last word about the node is the same."""

        def decide(found: KeyValue | None) -> tuple[bytes | None, bool]:
            before = _read(said.node, found)
            if (not before or before[-1].lifted) == said.lifted:
                return None, False
            return packed_fences((*before, said)), True

        key, busy = self._keys.fence(said.node), f"others are changing what is said about node {said.node}"
        done = change(self._client, key, decide, busy)
        if not said.lifted:  # what it had nobody will announce
            epoch(self._client, self._keys, lambda last: heard(last, {said.node}))
        return done


def _read(node: str, found: KeyValue | None) -> tuple[Fence, ...]:
    return read_fences(node, found.value) if found is not None else ()
