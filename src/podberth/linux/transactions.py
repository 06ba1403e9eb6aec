"""Transactions on nf_tables that follow from a look at it: nobody's lock is needed.

What was looked at is named by its generation, and the kernel refuses a transaction that comes too late for it.
"""

from __future__ import annotations

import errno
from time import monotonic

from podberth.cni.errors import TryAgainLater
from podberth.linux.netlink import nft
from podberth.linux.netlink.socket import NetlinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeVar

    from podberth.linux.netlink.nfnl import Nfnl
    from podberth.linux.netlink.nft import Request

    T = TypeVar("T")

    class Rules(Protocol):
        """Where there are rules: the node's own network namespace, or a pod's."""

        def rules(self) -> Nfnl:
            """Return the socket for its nf_tables."""
            ...


# How often others may change the rules between a look and the transaction that follows from it, and for how many
# seconds, but for the first few: a pod that changes its own without end must keep no other waiting.
_TRIES, _SECONDS, _FIRST = 200, 5.0, 5
NONE_HERE = (errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT)  # a kernel without nf_tables


def transact(at: Rules, wanted: Callable[[], list[Request]]) -> None:
    """Do what is `wanted` as things are, and look again while others change them. TryAgainLater if they never stop."""
    socket, end = at.rules(), monotonic() + _SECONDS
    for number in range(_TRIES):
        if number >= _FIRST and monotonic() > end:
            break
        generation = nft.parse_generation(socket.get(nft.GET_GENERATION, nft.generation()) or b"")
        requests = wanted()
        if not requests:
            return
        try:
            socket.batch(requests, generation)
        except NetlinkError as refused:
            if refused.errno != errno.ERESTART:
                raise
        else:
            return
    raise TryAgainLater(
        "the rules of nf_tables are being changed all the time by others", "`nft monitor` shows what is changed"
    )


def transact_if_any(at: Rules, wanted: Callable[[], list[Request]]) -> None:
    """Do the same to take something away: nothing is there, and nothing happens, where the kernel has no nf_tables."""
    try:
        transact(at, wanted)
    except NetlinkError as refused:
        if refused.errno not in NONE_HERE:
            raise


def there(ask: Callable[[], T]) -> T | None:
    """Return the answer; None where what is asked about is not there."""
    try:
        return ask()
    except NetlinkError as refused:
        if refused.errno != errno.ENOENT:
            raise
        return None
