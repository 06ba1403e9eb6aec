"""What is asked of every type that is put beside the CNI project's own: both refuse alike, and ours goes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.netns.standard.twins import Ended, Node


def both(twins: tuple[Node, Node], verb: str, document: dict[str, Any], **how: Any) -> tuple[Ended, Ended]:
    """Make a call on both nodes; return how it ended on the project's, and on ours."""
    go, ours = (node.call(verb, document, **how) for node in twins)
    return go, ours


def refused(twins: tuple[Node, Node], document: dict[str, Any]) -> None:
    """Have both refuse an ADD, ours with an error of its own, and leave our node as it was."""
    _, ours = twins
    before = ours.state_of()
    theirs, mine = both(twins, "ADD", document)
    assert (theirs.status, mine.status) == (1, 1), (theirs, mine)
    assert mine.said["code"] != 999, mine.said
    assert ours.state_of() == before


def goes_again(ours: Node, document: dict[str, Any], added: Ended, before: dict[str, Any], *, args: str = "") -> None:
    """Have CHECK of an ADD pass, if there is one in its version; two DELs leave the node as it was before."""
    if str(document["cniVersion"]) >= "0.4.0":
        checked = ours.call("CHECK", document, args=args, previous=added.said)
        assert checked.status == 0, checked.said
    for _ in range(2):
        assert ours.call("DEL", document, args=args).status == 0
    assert ours.state_of() == before
