"""The pod's end of an attachment, fully decided: what a plugin plans for. Nothing in it is left to look up."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.net.ops import Address, Interface
    from podberth.net.settings import Settings
    from podberth.net.vf import Vf


@value
class Probing:
    """How an address is asked for on the wire before it is bound: `probes` questions, `interval_ms` apart."""

    probes: int
    interval_ms: int


@value
class Endpoint:
    """`settings.routes` are final: the pool's gateway is a default route already. `device` overrides the parent.

    `gateways` has for each address that of its subnet, None without one. `vf` is the virtual function it gets, if any.
    """

    attachment: Attachment
    netns: str
    addresses: tuple[Interface, ...]
    gateways: tuple[Address | None, ...]
    settings: Settings
    device: str | None = None
    probing: Probing | None = None
    vf: Vf | None = None
