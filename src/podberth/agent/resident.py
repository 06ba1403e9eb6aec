"""What the agent keeps between calls: the stores that calls have named, and what is still to be done in them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from podberth.agent.annotator import Annotator
from podberth.agent.claims import Claims
from podberth.agent.finisher import Finisher
from podberth.agent.hotplug import HotPlug
from podberth.agent.migrations import Migrations
from podberth.agent.objects import Objects
from podberth.agent.policies import PolicyDirectories
from podberth.agent.policing import Policing
from podberth.agent.sight import require_sight
from podberth.cni.call import Verb
from podberth.cni.errors import CniError, TryAgainLater
from podberth.cni.value import replace
from podberth.entry import Kept, handle
from podberth.ipam.outlook import sentence
from podberth.networks.settings import kubeconfig_of
from podberth.verbs.role import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from podberth.agent.frame import Call
    from podberth.agent.trace import Trace
    from podberth.cni.pod import Attachment
    from podberth.net.ops import Address
    from podberth.process.journal import Journal
    from podberth.verbs.node import Node


class Resident:
    """The nodes this agent serves, by the directory of their store. Threads share it.

    `moved` is told which addresses have moved to other nodes of a cluster, `journal` is the log. `anew` has
    this agent be replaced by a new one, once all that runs has ended: for a directory that stands for another store.
    `status_on` is what STATUS fails for by the operator's choice.
    """

    def __init__(
        self,
        not_finished: Callable[[Attachment, CniError], None],
        moved: Callable[[frozenset[Address]], None],
        journal: Journal,
        anew: Callable[[], None] = lambda: None,
        status_on: frozenset[str] = frozenset(),
    ) -> None:
        self._status_on = status_on
        self.hot_plug = HotPlug(
            self._of_networks,
            lambda about: journal.write("info", "networks changed", about),
            lambda why, about: journal.complain("error", "networks not changed", why, about),
            lambda why: journal.complain("warning", "hot plug", why),
        )
        self.objects = Objects(self._pod_changed)
        self.policing = Policing(self._of_networks, self._folders, self.objects.look, journal)
        self.annotator = Annotator(lambda why: journal.complain("warning", "network-status", why))
        self.claims = Claims(
            self._of_addresses,
            self._of_networks,
            self._folders,
            self._stands_by,
            lambda about: journal.write("info", "claim ended", about),
            lambda why: journal.complain("warning", "claims", why),
        )
        self.migrations = Migrations(
            self._of_networks,
            self._of_addresses,
            self.objects.look,
            self.claims.show,
            lambda about: journal.write("info", "migrated", about),
            lambda why: journal.complain("warning", "migrations", why),
        )
        self._kept = Kept(moved, self._equipped, self.objects.look)
        self._anew = anew
        self._of_calls: set[str] = set()  # meta plugins' stores, which a first ADD makes
        self.finisher = Finisher(self.node, not_finished, lambda why: journal.complain("error", "finisher", why))
        self.policies = PolicyDirectories(journal)

    @property
    def directories(self) -> tuple[str, ...]:
        """The stores that were used so far."""
        return self._kept.directories

    @property
    def away(self) -> int:
        """How many clusters' stores can't be reached now."""
        return len(self._kept.away)

    @property
    def trouble(self) -> str:
        """Why no ADD is served now: a cluster's store can't be reached, or knows another machine as this node."""
        return "; ".join((*map(sentence, self._kept.away), *self._kept.unproven))

    def _stands_by(self) -> None:
        self.migrations.expect()

    def _pod_changed(self, namespace: str, name: str) -> None:
        self.hot_plug.look(namespace, name)
        self.migrations.changed(namespace, name)
        self.policing.changed(namespace, name)

    def _of_networks(self) -> Iterator[AbstractContextManager[Node]]:
        """Yield the stores of meta plugins' calls."""
        for directory in self._folders():
            yield _opened(self.node(directory))

    def _folders(self) -> list[str]:
        return sorted(each for each in {*self.directories, *self._of_calls} if each.endswith(f"/{NETWORKS}"))

    def _of_addresses(self) -> Iterator[AbstractContextManager[Node]]:
        """Yield the stores of addresses."""
        for directory in self.directories:
            if not directory.endswith(f"/{NETWORKS}"):
                yield _opened(self.node(directory))

    def node(self, directory: str, given: Mapping[str, int] | None = None) -> Node:
        """Return the node whose store is in `directory`, for one use; its host is to be closed."""
        return self._kept.node(directory, given)

    def _equipped(self, directory: str, node: Node) -> Node:
        return replace(
            node,
            later=partial(self.finisher.add, directory),
            follow=partial(self.policies.follow, node, directory),
            status_on=self._status_on,
            annotate=self.annotator.put,
            show_claim=partial(self.claims.put, directory),
            guard=self.policing.guard,
        )

    def remember(self, directory: str) -> None:
        """Follow the directories of documents that the store in `directory` remembers."""
        node = self._kept.node(directory)
        try:
            self.policies.remember(node, directory)
        finally:
            node.host.close()

    def follow_networks(self) -> None:
        """Follow the API servers by whose objects pods have several networks: an annotation may have changed."""
        for opened in self._of_networks():
            with opened as node:
                records = node.attachments.all() if node.stored() else ()
            for kubeconfig in {kubeconfig_of(record.fields) for record in records}:
                if kubeconfig:
                    self.objects.follow(kubeconfig)
        self.policing.follow()

    def stores(self) -> list[dict[str, str]]:
        """Return which store each directory stands for; one that has changed makes way for the next agent."""
        found = []
        for directory in self.directories:
            about = {"directory": directory, "store": "", "state": "open", "message": ""}
            try:
                about["store"] = self._kept.choice_of(directory)
                self._same(directory)
            except CniError as wrong:
                about |= {"state": "changed" if self._kept.changed(directory) else "open", "message": wrong.message}
            found.append(about)
        return found

    def _same(self, directory: str) -> None:
        """Raise TryAgainLater if the directory stands for another store than the one that is open here.

        What runs ends with the old one. Whatever comes now is for the next agent, which begins with the new one: this
        one makes way for it as soon as that can be opened. Raises what keeps it from that.
        """
        if not self._kept.changed(directory):
            return
        kind = self._kept.choice_of(directory)
        self._anew()
        raise TryAgainLater(
            f"{directory} stands for another store since just now ({kind}): the agent begins anew with it",
            "ask again in a moment",
        )

    def close(self) -> None:
        """End what runs for the stores."""
        self.policing.close()
        self.objects.close()
        self._kept.close()

    def serve(self, call: Call, netns: int, trace: Trace) -> tuple[int, str]:
        """Serve one call; `netns` is a descriptor of the namespace at CNI_NETNS, or -1. It becomes this call's own.

        With STATUS it is one of the folder of namespaces, as the node has it.
        """
        given = {call.env.get("CNI_NETNS", ""): netns} if netns >= 0 else {}
        is_status = call.env.get("CNI_COMMAND") == Verb.STATUS

        def connect(directory: str) -> Node:
            self._same(directory)
            if directory.endswith(f"/{NETWORKS}"):
                self._of_calls.add(directory)
            if is_status and netns >= 0:
                node = self.node(directory)
                return trace.over(replace(node, usable=(*node.usable, partial(require_sight, netns))))
            node = self.node(directory, dict(given))
            given.clear()  # they are the host's now
            return trace.over(node)

        try:
            # What another IPAM plugin is called with besides: it is no business of the shim's.
            env = {**call.env, "PATH": os.environ.get("PATH", os.defpath)}
            return handle(env, call.stdin, call.plugin_type, connect)
        finally:
            for descriptor in given.values():
                os.close(descriptor)


@contextmanager
def _opened(node: Node) -> Iterator[Node]:
    try:
        yield node
    finally:
        node.host.close()
