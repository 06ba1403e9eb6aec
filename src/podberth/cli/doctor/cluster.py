"""All nodes of the cluster, as far as the ledger and the API know them: for `podberth doctor --cluster`."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING

from podberth.cli.doctor import api
from podberth.cli.doctor.identity import COPIED
from podberth.cli.text import counted
from podberth.cni.errors import CniError
from podberth.desk.doctor import FAIL, OK, WARN, Finding
from podberth.kube import errors
from podberth.kube.resources import NODES, PODS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.cli.session import Session
    from podberth.ipam.elsewhere import Fence
    from podberth.kube.client import Client, Object

AREA = "nodes"
AGENTS = "app.kubernetes.io/name=podberth-agent"  # the label of the agents' pods


def look(session: Session) -> Iterator[Finding]:
    """Yield a line for each node that holds an address, is registered or is fenced; and for each agent's pod."""
    try:
        node = session.node
        held = Counter(lease.node for lease in node.ledger.leases())
        fenced = {said.node: said for said in node.elsewhere.fences()}
        machines = {one.node: one.machine for one in node.elsewhere.machines()}
        at = api.chosen(session)
        with api.client(at) if at is not None else nullcontext() as client:
            yield from _each(client, node.name, held, fenced, machines)
            if client is not None and at is not None:
                yield from _agents(client, at.namespace)
        yield from _one_machine(machines)
    except CniError as wrong:
        yield Finding(area=AREA, name="all", level=FAIL, text=wrong.message, todo=wrong.details)


def _one_machine(machines: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a line for each machine-id that several names have; `machines`: by name."""
    for machine in sorted({one for one in machines.values() if one}):
        names = sorted(name for name, one in machines.items() if one == machine)
        if len(names) > 1:
            text = f"{', '.join(names)} have one machine-id, {machine}"
            yield Finding(area=AREA, name="machine-id", level=WARN, text=text, todo=COPIED)


def _agents(client: Client, home: str) -> Iterator[Finding]:
    """Yield a line for each agent's pod that is not ready, or one for all; nothing if this account may not see them."""
    try:
        pods = client.list(PODS, home, labels=AGENTS).items
    except errors.Forbidden:
        return
    states = {one["spec"].get("nodeName", "no node"): _ready(one) for one in pods}
    for name, ready in sorted(states.items()):
        if not ready:
            todo = f"kubectl -n {home} logs -l {AGENTS} --prefix; its /readyz has the reason"
            yield Finding(area=AREA, name=name, level=WARN, text="its agent is not ready", todo=todo)
    if states and all(states.values()):
        yield Finding(area=AREA, name="agents", level=OK, text=f"{counted(len(states), 'agent')} ready")


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _each(
    client: Client | None, here: str, held: Counter[str], fenced: dict[str, Fence], machines: Mapping[str, str]
) -> Iterator[Finding]:
    for name in sorted({*held, *(name for name, said in fenced.items() if not said.lifted), *machines, here}):
        has = f"holds {counted(held[name], 'address', 'addresses')}"
        said = fenced.get(name)
        if said is not None and not said.lifted:
            text, todo = (
                f"{has}, fenced by {said.actor.who}: {said.actor.why}",
                f"`podberth unfence {name} --why REASON` if it is back",
            )
            yield Finding(area=AREA, name=name, level=WARN, text=text, todo=todo)
        else:
            yield _seen(None if name in machines else client, name, has)


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
