"""What is asked of etcd and what it answers, as values (etcd.io/docs/v3.4/learning/api); no messages, no I/O.

Keys and values are bytes. A range is every key from `key` up to, not including, `end`; no `end` means `key` alone.
A revision counts the changes of the whole cluster; 0 stands for "none" or, where one reads, for "now".
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from podberth.cni.value import value

What: TypeAlias = Literal["create_revision", "mod_revision", "version", "value"]
Sign: TypeAlias = Literal["=", ">", "<", "!="]


@value
class KeyValue:
    """One key as it was at one revision; of one that was deleted only `key` and `mod_revision` are set."""

    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int  # how often it was written since it was created; 0 once deleted


@value
class Compare:
    """A condition: `what` of `key`, or of each key of a range, is as `sign` says `to` the given number or bytes.

    A key that does not exist has 0 in the three numbers, and no comparison of its value holds. So does an empty range:
    ``Compare(key=prefix, end=prefix_end(prefix), what="create_revision", sign="=", to=0)`` holds if nothing is there.
    That keys were deleted can't be seen in a range.
    """

    key: bytes
    what: What
    sign: Sign = "="
    to: int | bytes
    end: bytes = b""


@value
class Put:
    """Write a key. One transaction may write a key once."""

    key: bytes
    value: bytes


@value
class Delete:
    """Delete a key or a range, whether or not there is anything."""

    key: bytes
    end: bytes = b""


@value
class Get:
    """Read a key or a range, in the order of keys; at most `limit` of them if it isn't 0.

    `since`: only those that were written at that revision, or later.
    """

    key: bytes
    end: bytes = b""
    limit: int = 0
    revision: int = 0
    keys_only: bool = False
    since: int = 0


Op: TypeAlias = Put | Delete | Get


@value
class Found:
    """What a range held at `revision`; `more` says that the limit left some out."""

    revision: int
    kvs: tuple[KeyValue, ...]
    more: bool = False


Answer: TypeAlias = Found | int | None  # of Get; of Delete: how many; of Put


@value
class Txn:
    """What became of a transaction; `answers` are those of the ops of the branch that was taken, in their order."""

    succeeded: bool
    revision: int
    answers: tuple[Answer, ...]


@value
class Event:
    """One change of one key; `kv.mod_revision` says when."""

    kv: KeyValue
    deleted: bool


@value
class Batch:
    """The next changes of a watch, oldest first; with it all of them up to and including `revision` have been seen."""

    revision: int
    events: tuple[Event, ...]


@value
class Status:
    """One member of the cluster, as it sees itself; sizes are in bytes of its database file."""

    version: str
    revision: int
    cluster: int
    member: int
    leader: int  # 0: none is known
    size: int
    size_in_use: int
    errors: tuple[str, ...]  # alarms, such as that there is no space left


def prefix_end(prefix: bytes) -> bytes:
    """Return the end of the range of all keys that begin with `prefix`; all of the keys there are if it is empty."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes((kept[-1] + 1,)) if kept else b"\0"
