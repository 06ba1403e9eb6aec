"""Questions follow from answers until there is none left; a plugin that asks for ever is told so."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from podberth.net.seen import ROUNDS, LinkNamed, see

if TYPE_CHECKING:
    from podberth.net.facts import Link
    from podberth.net.host import Host
    from podberth.net.seen import Query, Seen


class Bare:
    """A node without links."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def named(self, name: str) -> Link | None:
        self.asked.append(name)
        return None


def test_each_question_is_asked_once_and_the_next_may_follow_from_its_answer() -> None:
    node = Bare()

    def asks(seen: Seen) -> tuple[Query, ...]:
        first, second = LinkNamed(name="up0"), LinkNamed(name="up1")
        return (first,) if first not in seen or seen.link("up0") is not None else (first, second)

    seen = see(cast("Host", node), asks)
    assert node.asked == ["up0", "up1"]
    assert (seen.link("up0"), seen.link("up1")) == (None, None)


def test_a_plugin_that_asks_for_ever_has_a_bug() -> None:
    node = Bare()
    with pytest.raises(RuntimeError, match="asks on"):
        see(cast("Host", node), lambda _: (LinkNamed(name=f"up{len(node.asked)}"),))
    assert len(node.asked) == ROUNDS
