"""How a node knows what it answers: from its cluster's store, or by the last that it heard of it."""

from __future__ import annotations

PREFIX = "the cluster's store is away: "  # of the messages that say so


class Outlook:
    """One of each node that is open; those who answer a question write into it.

    `tolerant`: whoever asks may be answered by the last that is known, if he is told. `away` is then why the store was
    not asked, '' while it was; `as_of` is up to when all is known (ns since the epoch, 0 if that is not written down).
    `partial`: the answer lacks what only the store has: the history before each address's last event.
    """

    def __init__(self, *, tolerant: bool = False) -> None:
        self.tolerant = tolerant
        self.away = ""
        self.as_of = 0
        self.partial = False

    def missed(self, why: str, as_of: int) -> None:
        """Take note that the store can't be asked: nobody tries again for the questions that follow."""
        self.away, self.as_of = why, as_of


def bare(message: str) -> str:
    """Return why the store is away, without the words that say that it is."""
    return message.removeprefix(PREFIX)


def sentence(why: str) -> str:
    """Return the message of an error, with the words that say that the store is away. `why` may have them already."""
    return f"{PREFIX}{bare(why)}"
