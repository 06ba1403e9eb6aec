"""The Kubernetes API, where the ledger is behind it: does it answer this node, and does its clock agree with ours?"""

from __future__ import annotations

import time
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from podberth.cli.text import duration
from podberth.cni.errors import CniError
from podberth.desk.doctor import FAIL, OK, WARN, Finding
from podberth.stores import chosen as choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.session import Session
    from podberth.kube.client import Client
    from podberth.stores.chosen import Kubernetes

AREA = "cluster"
APART = 2.0  # seconds; the Date header has whole ones


def chosen(session: Session) -> Kubernetes | None:
    """Return where the API is; None if the ledger is not there, or can't be told."""
    try:
        found = choice.chosen(session.state)
    except CniError:
        return None  # the store's own lines say it
    return found.kubernetes if found.store == choice.KUBERNETES else None


@contextmanager
def client(at: Kubernetes) -> Iterator[Client]:
    """Lend a client. CniError if the kubeconfig is of no use."""
    from podberth.kube.client import Client
    from podberth.kube.config import load

    made = Client(load(at.kubeconfig, at.context))
    try:
        yield made
    finally:
        made.close()


def look(session: Session) -> Iterator[Finding]:
    """Yield whether the API answers, and how its clock stands to this machine's."""
    at = chosen(session)
    if at is None:
        return
    try:
        with client(at) as api:
            before = time.time()  # noqa: TID251
            date = api.date()
            after = time.time()  # noqa: TID251
    except CniError as wrong:
        yield Finding(area=AREA, name="API", level=FAIL, text=wrong.message, todo=wrong.details)
        return
    yield Finding(area=AREA, name="API", level=OK, text="the Kubernetes API answers")
    if date:
        yield clock(parsedate_to_datetime(date).timestamp(), before, after)


def clock(theirs: float, before: float, after: float) -> Finding:
    """Compare the API's clock with ours, which was read before and after it was asked; seconds since the epoch."""
    apart = max(theirs - after, before - theirs - 1, 0.0)
    if apart <= APART:
        return Finding(area=AREA, name="clock", level=OK, text="this machine's clock and the API's agree")
    which = "behind" if theirs > after else "ahead of"
    todo = "set this machine's clock (chronyc, timedatectl): the ledger's times are those of the nodes"
    return Finding(
        area=AREA,
        name="clock",
        level=WARN,
        text=f"this machine's clock is {duration(apart)} {which} the API's",
        todo=todo,
    )
