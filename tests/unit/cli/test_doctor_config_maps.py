"""What the doctor says of ConfigMaps: each with what it declares, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from podberth.cli.doctor.config_maps import look
from podberth.cni.errors import TryAgainLater
from podberth.policy.changes import Waiting
from podberth.policy.standing import CHOICE, UNREAD, Standing

if TYPE_CHECKING:
    from podberth.cli.session import Session


class Node:
    """A session, its node and the node's declarations, as far as they are asked."""

    def __init__(self, *standings: Standing, there: bool = True, away: bool = False) -> None:
        self.node = self.policies = self
        self._standings, self._there, self._away = standings, there, away
        self.waits: tuple[Waiting, ...] = ()

    def exists(self) -> bool:
        return self._there

    def waiting(self) -> tuple[Waiting, ...]:
        return self.waits

    def standings(self) -> tuple[Standing, ...]:
        if self._away:
            raise TryAgainLater("the store is away")
        return self._standings


def lines(node: Node) -> list[tuple[str, str, str, str]]:
    return [(each.level, each.name, each.text, each.todo) for each in look(cast("Session", node))]


def test_each_standing_is_a_line_with_its_remedy() -> None:
    trust = "PodNetwork db/web: spec.attachments[0].trust is the operator's choice"
    what = "PodNetwork db/web"
    stays, refused, unread = lines(
        Node(
            Standing(bundle="db/a", document=what, in_force=True, reason=trust, remedy=CHOICE),
            Standing(bundle="db/b", document=what, in_force=False, reason=trust, remedy=CHOICE),
            Standing(bundle="db/c", document="ConfigMap db/c: x.yaml", in_force=False, reason="x: []", remedy=UNREAD),
        )
    )
    assert stays[:3] == ("warn", "db/a", f"in force, as it was declared before namespaces had limits: {trust}")
    assert stays[3] == f"{CHOICE}; once it changes or is gone, it counts no more"
    assert refused == ("warn", "db/b", f"not in force: {trust}", CHOICE)
    assert unread[:3] == ("warn", "db/c", "can't be read: x: []")
    assert "correct it, or delete it" in unread[3]


def test_a_config_map_that_declares_nothing_is_a_line() -> None:
    silent = Standing(bundle="db/d", document="ConfigMap db/d", in_force=False, reason="it has no key", silent=True)
    (line,) = lines(Node(silent))
    assert line[:3] == ("warn", "db/d", "declares nothing: it has no key")


@pytest.mark.parametrize("node", [Node(), Node(there=False, away=True), Node(away=True)])
def test_nothing_to_see_or_to_ask_is_no_line(node: Node) -> None:
    assert lines(node) == []


def test_a_pool_that_the_check_refuses_is_a_line_and_what_stays_in_force_is_said() -> None:
    node = Node()
    node.waits = (Waiting(document="Pool db", source="by hand", reason="pools db and web overlap", kept=True),)
    ((level, name, text, todo),) = lines(node)
    assert (level, name) == ("warn", "Pool db")
    assert text == "not in force: pools db and web overlap; what was in force before stays"
    assert "comes into force by itself" in todo
