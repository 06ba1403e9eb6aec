"""What changes in the Kubernetes API, as it changes: a watch for each resource, each in a thread of its own.

A server that is frozen, or a host that is gone without a word, ends no connection. So one more thread asks it something
cheap while no watch says anything, and what is silent for too long is away.
"""

from __future__ import annotations

import threading
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.cni.value import replace
from podberth.kube import errors, resources
from podberth.kube.watch import BOOKMARK, DELETED, watch
from podberth.process.errand import Errand
from podberth.stores.kubernetes import objects
from podberth.stores.kubernetes.copies import FOLLOWED
from podberth.stores.kubernetes.declared import KINDS
from podberth.stores.replica.position import numbers, position_of
from podberth.stores.replica.shared import DocumentText, Outdated, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.kube.client import Client
    from podberth.kube.resources import Resource
    from podberth.kube.watch import Watch
    from podberth.stores.kubernetes.declared import Declarations
    from podberth.stores.kubernetes.objects import Object

_NAMES = {"Pool": "pools", "PodNetwork": "podnetworks"}  # what positions call them
QUIET, SILENT = 10.0, 30.0  # seconds without a word: after which the server is asked; after which it is away


class Follow:
    """One run; `position` has where each resource's watch begins. `quiet`, `silent`: seconds, see QUIET and SILENT."""

    def __init__(
        self,
        client: Client,
        declarations: Declarations,
        position: str,
        take: Callable[[Seen], object],
        stopped: Callable[[], bool],
        *,
        quiet: float = QUIET,
        silent: float = SILENT,
    ) -> None:
        self._quiet, self._silent = quiet, silent
        self._heard = monotonic()  # when the server said anything last
        self._client = client
        self._declarations = declarations
        self._versions = {name: str(number) for name, number in numbers(position).items()}
        self._take = take
        self._stopped = stopped
        self._ended = threading.Event()
        self._guard = threading.Lock()
        self._watches: set[Watch] = set()
        self._failure: Exception | None = None

    def run(self) -> None:
        """Follow until stopped or interrupted. Raises Outdated, and whatever keeps it from going on."""
        others: list[Callable[[], None]] = [self._listen]
        others += [partial(self._kept, resource, _NAMES[kind], kind) for kind, resource in KINDS.items()]
        others.append(partial(self._kept, resources.CONFIG_MAPS, "configmaps", ""))
        begun: list[Errand] = []
        try:
            begun.extend(map(Errand, others))
            self._kept(resources.ADDRESS_LEASES, "leases", "")
        finally:
            self.interrupt()  # also if a thread could not be begun
            for errand in begun:
                errand.wait()
        if self._failure is not None and not self._stopped():
            raise self._failure

    @property
    def trouble(self) -> str:
        """Why the server counts as away, by the age of its last word; '' if it does not."""
        silence = monotonic() - self._heard
        return f"Kubernetes API: it has said nothing for {int(silence)} s" if silence > self._silent else ""

    def interrupt(self) -> None:
        """End all of it, from any thread."""
        self._ended.set()
        with self._guard:
            for watch in self._watches:
                watch.close()

    def _kept(self, resource: Resource, name: str, kind: str) -> None:
        try:
            while not self._ended.is_set() and not self._stopped():
                self._once(resource, name, kind)
        except errors.Gone:
            self._failure = self._failure or Outdated()
        except Exception as failure:  # noqa: BLE001 - whatever it is, `run` raises it, and its caller begins anew
            self._failure = self._failure or failure
        finally:
            self.interrupt()

    def _listen(self) -> None:
        """Ask the server something while it says nothing by itself; end the run if it answers no more."""
        while not self._ended.wait(self._quiet):
            if monotonic() - self._heard < self._quiet:
                continue
            try:
                self._client.date()
                self._heard = monotonic()
            except CniError:
                if trouble := self.trouble:
                    self._failure = self._failure or errors.Unavailable(trouble)
                    self.interrupt()

    def _once(self, resource: Resource, name: str, kind: str) -> None:
        labels = FOLLOWED if resource is resources.CONFIG_MAPS else ""
        watching = watch(self._client, resource, self._versions[name], labels=labels)
        self._heard = monotonic()
        with self._guard:
            self._watches.add(watching)
            if self._ended.is_set():
                watching.close()
        try:
            for changes in watching.batches():
                self._heard = monotonic()
                self._versions[name] = version = changes[-1][1]["metadata"]["resourceVersion"]
                news = [change for change in changes if change[0] != BOOKMARK]
                self._take(replace(self._seen(resource, kind, news), position=position_of({name: int(version)})))
        except errors.Unavailable:
            if self._ended.is_set():
                return
            raise
        finally:
            with self._guard:
                self._watches.discard(watching)

    def _seen(self, resource: Resource, kind: str, news: list[tuple[str, Object]]) -> Seen:
        if resource is resources.ADDRESS_LEASES:
            return objects.read_leases(item for what, item in news if what != DELETED)
        if resource is resources.CONFIG_MAPS:
            return Seen(bundles=self._declarations.changed((item, what == DELETED) for what, item in news))
        return Seen(
            documents=tuple(_document(what, item, kind) for what, item in news),
            approved=tuple(objects.read_approved(item, kind, gone=what == DELETED) for what, item in news),
        )


def _document(what: str, found: Object, kind: str) -> tuple[DocumentText, int]:
    text, revision = objects.read_document(found, kind)
    if what == DELETED:
        return DocumentText(kind=kind, namespace=text.namespace, name=text.name, body=""), revision
    return text, revision
