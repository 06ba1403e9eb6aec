"""All nodes of the cluster, as far as the ledger and the API know them: for `podberth doctor --cluster`."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING

from podberth.cli.doctor import api
from podberth.cli.doctor.finding import FAIL, OK, WARN, Finding
from podberth.cli.text import counted
from podberth.cni.errors import CniError
from podberth.kube import errors
from podberth.kube.resources import NODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.session import Session
    from podberth.ipam.elsewhere import Fence
    from podberth.kube.client import Client

AREA = "nodes"


def look(session: Session) -> Iterator[Finding]:
    """Yield a line for each node that holds an address, and for each that is fenced."""
    try:
        node = session.node
        held = Counter(lease.node for lease in node.ledger.leases())
        fenced = {said.node: said for said in node.elsewhere.fences()}
        at = api.chosen(session)
        with api.client(at) if at is not None else nullcontext() as client:
            yield from _each(client, node.name, held, fenced)
    except CniError as wrong:
        yield Finding(area=AREA, name="all", level=FAIL, text=wrong.message, todo=wrong.details)


def _each(client: Client | None, here: str, held: Counter[str], fenced: dict[str, Fence]) -> Iterator[Finding]:
    for name in sorted({*held, *(name for name, said in fenced.items() if not said.lifted), here}):
        has = f"holds {counted(held[name], 'address', 'addresses')}"
        said = fenced.get(name)
        if said is not None and not said.lifted:
            text, todo = (
                f"{has}, fenced by {said.actor.who}: {said.actor.why}",
                f"`podberth unfence {name}` if it is back",
            )
            yield Finding(area=AREA, name=name, level=WARN, text=text, todo=todo)
        else:
            yield _seen(client, name, has)


def _seen(client: Client | None, name: str, has: str) -> Finding:
    if client is None:
        return Finding(area=AREA, name=name, level=OK, text=f"{has}, not fenced")
    try:
        found = client.get(NODES, name)
    except errors.NotFound:
        todo = "if the machine is gone for good, its addresses move by themselves; else correct `store use --node`"
        return Finding(area=AREA, name=name, level=WARN, text=f"{has}, and is no Node of the cluster", todo=todo)
    except CniError as wrong:
        return Finding(area=AREA, name=name, level=WARN, text=f"{has}; {wrong.message}", todo=wrong.details)
    conditions = {one["type"]: one for one in found.get("status", {}).get("conditions", ())}
    ready = conditions.get("Ready", {})
    if ready.get("status") == "True":
        return Finding(area=AREA, name=name, level=OK, text=f"{has}, Ready")
    text = f"{has}, not Ready: {ready.get('message') or ready.get('reason') or 'nothing is known of it'}"
    return Finding(area=AREA, name=name, level=WARN, text=text, todo=f"kubectl describe node {name}")
