"""Which devices suit a network: an answer of the node's to a plan's question."""

from __future__ import annotations

from podberth.cni.value import value


@value
class Suited:
    """Which devices suit a network as its pod is declared. `by`: who asks for such, and for which; '' if nobody.

    `count`: how many of them it needs. A bond needs several, which have to be of `spread` ports: `ports` has the port
    of each device, as pairs.
    """

    devices: tuple[str, ...]
    by: str = ""
    count: int = 1
    spread: int = 1
    ports: tuple[tuple[str, str], ...] = ()
