"""What one run of the command line works with: the state directory, its node, and who is asking."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cli.failures import NotFound
from podberth.cli.screen import Screen
from podberth.cni.errors import IOFailure
from podberth.ipam.lease import Actor
from podberth.stores.chosen import path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.verbs.node import Node

STATE_DIR = "/var/lib/podberth"
STORE = "podberth.db"


class Session:
    """One run. `connect` opens a node's parts; the store is opened at the first question, not before."""

    def __init__(self, state: str, connect: Callable[[str], Node]) -> None:
        self.state = state
        self._connect = connect
        self._node: Node | None = None

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
        return self._node

    def close(self) -> None:
        """Let go of the namespaces that were opened: a pod's would outlive it."""
        if self._node is not None:
            self._node.host.close()

    def show(self, as_json: bool, document: object, draw: Callable[[Screen], None]) -> None:
        """Print the document for programs, or let `draw` write for people."""
        if as_json:
            sys.stdout.write(json.dumps(document, indent=2) + "\n")
        else:
            draw(Screen())


def actor(node: Node, why: str) -> Actor:
    """Return who changes the ledger, for the auditor."""
    return Actor(who=asking(), why=why, node=node.name)


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
