"""The pod's end of an attachment, fully decided: what a plugin plans for. Nothing in it is left to look up."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.net.ops import Interface
    from podberth.net.settings import Settings


@value
class Probing:
    """How an address is asked for on the wire before it is bound: `probes` questions, `interval_ms` apart."""

    probes: int
    interval_ms: int


@value
class Endpoint:
    """`settings.routes` are final: the pool's gateway is a default route already. `device` overrides the parent."""

    attachment: Attachment
    netns: str
    addresses: tuple[Interface, ...]
    settings: Settings
    device: str | None = None
    probing: Probing | None = None
