"""Which node this machine is: its name, machine-id, boot and key, and whether the cluster has the same word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cli.doctor import api
from podberth.cni.errors import CniError
from podberth.desk.doctor import FAIL, OK, WARN, Finding
from podberth.ipam.registration import QUESTION, Registration, judge, remedy
from podberth.kube import errors
from podberth.kube.resources import NODES
from podberth.process.machine import MACHINE_ID, boot_id, machine_id
from podberth.stores import chosen as choice
from podberth.stores.identity import digest, was_seen
from podberth.stores.kubernetes.nodes import of_node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.cli.session import Session
    from podberth.kube.client import Client

AREA = "identity"
COPIED = (
    "copied disk images have one machine-id: `rm /etc/machine-id && systemd-machine-id-setup`, and reboot; or let it"
    " be: two names are told apart by their keys"
)
_NO_MACHINE_ID = "make one (systemd-machine-id-setup), or mount the host's: the key alone tells machines apart now"


def look(session: Session) -> Iterator[Finding]:
    """Yield who this machine is, and what the cluster says to that."""
    try:
        found = choice.chosen(session.state)
    except CniError:
        return  # the store's own lines say it
    mine = Registration(node=found.node, machine=machine_id(), boot=boot_id(), key=digest(session.state))
    yield own(mine)
    if found.store == choice.SQLITE or not session.exists():
        return
    try:
        if found.store == choice.KUBERNETES and found.kubernetes.nodes == choice.REQUIRED:
            with api.client(found.kubernetes) as client:
                yield from _of_node(client, mine, seen=was_seen(session.state, mine.node))
        else:
            yield from registered(mine, session.node.elsewhere.machines())
    except CniError as wrong:
        yield _finding("registered", WARN, f"not known: {wrong.message}", wrong.details)


def own(mine: Registration) -> Finding:
    """Say what this machine is by its own word."""
    source = f"{mine.machine} of {MACHINE_ID}" if mine.machine else f"none: {MACHINE_ID} is not there, or empty"
    key = f"key {mine.key[:12]}" if mine.key else "no key yet"
    text = f"{mine.node}: machine-id {source}, boot {mine.boot or 'unknown'}, {key}"
    return _finding("node", OK if mine.machine else WARN, text, "" if mine.machine else _NO_MACHINE_ID)


def registered(mine: Registration, machines: Iterable[Registration]) -> Iterator[Finding]:
    """Compare the machine with what is registered under its name, and with the other names."""
    every = {one.node: one for one in machines}
    known = every.get(mine.node)
    if known is None:
        yield _finding("registered", WARN, "no machine is registered under this name", "its agent does so as it starts")
    else:
        refusal = judge(known, mine, fenced=False).proof.refusal
        yield _finding("registered", FAIL if refusal else OK, *_told(mine, refusal))
        if known.claim and not known.claim.startswith(QUESTION):
            text = f"a machine of boot {known.claim} claims the name: after a reboot, or as a copy of this one"
            yield _finding("claim", WARN, text, "if it is a copy, switch it off; the one that lives keeps the name")
    yield from twins(mine, {name: one.machine for name, one in every.items()})


def twins(mine: Registration, machines: dict[str, str]) -> Iterator[Finding]:
    """Yield a line if other nodes have this machine's machine-id; `machines`: by node."""
    others = sorted(name for name, machine in machines.items() if machine == mine.machine != "" and name != mine.node)
    if others:
        yield _finding("twins", WARN, f"{', '.join(others)} has this machine's machine-id, {mine.machine}", COPIED)


def _of_node(client: Client, mine: Registration, *, seen: bool) -> Iterator[Finding]:
    try:
        refusal = of_node(client.get(NODES, mine.node), mine).refusal
    except errors.NotFound:
        more = " any more: nothing new is bound here, and its agent looks after what runs" if seen else ""
        text = f"{mine.node} is no Node of the cluster{more}"
        yield _finding("registered", FAIL, text, remedy(mine.node, none=True))
        return
    yield _finding("registered", FAIL if refusal else OK, *_told(mine, refusal))
    try:
        nodes = client.list(NODES).items
    except errors.Forbidden:
        return  # an agent's account reads one Node at a time; an administrator's tells of twins
    infos = {one["metadata"]["name"]: one.get("status", {}).get("nodeInfo", {}).get("machineID", "") for one in nodes}
    yield from twins(mine, infos)


def _told(mine: Registration, refusal: str) -> tuple[str, str]:
    return (refusal, remedy(mine.node)) if refusal else (f"the cluster knows this machine as {mine.node}", "")


def _finding(name: str, level: str, text: str, todo: str = "") -> Finding:
    return Finding(area=AREA, name=name, level=level, text=text, todo=todo)
