"""Which addresses are kept for pods' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.desk.form import Answer, row
from podberth.desk.rows import Reservation

if TYPE_CHECKING:
    from podberth.verbs.node import Node


@row
class Reservations(Answer):
    """The addresses that are reserved, in their order."""

    SCHEMA = "reservations/1"
    items: tuple[Reservation, ...]


def reservations(node: Node) -> Reservations:
    """Return the reservations."""
    return Reservations(items=tuple(map(Reservation.of, node.ledger.reservations())))
