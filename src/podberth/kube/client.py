"""The calls of a Kubernetes API (Kubernetes API concepts), on plain dictionaries. Threads share a client.

What a call can end with is in `errors`. A write is sent once: if its answer is lost, that is `Unknown`, and whoever
made it finds out. Reads are asked again.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from podberth.cni.value import value
from podberth.kube import errors
from podberth.kube.watch import Watch
from podberth.kube.wire import Lost, NotSent, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.errors import CniError
    from podberth.kube.resources import Resource
    from podberth.kube.wire import Access, Answer

    Object = dict[str, Any]

PAGE = 500  # objects of one answer
_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_LONGEST_WAIT = 10.0  # seconds in all that a server may have us wait (429, 503 with Retry-After)
_AGAIN = 3  # times that a read is asked, if it is lost


@value
class Listing:
    """The objects, and the resource version that a watch goes on from."""

    items: tuple[Object, ...]
    resource_version: str


class Client:
    """A client of one API server. `timeout` is in seconds, for each step of a call."""

    def __init__(self, access: Access, timeout: float = 10.0) -> None:
        self.access = access
        self._wire = Wire(access, timeout)

    def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        """Return one object. Raises NotFound."""
        return self._call("GET", resource, namespace, name)

    def list(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "", version: str = ""
    ) -> Listing:
        """Return all objects there are as of one moment: now, or not before `version` ('0': whatever is at hand)."""
        items: list[Object] = []
        found = Listing(items=(), resource_version="")
        for found in self.pages(resource, namespace, labels=labels, fields=fields, version=version):
            items += found.items
        return Listing(items=tuple(items), resource_version=found.resource_version)

    def pages(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "", version: str = ""
    ) -> Iterator[Listing]:
        """Yield what `list` returns, in pages. Raises Gone if that took longer than the server remembers."""
        asked = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields, "resourceVersion": version}
        while True:
            answer = self._call("GET", resource, namespace, query={k: v for k, v in asked.items() if v})
            metadata = answer["metadata"]
            yield Listing(items=tuple(answer.get("items") or ()), resource_version=metadata["resourceVersion"])
            if not metadata.get("continue"):
                return
            asked = {**asked, "continue": metadata["continue"], "resourceVersion": ""}

    def create(self, resource: Resource, made: Object, namespace: str = "", *, dry_run: bool = False) -> Object:
        """Create an object. Raises AlreadyExists."""
        return self._call("POST", resource, namespace, body=made, query=_dry(dry_run))

    def replace(self, resource: Resource, made: Object, *, subresource: str = "") -> Object:
        """Write an object in the place of the one it says (metadata.resourceVersion). Raises Conflict, NotFound."""
        metadata = made["metadata"]
        return self._call("PUT", resource, metadata.get("namespace", ""), metadata["name"], subresource, body=made)

    def merge_patch(
        self, resource: Resource, name: str, patch: Object, namespace: str = "", *, subresource: str = ""
    ) -> Object:
        """Change parts of an object (RFC 7386); Conflict if it is not of the patch's metadata.resourceVersion."""
        return self._call("PATCH", resource, namespace, name, subresource, body=patch, content_type=_MERGE)

    def apply(self, resource: Resource, made: Object, manager: str, *, force: bool = True) -> Object:
        """Have the object be as said, in what is said (server-side apply)."""
        metadata = made["metadata"]
        return self._call(
            "PATCH", resource, metadata.get("namespace", ""), metadata["name"], body=made, content_type=_APPLY,
            query={"fieldManager": manager, "force": "true" if force else "false"},
        )  # fmt: skip

    def delete(self, resource: Resource, name: str, namespace: str = "", *, uid: str = "", version: str = "") -> None:
        """Delete an object; only that with the uid, or as of the version. Raises NotFound, Conflict."""
        known = {key: said for key, said in (("uid", uid), ("resourceVersion", version)) if said}
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **({"preconditions": known} if known else {})}
        self._call("DELETE", resource, namespace, name, body=body)

    def watch(
        self, resource: Resource, version: str, namespace: str = "", *, labels: str = "", seconds: int = 300
    ) -> Watch:
        """Return a watch of what changes after `version`; the server ends it after `seconds`. Raises Gone."""
        query = {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": version}
        query |= {"timeoutSeconds": str(seconds)} | ({"labelSelector": labels} if labels else {})
        target = f"{resource.path(namespace)}?{urlencode(query)}"
        what = f"watch {resource.shown(namespace)}"
        secret = self.access.credentials.current()
        try:
            stream = self._wire.stream(secret, target, seconds + 30.0)
            if stream.status == 401 and self.access.credentials.refused(secret):
                stream.close()
                stream = self._wire.stream(self.access.credentials.current(), target, seconds + 30.0)
            if stream.status != 200:
                body = stream.rest()
                stream.close()
                raise errors.answered(what, stream.status, body, create=False)
        except (NotSent, Lost) as failure:
            raise errors.Unavailable(f"{self.access.server}: {failure}", "is the API server up?") from None
        return Watch(stream, what)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._wire.close()

    def _call(
        self,
        method: str,
        resource: Resource,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        *,
        body: Object | None = None,
        query: dict[str, str] | None = None,
        content_type: str = _JSON,
    ) -> Object:
        target = resource.path(namespace, name, subresource) + (f"?{urlencode(query)}" if query else "")
        named = name or (body or {}).get("metadata", {}).get("name", "")
        what = f"{method.lower()} {resource.shown(namespace, named)}"
        text = json.dumps(body, separators=(",", ":")).encode() if body is not None else b""
        answer = self._answered(what, method, target, text, content_type)
        if answer.status >= 300:
            raise errors.answered(what, answer.status, answer.body, create=method == "POST")
        try:
            said: Object = json.loads(answer.body)
        except ValueError as wrong:
            raise errors.Rejected(f"{what}: {self.access.server} answers with what is not JSON: {wrong}") from None
        return said

    def _answered(self, what: str, method: str, target: str, body: bytes, content_type: str) -> Answer:
        waited, lost, refused = 0.0, 0, False
        while True:
            secret = self.access.credentials.current()
            try:
                answer = self._wire.exchange(secret, method, target, body, content_type)
            except (NotSent, Lost) as failure:
                lost += 1
                self._give_up(what, failure, read=method == "GET", lost=lost)
                continue
            if answer.status == 401 and not refused and self.access.credentials.refused(secret):
                refused = True
                continue
            if answer.status == 429 or (answer.status == 503 and answer.retry_after):
                pause = _seconds(answer.retry_after)
                waited += pause
                if waited <= _LONGEST_WAIT:
                    time.sleep(pause)
                    continue
            return answer

    def _give_up(self, what: str, failure: NotSent | Lost, *, read: bool, lost: int) -> None:
        """Raise what a call that got no answer amounts to; return if it is to be made again."""
        if lost < _AGAIN and (read or isinstance(failure, NotSent)):
            time.sleep(random.uniform(0, 0.05 * 2**lost))  # noqa: S311 - jitter
            return
        raised: type[CniError] = errors.Unavailable if read or isinstance(failure, NotSent) else errors.Unknown
        raise raised(f"{what}: {self.access.server}: {failure}", "is the API server up?")


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 1.0
