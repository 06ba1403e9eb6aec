"""What a node of a cluster announces to a ledger that was put back: a step for each few addresses, then its word."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from podberth.ipam.epoch import Announcement
from podberth.ipam.epoch import heard as with_word_of
from podberth.stores.sqlite import epochs
from podberth.stores.sqlite.rows import lease_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sqlite3 import Connection

    from podberth.ipam.epoch import HeldAddress
    from podberth.ipam.lease import Actor, Lease
    from podberth.stores.replica.proposer import Proposer
    from podberth.stores.sqlite.claims import Rivals

_STEP = 20  # addresses that are announced together


def announce(proposer: Proposer, held: Sequence[HeldAddress], gone: Sequence[Lease], actor: Actor) -> Announcement:
    """Have the ledger say what a node's pods have. Interrupted anywhere, it can be done again."""
    found = [_step(proposer, (), gone[at : at + _STEP], actor) for at in range(0, len(gone), _STEP)]
    found += [_step(proposer, held[at : at + _STEP], (), actor) for at in range(0, len(held), _STEP)]
    proposer.replica.begin_epoch(proposer.cluster.epoch(lambda last: with_word_of(last, {actor.node})))
    return Announcement(
        bound=tuple(chain.from_iterable(each.bound for each in found)),
        ended=tuple(chain.from_iterable(each.ended for each in found)),
        contested=tuple(chain.from_iterable(each.contested for each in found)),
        homeless=tuple(chain.from_iterable(each.homeless for each in found)),
    )


def _step(proposer: Proposer, held: Sequence[HeldAddress], gone: Sequence[Lease], actor: Actor) -> Announcement:
    about = tuple({*(each.address for each in held), *(lease.address for lease in gone)})

    def decide(connection: Connection, _: Rivals) -> Announcement:
        last = epochs.last(connection)
        there = [lease for lease in gone if lease_at(connection, lease.address) == lease]
        since = last.seq if last is not None else 0
        return epochs.announce(connection, held, there, actor, proposer.replica.clock(), since)

    return proposer.settle(decide, about=about)[0]
