"""The agent of this node: does it answer where the shim looks for it, of which version, and is it ready?"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from podberth import __version__
from podberth.agent.frame import SOCKET
from podberth.cli.agent.asking import ask
from podberth.cni.errors import CniError
from podberth.desk.doctor import FAIL, OK, WARN, Finding
from podberth.stores import chosen as choice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.cli.session import Session

AREA = "agent"


def look(session: Session, path: Path) -> Iterator[Finding]:
    """Yield what there is to say of the agent that listens at `path`, as --socket or PODBERTH_SOCKET names it."""
    told = os.environ.get("PODBERTH_SOCKET", "")
    if told:
        same = str(path) == told
        text = f"PODBERTH_SOCKET={told}" + ("" if same else f", and --socket {path} is looked at")
        todo = "" if same else "the shim that the runtime calls looks where the runtime's own environment says"
        yield Finding(area=AREA, name="variable", level=OK if same else WARN, text=text, todo=todo)
    elif str(path) != SOCKET:
        todo = f"set PODBERTH_SOCKET={path} for the container runtime too"
        text = f"{path}, and shims look at {SOCKET} unless they are told"
        yield Finding(area=AREA, name="variable", level=WARN, text=text, todo=todo)
    yield from _socket(session, path)


def _socket(session: Session, path: Path) -> Iterator[Finding]:
    try:
        is_socket = stat.S_ISSOCK(path.stat().st_mode)
    except OSError as wrong:
        yield _none(session, f"{path}: {wrong.strerror}")
        return
    if not is_socket:
        yield Finding(area=AREA, name="socket", level=FAIL, text=f"{path} is no socket", todo="remove it")
        return
    try:
        state = ask(path, "/v1/state")
    except (CniError, ValueError) as wrong:
        yield _none(session, str(getattr(wrong, "message", wrong)))
        return
    yield Finding(area=AREA, name="socket", level=OK, text=f"an agent answers at {path}")
    yield from judged(state)


def judged(state: dict[str, Any]) -> Iterator[Finding]:
    """Judge what the agent says of itself; what an older one does not say is not judged."""
    version = state.get("version", "")
    same = version == __version__
    todo = "" if same else "replace the agent (SIGHUP, or restart its unit), or this command line"
    text = f"podberth {version}" + ("" if same else f", and this is {__version__}")
    yield Finding(area=AREA, name="version", level=OK if same else WARN, text=text, todo=todo)
    for trouble in state.get("unready", ()):
        yield Finding(area=AREA, name="ready", level=FAIL, text=str(trouble), todo="see the areas store and cluster")
    if state.get("workers") and state.get("busy") == state["workers"] and state.get("waiting"):
        text = f"all {state['workers']} workers are busy, {state['waiting']} calls wait"
        yield Finding(area=AREA, name="workers", level=WARN, text=text, todo="`podberth top` shows the calls")
    else:
        text = f"{state.get('busy')} of {state.get('workers')} workers busy"
        yield Finding(area=AREA, name="workers", level=OK, text=text)


def _none(session: Session, why: str) -> Finding:
    try:
        needed = choice.chosen(session.state).store == choice.ETCD
    except CniError:
        needed = False
    text = f"no agent answers: {why}"
    if needed:
        todo = "start `podberth agent`: only an agent can reach a ledger in etcd"
        return Finding(area=AREA, name="socket", level=FAIL, text=text, todo=todo)
    todo = "start `podberth agent` if the shim is installed; the plugin alone works without one"
    return Finding(area=AREA, name="socket", level=WARN, text=text, todo=todo)
