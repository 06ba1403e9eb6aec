"""What a plan asks of the node, and what it was answered: values, so that planning stays pure.

A plugin names its questions (`asks`), with what it was answered before: some follow from an answer. Then it plans.
"""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from podberth.net.facts import Link
    from podberth.net.host import Host


@value
class LinkNamed:
    """Which link of the node has the name? A Link, or None."""

    name: str

    def of(self, host: Host) -> Link | None:
        """Ask."""
        return host.named(self.name)


@value
class Can:
    """Is the node's kernel able to do it? It is tried out, which costs a few round trips."""

    ability: str

    def of(self, host: Host) -> bool:
        """Ask."""
        return host.can(self.ability)


if TYPE_CHECKING:
    Query: TypeAlias = LinkNamed | Can

FILTER_VLANS = Can(ability="bridges that filter VLANs")
VLAN_DEVICES = Can(ability="802.1Q devices")
ROUNDS = 5  # of questions that follow from answers; in the last there is none


class Seen:
    """Answers by their queries. KeyError for what was not asked: `asks` has to name all that `plan` looks at."""

    def __init__(self, answers: Mapping[Query, object] | None = None) -> None:
        self._answers = dict(answers or {})

    def __contains__(self, query: object) -> bool:
        return query in self._answers

    def link(self, name: str) -> Link | None:
        """Return the node's link of that name, None if there is none."""
        found: Link | None = self._answers[LinkNamed(name=name)]  # type: ignore[assignment]
        return found

    def can(self, ability: Can) -> bool:
        """Say whether the node's kernel is able to."""
        return bool(self._answers[ability])

    def with_answers(self, host: Host, queries: tuple[Query, ...]) -> Seen:
        """Return this, and the node's answers to more."""
        return Seen({**self._answers, **{query: query.of(host) for query in queries}})


def see(host: Host, asks: Callable[[Seen], tuple[Query, ...]]) -> Seen:
    """Ask the node until nothing new is asked. RuntimeError, a plugin's bug, if that is not so after ROUNDS rounds."""
    seen = Seen()
    for _ in range(ROUNDS):
        new = tuple(query for query in asks(seen) if query not in seen)
        if not new:
            return seen
        seen = seen.with_answers(host, new)
    raise RuntimeError(f"a plugin asks on after {ROUNDS} rounds of answers")
