"""What one run of the command line works with: the state directory, its node, and who is asking."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cli import when
from podberth.cli.failures import NotFound
from podberth.cli.screen import Cell, Screen
from podberth.cli.text import printable
from podberth.cni.errors import CniError, IOFailure
from podberth.desk.form import placed, rfc3339
from podberth.ipam.lease import Actor
from podberth.stores.chosen import chosen, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.verbs.node import Node

STATE_DIR = "/var/lib/podberth"
STORE = "podberth.db"


class Session:
    """One run. `connect` opens a node's parts; the store is opened at the first question, not before."""

    def __init__(self, state: str, connect: Callable[[str], Node]) -> None:
        self.state = state
        self.tolerant = False  # whether the command is a question that the last that is known answers
        self._connect = connect
        self._node: Node | None = None
        self._missed: tuple[str, int] | None = None

    @property
    def store(self) -> Path:
        """The store's file, whether or not it is there."""
        return Path(self.state, STORE)

    def exists(self) -> bool:
        """Say whether there is a store, or a cluster's is named. IOFailure if this user may not know."""
        try:
            return self.store.is_file() or Path(path_of(self.state)).is_file()
        except OSError as wrong:
            raise IOFailure(
                f"{self.store}: {wrong.strerror}", "run as root, or name a store of yours with --state"
            ) from None

    @property
    def node(self) -> Node:
        """The node of a store that exists. NotFound if there is none: a mistyped --state makes no empty one."""
        if self._node is None and not self.exists():
            raise NotFound(
                f"there is no store in {self.state}",
                "`podberth apply` makes it, or the first ADD; or name another directory with --state",
            )
        return self.made()

    def made(self) -> Node:
        """Return the node, its store made if it is not there yet."""
        if self._node is None:
            self._node = self._connect(self.state)
            if self._node.outlook is not None:
                self._node.outlook.tolerant = self.tolerant
        return self._node

    @property
    def away(self) -> str:
        """Why the cluster's store was not asked for the answer; '' if it was."""
        return self._known[0]

    def missed(self, why: str, as_of: int) -> None:
        """Take note that the store is away, for a command that asks it by other means than the node."""
        self._missed = why, as_of

    @property
    def _known(self) -> tuple[str, int]:
        outlook = self._node.outlook if self._node is not None else None
        if self._missed is None and outlook is not None:
            return outlook.away, outlook.as_of
        return self._missed or ("", 0)

    def reservation(self) -> str:
        """Return in words from when the answer is, and why; '' if it is the store's own."""
        why, as_of = self._known
        if not why:
            return ""
        outlook = self._node.outlook if self._node is not None else None
        lacks = "; only the last event of each address is known here" if outlook is not None and outlook.partial else ""
        return f"as of {when.local(as_of) if as_of else 'an unknown time'}, the store is away: {why}{lacks}"

    @property
    def cluster(self) -> str:
        """The cluster of this node, among several that share its ledger; '' for the first, or the only one."""
        try:
            return chosen(self.state).cluster
        except CniError:
            return ""

    def close(self) -> None:
        """Let go of the namespaces that were opened: a pod's would outlive it."""
        if self._node is not None:
            self._node.host.close()

    def show(self, as_json: bool, document: object, draw: Callable[[Screen], None]) -> None:
        """Print the document for programs, or let `draw` write for people; with what the answer lacks, if it does."""
        lacks = self.reservation()
        if as_json:
            document = placed(document, self.cluster)
            if lacks and isinstance(document, dict):
                why, as_of = self._known
                since = rfc3339(as_of) if as_of else None
                document = {**document, "as_of": since, "asOf": since, "away": why}
            sys.stdout.write(json.dumps(document, indent=2) + "\n")
            return
        screen = Screen()
        if lacks:
            screen.line(Cell(lacks, "yellow"))
        draw(screen)


def actor(node: Node, why: str) -> Actor:
    """Return who changes the ledger, for the auditor."""
    return Actor(who=asking(), why=printable(why), node=node.name)


def asking() -> str:
    """Return the user in the ledger's words: 'uid 0 (root)', with whom sudo knows behind it."""
    import pwd

    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user need not have a name
        name = "unnamed"
    sudo = os.environ.get("SUDO_USER", "")
    return f"uid {uid} ({name})" + (f", sudo by {sudo}" if sudo and sudo.isprintable() and sudo != name else "")
