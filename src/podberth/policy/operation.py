"""What an operator does to many addresses at once (an import, a sheet, a pool's release): all of it, or nothing."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.ipam.lease import Claim, Keeping, Reservation
    from podberth.net.ops import Address
    from podberth.policy.documents import Document


@value
class Operation:
    """In this order: reservations end, documents come into force, addresses are reserved, and then bound."""

    release: tuple[Address, ...] = ()
    documents: tuple[Document, ...] = ()
    keep: tuple[Keeping, ...] = ()
    bind: tuple[Claim, ...] = ()


@value
class Done:
    """The reservations that ended, and those that there are now for what was to be kept, in the operation's order."""

    released: tuple[Reservation, ...] = ()
    kept: tuple[Reservation, ...] = ()
