"""What running pods of this node follow at once when a declaration changes, for `podberth apply` to do and to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podberth.cli import forms
from podberth.cli.screen import Cell
from podberth.cni.errors import CniError
from podberth.verbs.adjust import adjust, foresee

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cli.screen import Screen
    from podberth.ipam.lease import Actor
    from podberth.net.record import Record
    from podberth.verbs.adjust import Adjustment
    from podberth.verbs.node import Node, Plugin


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """One attachment: what changed, what waits for its next start, or why it could not be."""

    record: Record
    adjustment: Adjustment | None
    refusal: str = ""

    def form(self) -> dict[str, object]:
        """Return it for programs."""
        found = self.adjustment
        return {
            **(forms.attachment(self.record.attachment) or {}),
            "pod": forms.pod(self.record.pod),
            "changes": _changes(found.changes) if found else [],
            "at_next_start": _changes(found.later) if found else [],
            "refusal": self.refusal or None,
        }

    def draw(self, screen: Screen) -> None:
        """Write it for people."""
        who = str(self.record.pod or self.record.attachment)
        if self.refusal:
            screen.line(Cell("not adjusted", "red"), f"  {who}: {self.refusal}")
        elif self.adjustment is not None and self.adjustment.changes:
            screen.line(Cell("adjusted", "yellow"), f"  {who}: {self.adjustment}")
        if self.adjustment is not None and self.adjustment.later:
            names = ", ".join(name for name, _, _ in self.adjustment.later)
            screen.line(Cell("at its next start", "dim"), f"  {who}: {names}")


def follow(node: Node, plugin: Callable[[str], Plugin], actor: Actor) -> tuple[Followed, ...]:
    """Adjust every running attachment of this node to what is declared now; one that fails does not keep the others."""
    found: list[Followed] = []
    for record in node.attachments.all():
        wanted: Adjustment | None = None
        try:
            wanted = foresee(node, record, plugin)
            if wanted is not None and wanted.changes:
                adjust(node, wanted, actor)
        except CniError as refused:
            found.append(Followed(record=record, adjustment=wanted, refusal=refused.message))
        else:
            if wanted is not None:
                found.append(Followed(record=record, adjustment=wanted))
    return tuple(found)


def _changes(changes: tuple[tuple[str, object, object], ...]) -> list[dict[str, object]]:
    return [{"setting": name, "from": old, "to": new} for name, old, new in changes]
