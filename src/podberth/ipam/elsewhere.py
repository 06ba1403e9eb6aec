"""What can be known of the holder of an address on another node: whether it is dead, and why. Values and a protocol.

The rules, and what speaks for them: docs/decisions/020-the-predecessor-is-dead.md, docs/identity.md.
"""

from __future__ import annotations

from podberth.cni.errors import Refused
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Actor, Lease
    from podberth.ipam.registration import Registration

    class Elsewhere(Protocol):
        """What a node can ask about others. Where nobody can be asked, it raises: nothing moves then."""

        def judge(self, lease: Lease, pod: PodRef | None) -> Verdict:
            """Say whether the lease's holder, on another node, is dead, so that `pod`, its successor, may have it."""
            ...

        def tell(self, pod: PodRef, reason: str, message: str) -> None:
            """Show this to whoever looks at the pod, if there is a place for it. Neither waits nor fails."""
            ...

        def machines(self, node: str = "") -> tuple[Registration, ...]:
            """Return the machines that are registered, or that of one node, as far as the store keeps that."""
            ...

        def require_fenceable(self, node: str) -> None:
            """Raise Refused if that the node is dead is not said here."""
            ...

        def ask(self, node: str, question: str) -> bool:
            """Ask the node whether it lives; say whether there is anybody to be asked. See `registration.QUESTION`."""
            ...

        def answered(self, node: str, question: str) -> bool:
            """Say whether the question was answered: by the node, or by anybody who registers as it."""
            ...

        def withdraw(self, node: str, question: str) -> bool:
            """Take a question back; False if it was answered."""
            ...

        def fences(self, node: str = "") -> tuple[Fence, ...]:
            """Return what operators have said about nodes, by node, oldest first; or about one."""
            ...

        def fence(self, said: Fence) -> bool:
            """Have it said; False if the last word about the node is the same. Refused if that is not said here."""
            ...


HELD, MOVED, UNFIT = "AddressHeld", "AddressMoved", "NodeUnfit"  # reasons, as `Elsewhere.tell` takes them


@value
class Verdict:
    """`why`: how it is known that the holder is dead; else what is waited for, and `advice`: what can be done."""

    dead: bool
    why: str
    advice: str = ""


@value
class Fence:
    """An operator's word that nothing runs on a node any more; with `lifted`, that it may run there again."""

    node: str
    actor: Actor
    time: int  # ns since the epoch
    lifted: bool = False


class Alone:
    """A node whose store is its own: it knows of no other."""

    def judge(self, lease: Lease, pod: PodRef | None) -> Verdict:  # noqa: ARG002
        """Wait: nobody can be asked."""
        return Verdict(
            dead=False,
            why=f"this node's store knows nothing of node {lease.node}",
            advice="was this node renamed, or its state copied? `podberth gc --gone` ends what is left of before",
        )

    def tell(self, pod: PodRef, reason: str, message: str) -> None:
        """Do nothing: the error is all that is seen."""

    def machines(self, node: str = "") -> tuple[Registration, ...]:  # noqa: ARG002
        """Return nothing: nobody else is known."""
        return ()

    def require_fenceable(self, node: str) -> None:
        """Refuse it."""
        raise Refused(
            f"node {node} can't be fenced here: the store in this state directory is one node's own",
            "name the state directory of a node whose ledger is in etcd",
        )

    def ask(self, node: str, question: str) -> bool:  # noqa: ARG002
        """Return False: there is nobody."""
        return False

    def answered(self, node: str, question: str) -> bool:  # noqa: ARG002
        """Return False: nobody was asked."""
        return False

    def withdraw(self, node: str, question: str) -> bool:  # noqa: ARG002
        """Return True: there is nothing to be taken back."""
        return True

    def fences(self, node: str = "") -> tuple[Fence, ...]:  # noqa: ARG002
        """Return nothing."""
        return ()

    def fence(self, said: Fence) -> bool:
        """Refuse it; of nobody it was ever said."""
        if said.lifted:
            raise Refused(
                f"node {said.node} is not fenced: the store in this state directory is one node's own, and nobody is",
                "name the state directory of a node whose ledger is in etcd",
            )
        self.require_fenceable(said.node)
        return False
