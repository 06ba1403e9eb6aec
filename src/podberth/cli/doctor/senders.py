"""Whether senders are checked at the node's links as the records of its pods say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.desk.doctor import OK, WARN, Finding
from podberth.net.ops import family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.session import Session
    from podberth.net.step import Step

AREA = "senders"
FAMILIES = ("senders", "parents")


def look(session: Session) -> Iterator[Finding]:
    """Yield one finding for all of them, none where no pod's senders are checked. Pods' own links: `podberth check`."""
    if not session.exists():
        return
    node = session.node
    steps = [step for record in node.attachments.all() if record.done for step in record.steps if _is_at_node(step)]
    if not steps:
        return
    drifts = [drift for step in steps for drift in node.host.check(step)]
    if not drifts:
        yield Finding(area=AREA, name="links of the node", level=OK, text=f"{len(steps)} sets of rules are as made")
        return
    more = f", and {len(drifts) - 1} more" if len(drifts) > 1 else ""
    todo = "podberth check --repair puts them back; `nft monitor` shows who takes them away"
    yield Finding(area=AREA, name="links of the node", level=WARN, text=f"{drifts[0]}{more}", todo=todo)


def _is_at_node(step: Step) -> bool:
    return family(type(step.op)) in FAMILIES and getattr(step.op, "netns", None) is None
