"""What `podberth store use` leaves behind, and whether the agent of this node takes the change over."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cli.agent.asking import ask, listening
from podberth.cli.failures import NotFound
from podberth.cni.errors import CniError, InvalidConfig, Refused, TryAgainLater
from podberth.cni.value import replace, value
from podberth.stores import chosen as choice
from podberth.stores.replica.undelivered import SCHEMA, Undelivered

if TYPE_CHECKING:
    from podberth.cli.session import Session
    from podberth.stores.chosen import Chosen

PAGE = "/v1/stores"
PATIENCE = 70.0  # seconds: an agent that begins anew first ends what runs, for as long as its --grace
_LOOK = 0.1  # seconds between two looks at it
_FOLLOW = "end it first (systemctl stop podberth-agent.socket podberth-agent.service), or say --force"


@value
class Behind:
    """What is out of sight from now on; `unknown`: why it can't be said."""

    leases: int = 0
    reservations: int = 0
    unknown: str = ""

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to be told."""
        return not (self.leases or self.reservations or self.unknown)


def behind(session: Session, new: Chosen) -> Behind:
    """Return what the store of before has, if the new one is another."""
    if not session.exists():
        return Behind()
    try:
        if _same(choice.chosen(session.state), new):
            return Behind()
        node = session.node
        return Behind(leases=len(node.ledger.leases()), reservations=len(node.ledger.reservations()))
    except CniError as wrong:
        return Behind(unknown=wrong.message)


def require_told(session: Session, new: Chosen) -> None:
    """Refuse the change while answers are on their way to the cluster's store of before: it would not hear of them."""
    try:
        if _same(choice.chosen(session.state), new):
            return
    except InvalidConfig:
        pass  # whichever it was: the journal says whether it waits for something
    waiting = len(Undelivered(session.state).entries()) if Path(session.state, SCHEMA.file).exists() else 0
    if waiting:
        raise Refused(
            f"{waiting} of this node's answers are not in the store of before yet: it was away when they were given",
            "wait until it is back and knows them, with the agent running; or say --force, and their addresses stay"
            " leased there",
        )


def require_no_pods(session: Session, new: Chosen) -> None:
    """Refuse another cluster's name on the same ledger while this node has pods: it would not know their leases."""
    try:
        old = choice.chosen(session.state)
    except InvalidConfig:
        return
    if not session.exists() or not _same(old, new) or old.cluster == new.cluster:
        return
    held = sum(lease.node == session.node.name for lease in session.node.ledger.leases())
    if held:
        raise Refused(
            f"this node holds {held} addresses as a node of {old.cluster or 'the first cluster'}",
            "end its pods first; or say --force, and end their leases there: `podberth fence`",
        )


def require_following(socket: Path) -> bool:
    """Say whether an agent listens there. Refused if it would go on with the store that it has open."""
    if not listening(socket):
        return False
    try:
        _stores(socket)
    except (NotFound, TryAgainLater, ValueError, KeyError, TypeError):
        raise Refused(f"an agent is listening at {socket}, and would go on with the store of before", _FOLLOW) from None
    return True


def follow(socket: Path, state: str, kind: str) -> str:
    """Wait until the agent there uses the store; return what keeps it from that, '' if nothing does."""
    end = time.monotonic() + PATIENCE
    trouble = ""
    while time.monotonic() < end:
        try:
            every = _stores(socket)
        except (NotFound, TryAgainLater, ValueError, KeyError, TypeError):
            trouble = "it does not answer"  # between the old one and the new
        else:
            own = next((one for one in every if os.path.realpath(one["directory"]) == os.path.realpath(state)), None)
            if own is None or (own["state"] == "open" and own["store"] == kind):
                return ""
            trouble = own["message"]
        time.sleep(_LOOK)
    return trouble


def _stores(socket: Path) -> list[dict[str, str]]:
    return list(ask(socket, PAGE, patience=0)["stores"])


def _same(one: Chosen, other: Chosen) -> bool:
    """Say whether two files name the same store, whatever they say of this node."""
    raws = [dict(each.etcd.raw) if each.etcd is not None else {} for each in (one, other)]
    places = [replace(each.kubernetes, nodes="") for each in (one, other)]
    return (one.store, raws[0], places[0]) == (other.store, raws[1], places[1])
