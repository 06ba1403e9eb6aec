"""Asking a real server that may not be able to answer just now: it has just started, or the machine is busy.

Such a server says "not now" in many ways: it resets a connection, or says 429, 503, or that its own store took too
long. It is asked again until it serves. Whether it did what it was asked meanwhile is not known then. So "there
already" and "gone already" mean done, where a try went before.
"""

from __future__ import annotations

import http.client
import subprocess
import time
import urllib.error
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from podberth.kube import errors
from podberth.kube.client import JSON_PATCH, Call, Client
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.kube.client import Object

T = TypeVar("T")

_PAUSE = 0.2  # seconds between two tries
# Status codes of "not now" (RFC 9110, 15.5 and 15.6; etcd's gateway says 500 where a call has met its deadline).
_LATER = frozenset((408, 429, 500, 502, 503, 504))
# How kubectl tells of the same.
_WORDS = (
    "etcdserver: request timed out", "etcdserver: leader changed", "connection refused", "was refused",
    "connection reset by peer", "connection lost", "handshake timeout", "i/o timeout", "unexpected EOF",
    "Client.Timeout exceeded", "context deadline exceeded", "(ServiceUnavailable)", "(Timeout)", "(ServerTimeout)",
    "(TooManyRequests)", "currently unable to handle the request",
)  # fmt: skip
_WEBHOOK = "webhook"  # the server answers, and nobody behind it does: some tests are about that


class NotNow(Exception):
    """The server has not said what it was asked, and may have done it or not; the text is what it said instead."""


def answered(ask: Callable[[bool], T]) -> T:
    """Return what `ask` returns once it does not raise NotNow; it is told whether it was called before."""
    end, again = time.monotonic() + PATIENCE, False
    while True:
        try:
            return ask(again)
        except NotNow:
            if time.monotonic() > end:
                raise
        again = True
        time.sleep(_PAUSE)


def fetched(url: str, body: bytes, done: Sequence[str] = ()) -> bytes:
    """Return the answer to a POST of `body`; b"" if an earlier try did it, as one of the words `done` tells."""
    return answered(partial(_fetched, urllib.request.Request(url, body), done))


def _fetched(request: urllib.request.Request, done: Sequence[str], again: bool) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as refused:
        said = refused.read().decode(errors="replace")
        if refused.code in _LATER:
            raise NotNow(f"{request.full_url}: {refused.code} {said}") from refused
        if again and any(word in said for word in done):
            return b""
        raise AssertionError(f"{request.full_url}: {refused.code} {said}") from refused
    except (OSError, http.client.HTTPException) as broken:
        raise NotNow(f"{request.full_url}: {broken}") from broken


def kubectl(command: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run kubectl to its end, again while the server is what it fails of."""
    return answered(partial(_kubectl, command, stdin))


def _kubectl(command: Sequence[str], stdin: str, again: bool) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if done.returncode == 0:
        return done
    if _WEBHOOK not in done.stderr and any(word in done.stderr for word in _WORDS):
        raise NotNow(done.stderr)
    there = "create" in command and "(AlreadyExists)" in done.stderr
    gone = "delete" in command and "(NotFound)" in done.stderr
    if again and (there or gone):
        done.returncode = 0
    return done


class PatientClient(Client):
    """A client of podberth's that asks again, for operators, kubelets and others that a test is not about."""

    def call(self, call: Call) -> Object:
        """Make a call and return the object that answers it."""
        return answered(partial(self._asked, call))

    def _asked(self, call: Call, again: bool) -> Object:
        try:
            return super().call(call)
        except errors.WebhookDown:
            raise
        except errors.Unavailable as away:
            raise NotNow(str(away)) from away
        except errors.Unknown as lost:
            if call.content_type == JSON_PATCH:  # what it has added once it would add twice
                raise
            raise NotNow(str(lost)) from lost
        except errors.AlreadyExists:
            if not again or not call.name:
                raise
            return super().call(Call(verb="get", resource=call.resource, namespace=call.namespace, name=call.name))
        except errors.NotFound:
            if not again or call.verb != "delete":
                raise
            return {}
