"""Which devices suit a network: an answer of the node's to a plan's question."""

from __future__ import annotations

from podberth.cni.value import value


@value
class Suited:
    """Which devices suit a network as its pod is declared. `by`: who asks for such, and for which; '' if nobody."""

    devices: tuple[str, ...]
    by: str = ""
