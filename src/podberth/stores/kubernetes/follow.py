"""What changes in the Kubernetes API, as it changes: a watch for each resource, each in a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from podberth.cni.errors import CniError
from podberth.kube import errors, resources
from podberth.stores.kubernetes import objects
from podberth.stores.kubernetes.declared import KINDS, POLICIES
from podberth.stores.replica.shared import DocumentText, Outdated, Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.kube.client import Client
    from podberth.kube.resources import Resource
    from podberth.kube.watch import Change, Watch
    from podberth.stores.kubernetes.declared import Declarations

_NAMES = {"Pool": "pools", "PodNetwork": "podnetworks"}  # what positions call them


class Follow:
    """One run; `position` has where each resource's watch begins."""

    def __init__(
        self,
        client: Client,
        declarations: Declarations,
        position: str,
        take: Callable[[Seen], object],
        stopped: Callable[[], bool],
    ) -> None:
        self._client = client
        self._declarations = declarations
        self._versions = dict(part.split("=") for part in position.split(",") if "=" in part)
        self._take = take
        self._stopped = stopped
        self._ended = threading.Event()
        self._guard = threading.Lock()
        self._watches: set[Watch] = set()
        self._failure: CniError | Outdated | None = None

    def run(self) -> None:
        """Follow until stopped or interrupted. Raises Outdated, and whatever keeps it from going on."""
        others = [
            threading.Thread(target=self._kept, args=(resource, _NAMES[kind], kind), daemon=True)
            for kind, resource in KINDS.items()
        ]
        others.append(threading.Thread(target=self._kept, args=(resources.CONFIG_MAPS, "configmaps", ""), daemon=True))
        for each in others:
            each.start()
        self._kept(resources.ADDRESS_LEASES, "leases", "")
        for each in others:
            each.join()
        if self._failure is not None and not self._stopped():
            raise self._failure

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
            self._failure = Outdated()
        except CniError as failure:
            self._failure = failure
        finally:
            self.interrupt()

    def _once(self, resource: Resource, name: str, kind: str) -> None:
        labels = POLICIES if resource is resources.CONFIG_MAPS else ""
        with self._client.watch(resource, self._versions[name], labels=labels) as watch:
            with self._guard:
                self._watches.add(watch)
            try:
                for changes in watch:
                    if self._ended.is_set():
                        return
                    self._versions[name] = changes[-1].version
                    seen = self._seen(resource, kind, changes)
                    self._take(Seen(**seen, position=f"{name}={changes[-1].version}"))
            finally:
                with self._guard:
                    self._watches.discard(watch)

    def _seen(self, resource: Resource, kind: str, changes: tuple[Change, ...]) -> dict[str, Any]:
        told = [change for change in changes if change.kind != "BOOKMARK"]
        if resource is resources.ADDRESS_LEASES:
            return {"records": tuple(objects.read_lease(c.object) for c in told if c.kind != "DELETED")}
        if resource is resources.CONFIG_MAPS:
            found = [self._declarations.of_map(c.object, gone=c.kind == "DELETED") for c in told]
            return {"documents": tuple(one for documents in found for one in documents)}
        return {"documents": tuple(_document(change, kind) for change in told)}


def _document(change: Change, kind: str) -> tuple[DocumentText, int]:
    text, revision = objects.read_document(change.object, kind)
    if change.kind == "DELETED":
        return DocumentText(kind=kind, namespace=text.namespace, name=text.name, body=""), revision
    return text, revision
