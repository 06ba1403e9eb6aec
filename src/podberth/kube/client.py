"""Calls of a Kubernetes API: one method per verb, objects as plain dicts, every failure one of `errors`.

Source: Kubernetes API concepts (resource URIs, limit and continue, patches, server-side apply, dry-run, timeouts).
A write is sent once: only what the server certainly did not act on is sent again (429, and 401 with other credentials).
"""

from __future__ import annotations

import json
import re
import time
from calendar import timegm
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

from podberth.cni.value import value
from podberth.kube import errors
from podberth.kube.resources import source
from podberth.kube.wire import Lost, NotSent, Wire
from podberth.process.jitter import between
from podberth.process.reach import own_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from podberth.cni.errors import CniError
    from podberth.kube.credentials import Secret
    from podberth.kube.resources import Resource
    from podberth.kube.wire import Access, Answer, Stream

    Object: TypeAlias = dict[str, Any]

PAGE = 500  # objects of a list asked for at once, as kubectl does
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # of which JSON is a part
_METHODS = {"get": "GET", "list": "GET", "create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}
_DATE = re.compile(r"\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LEAST_WAIT = 0.05  # seconds, where the server says 429 and not for how long
_ERRORS: Mapping[int, type[CniError]] = {
    400: errors.Invalid,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.Gone,
    413: errors.Invalid,
    422: errors.Invalid,
    429: errors.Unavailable,
    503: errors.Unavailable,  # of a server or balancer that has passed the request to nobody
}
# What grants every right that podberth asks for.
RIGHTS = "`kubectl apply -k` an overlay of deploy/ of this version"
# How the API server says that it serves no such resource, in a group that it knows, and in one that it does not.
_NO_KIND = ("could not find the requested resource", "404 page not found")
# How the API server says that it got no answer of a webhook, which comes before anything is written.
_WEBHOOK = ("failed calling webhook", "failed to call webhook", "failed calling admission webhook")


@value
class Listing:
    """What a list came to: the objects, and the version of the collection they are of, to watch from."""

    items: Sequence[Object]
    resource_version: str


@value
class Call:
    """One request: the RBAC `verb`, the resource and object it is about, the query, what is sent."""

    verb: str
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = JSON

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.verb not in ("get", "list", "watch")

    @property
    def target(self) -> str:
        """Return path and query."""
        # A new object's name is not in the path.
        name = "" if self.verb == "create" else self.name
        path = self.resource.path(self.namespace, name, self.subresource)
        given = [(key, given) for key, given in self.query if given]
        return f"{path}?{urlencode(given)}" if given else path

    def __str__(self) -> str:
        return f"{self.verb} {self.resource.shown(self.namespace, self.name)}"


@value
class Heard:
    """The server's time (`date`, ns since the epoch) in an answer that came at this uptime (ns) after a wait (ns)."""

    date: int
    at: int
    waited: int


class Client:
    """A client of one API server, for any number of threads.

    `timeout`: seconds for each step of a call (connect, send, each read); the server is told to give up a write then.
    `patience`: seconds a call may wait in all because the server said 429.
    """

    def __init__(self, access: Access, *, timeout: float = 5.0, patience: float = 5.0) -> None:
        self._wire = Wire(access, timeout)
        self._credentials = access.credentials
        self._limit = (("timeout", f"{max(1, int(timeout))}s"),)
        self._patience = patience
        self.dated: Heard | None = None  # by the latest answer
        self.namespace = access.namespace

    def get(self, resource: Resource, name: str, namespace: str = "", *, subresource: str = "") -> Object:
        """Return an object. Raises NotFound."""
        return self.call(Call(verb="get", resource=resource, namespace=namespace, name=name, subresource=subresource))

    def list(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "", limit: int = PAGE
    ) -> Listing:
        """Return all objects that the selectors choose, as they are at one version, fetched `limit` at a time.

        If the server forgets that version half-way, the list is fetched once more, in one piece.
        """
        chosen = (("labelSelector", labels), ("fieldSelector", fields))
        try:
            pages = tuple(self._pages(resource, namespace, chosen, limit))
        except errors.Gone:
            pages = tuple(self._pages(resource, namespace, chosen, 0))
        items = [item for page in pages for item in page.items]
        return Listing(items=items, resource_version=pages[-1].resource_version)

    def cached(self, resource: Resource, *, labels: str) -> Listing:
        """Return the objects that the labels choose, as the API server's watch cache has them: etcd is not read."""
        query = (("labelSelector", labels), ("resourceVersion", "0"))
        page = self.call(Call(verb="list", resource=resource, query=query))
        return Listing(items=page["items"], resource_version=page["metadata"]["resourceVersion"])

    def create(self, resource: Resource, body: Object, namespace: str = "", *, dry_run: bool = False) -> Object:
        """Create an object; `apiVersion` and `kind` may be left out. Raises AlreadyExists."""
        full = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        name = body.get("metadata", {}).get("name", "")
        query = (("dryRun", "All" if dry_run else ""), *self._limit)
        return self._write("create", resource, name, namespace, full, query=query)

    def replace(self, resource: Resource, body: Object, *, subresource: str = "") -> Object:
        """Put an object in the place of the one of its name. Raises Conflict if that has another resourceVersion."""
        full = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        name, namespace = body["metadata"]["name"], body["metadata"].get("namespace", "")
        return self._write("update", resource, name, namespace, full, subresource=subresource)

    def merge_patch(
        self, resource: Resource, name: str, patch: Object, namespace: str = "", *, subresource: str = ""
    ) -> Object:
        """Merge `patch` into an object (RFC 7386). Raises Conflict if it names another metadata.resourceVersion."""
        return self._write("patch", resource, name, namespace, patch, subresource=subresource, kind=MERGE_PATCH)

    def json_patch(
        self, resource: Resource, name: str, patch: Sequence[Object], namespace: str = "", *, subresource: str = ""
    ) -> Object:
        """Do the operations of `patch` on an object (RFC 6902). Raises Invalid if a `test` among them fails."""
        return self._write("patch", resource, name, namespace, patch, subresource=subresource, kind=JSON_PATCH)

    def apply(
        self, resource: Resource, body: Object, *, manager: str, subresource: str = "", force: bool = True,
        dry_run: bool = False,
    ) -> Object:  # fmt: skip
        """Server-side apply: the fields of `body` are `manager`'s. Raises Conflict without `force` if they are not."""
        full = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        name, namespace = body["metadata"]["name"], body["metadata"].get("namespace", "")
        query = (
            ("fieldManager", manager),
            ("force", "true" if force else ""),
            ("dryRun", "All" if dry_run else ""),
            *self._limit,
        )
        return self._write(
            "patch", resource, name, namespace, full, subresource=subresource, query=query, kind=APPLY_PATCH
        )

    def delete(
        self, resource: Resource, name: str, namespace: str = "", *, uid: str = "", resource_version: str = ""
    ) -> Object:
        """Delete an object. Raises NotFound; Conflict if it has not this uid or resourceVersion."""
        preconditions = {"uid": uid or None, "resourceVersion": resource_version or None}
        given = {key: wanted for key, wanted in preconditions.items() if wanted}
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"} | ({"preconditions": given} if given else {})
        return self._write("delete", resource, name, namespace, options)

    def call(self, call: Call) -> Object:
        """Make a call and return the object that answers it; all others come to this one."""
        until = time.monotonic() + self._patience
        again = not call.writes  # what only reads may be asked once more
        while True:
            secret = self._credentials.current()
            asked = _uptime()
            try:
                answer = self._wire.exchange(secret, _METHODS[call.verb], call.target, call.body, call.content_type)
            except NotSent as failure:
                raise errors.Unavailable(f"Kubernetes API: {call}: {failure}", failure.remedy) from None
            except Lost as failure:
                if not again:
                    raise _lost(call, failure) from None
                again = False
                continue
            if (date := http_date(answer.date)) is not None:
                now = _uptime()
                self.dated = Heard(date=date, at=now, waited=now - asked)
            if answer.status < 300:
                return _decoded(call, answer.body)
            if not self._try_again(answer, secret, until):
                raise refusal(call, answer.status, answer.body, secret)

    def date(self) -> str:
        """Return the server's clock, as the Date header of an answer has it; '' if it says none. Raises Unavailable."""
        try:
            return self._wire.exchange(self._credentials.current(), "GET", "/version", b"", "").date
        except (NotSent, Lost) as failure:
            raise errors.Unavailable(f"Kubernetes API: {failure}", failure.remedy) from None

    def open(self, call: Call, seconds: float) -> Stream:
        """Start a call whose answer comes bit by bit; `seconds` of silence end it."""
        secret = self._credentials.current()
        try:
            stream = self._wire.stream(secret, call.target, seconds)
            if stream.status == 401 and self._credentials.refused(secret):
                stream.close()
                stream = self._wire.stream(self._credentials.current(), call.target, seconds)
            if stream.status >= 300:
                body = stream.rest()
                stream.close()
                raise refusal(call, stream.status, body, secret)
        except (NotSent, Lost) as failure:
            raise errors.Unavailable(f"Kubernetes API: {call}: {failure}", failure.remedy) from None
        return stream

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._wire.close()

    def _try_again(self, answer: Answer, secret: Secret, until: float) -> bool:
        """Return, after a wait if one was asked for, whether the same call may be made again."""
        if answer.status == 401:
            return time.monotonic() < until and self._credentials.refused(secret)
        if answer.status != 429:
            return False
        asked = float(answer.retry_after) if answer.retry_after.isdecimal() else _LEAST_WAIT
        wait = asked + between(0, _LEAST_WAIT)  # so that not all come back at once
        if time.monotonic() + wait > until:
            return False
        time.sleep(wait)
        return True

    def pages(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "", limit: int = PAGE
    ) -> Iterator[Listing]:
        """Yield what `list` returns page by page, all of one version. Raises Gone if that is forgotten half-way."""
        chosen = (("labelSelector", labels), ("fieldSelector", fields))
        return self._pages(resource, namespace, chosen, limit)

    def _pages(
        self, resource: Resource, namespace: str, chosen: tuple[tuple[str, str], ...], limit: int
    ) -> Iterator[Listing]:
        token = ""
        while True:
            query = (*chosen, ("limit", str(limit or "")), ("continue", token))
            page = self.call(Call(verb="list", resource=resource, namespace=namespace, query=query))
            yield Listing(items=page["items"], resource_version=page["metadata"]["resourceVersion"])
            token = page["metadata"].get("continue", "")
            if not token:
                return

    def _write(
        self, verb: str, resource: Resource, name: str, namespace: str, body: object, *, subresource: str = "",
        query: tuple[tuple[str, str], ...] = (), kind: str = JSON,
    ) -> Object:  # fmt: skip
        return self.call(
            Call(
                verb=verb,
                resource=resource,
                namespace=namespace,
                name=name,
                subresource=subresource,
                query=query or self._limit,
                body=json.dumps(body, separators=(",", ":")).encode(),
                content_type=kind,
            )
        )


def refusal(call: Call, code: int, body: bytes | Object, secret: Secret | None = None) -> CniError:
    """Return the error that a Status, or whatever else answered with `code`, stands for; `secret`: who has asked."""
    message, reason = _status(body)
    said = f"Kubernetes API: {call}: {message or f'answered {code}'}"
    if code == 409 and reason == "AlreadyExists":
        return errors.AlreadyExists(said)
    if code == 403 and reason in ("", "Forbidden") and "denied the request" not in message:
        group = call.resource.group or '""'
        what = call.resource.plural + (f"/{call.subresource}" if call.subresource else "")
        return errors.Forbidden(
            said, f"RBAC must grant: verb {call.verb}, resource {what}, API group {group}: {RIGHTS}"
        )
    if code == 401:
        old = own_certificate(secret.certificate.encode()) if secret is not None and secret.certificate else None
        advice = "see the token or the client certificate of the kubeconfig: is it of this cluster, and still valid?"
        return errors.Unauthorized(said, f"{old.what}: {old.remedy}" if old is not None else advice)
    if code == 404 and any(words in message for words in _NO_KIND):
        return errors.NotFound(said, f"{call.resource.kind} is not installed: {source(call.resource)}")
    if code >= 500 and any(words in message for words in _WEBHOOK):
        return errors.WebhookDown(said, "nothing was changed; see whether that webhook runs (docs/controller.md)")
    kind = _ERRORS.get(code)
    if kind is not None:
        return kind(said)
    if code >= 500:
        return errors.Unknown(said) if call.writes else errors.Unavailable(said)
    return errors.Rejected(f"{said} ({code})")


def _status(body: bytes | Object) -> tuple[str, str]:
    """Return message and reason of a Status; of an answer that is none, its beginning."""
    status: Any = body
    if isinstance(body, bytes):
        try:
            status = json.loads(body)
        except ValueError:
            return ascii(body[:200])[2:-1], ""
    return (str(status.get("message", "")), str(status.get("reason", ""))) if isinstance(status, dict) else ("", "")


def _decoded(call: Call, body: bytes) -> Object:
    try:
        found = json.loads(body)
    except ValueError as wrong:
        found = str(wrong)
    if isinstance(found, dict):
        return found
    raise errors.Unknown(f"Kubernetes API: {call}: the answer is no JSON object: {found!s:.100}")


def _lost(call: Call, failure: Lost) -> CniError:
    if call.writes:
        return errors.Unknown(f"Kubernetes API: {call}: sent, and the answer was lost: {failure}", failure.remedy)
    return errors.Unavailable(f"Kubernetes API: {call}: {failure}", failure.remedy)


def http_date(text: str) -> int | None:
    """Return a Date header's time (RFC 9110, 5.6.7: IMF-fixdate) in ns since the epoch; None if it is none."""
    found = _DATE.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[n]) for n in (1, 3, 4, 5, 6))
    return timegm((year, _MONTHS.index(found[2]) + 1, day, hour, minute, second)) * 10**9


def _uptime() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
