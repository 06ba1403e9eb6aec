"""A step: an op and what it replaces. Steps are recorded before the first effect; DEL obeys the record."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.ops import Op


INDEX = "index"  # of what is kept of a step: the index of the link that it made
FLOWS = "flows"  # of what is kept of a step: flows that its rules have made go on when these are taken away
IDENTITY = "identity"  # the field of a difference: the link is another one, whatever it is called


@value
class Step:
    """`before` is what the host found (flat, JSON-able, op-specific); undoing needs nothing but the step."""

    op: Op
    before: tuple[tuple[str, str], ...] = ()

    def before_of(self, what: str) -> str | None:
        """Return what the host found of `what`, None if nothing."""
        return dict(self.before).get(what)

    @property
    def existed(self) -> bool:
        """Whether what the op brings about was there before: then it is neither done nor undone."""
        return ("existed", "yes") in self.before


@value
class Drift:
    """One difference between a recorded step and the host: `field` of `what` should be `wanted`, is `found`."""

    what: str
    field: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: {self.field}: expected {self.wanted}, found {self.found}"
