"""What gRPC and etcd report when a call fails, and the errors it is translated to.

gRPC says UNAVAILABLE both for "there was no connection" and for "it broke before an answer came"; which of them it was
is in its text alone. A text that is not known counts as the second, which is never wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.process.reason import answered
from podberth.stores.replica.shared import Unreachable

if TYPE_CHECKING:
    from podberth.cni.errors import CniError
    from podberth.process.reach import Cause

_CODE = grpc.StatusCode
# Whether the request was carried out can't be told from these.
_LOST = frozenset({_CODE.UNAVAILABLE, _CODE.DEADLINE_EXCEEDED, _CODE.CANCELLED, _CODE.UNKNOWN, _CODE.INTERNAL})
_NOT_SENT = ("failed to connect to all addresses", "errors resolving", "DNS resolution failed")
# The second is what a server that does not accept our certificate looks like (TLS 1.3 tells us after the handshake).
_NO_TERMS = ("SSL_ERROR_SSL", "Unwrap failed")
# etcd's own words (api/v3rpc/rpctypes/error.go): the codes they come with are not the same in all of its versions.
_STALE_TOKENS = (
    "etcdserver: invalid auth token",
    "etcdserver: user name is empty",  # authentication was enabled after this client began without a token
    "etcdserver: revision of auth store is old",
)
_COMPACTED = "etcdserver: mvcc: required revision has been compacted"
_ADVICE = {
    "etcdserver: mvcc: database space exceeded": "compact and defragment etcd, then `etcdctl alarm disarm`",
    "etcdserver: permission denied": "grant the user's role readwrite on the prefix: `etcdctl role grant-permission`",
    "etcdserver: authentication failed, invalid user ID or password": "see username and passwordFile",
    "etcdserver: user name is empty": "this etcd wants a user: set username and passwordFile",
    "etcdserver: request is too large": "see etcd's --max-request-bytes",
    "etcdserver: too many operations in txn request": "see etcd's --max-txn-ops",
}


class Unknown(TryAgainLater):
    """Code 11: no answer came to a write; it may have been carried out, or may yet be. Read, to find out."""


class Compacted(StoreFailed):
    """Code 104: the history that was asked for is gone, at least up to `revision`. Read everything anew."""

    def __init__(self, message: str, revision: int) -> None:
        super().__init__(message, "read everything at one revision, then go on from there")
        self.revision = revision


def never_sent(failure: Any) -> bool:
    """Return whether the request certainly did not reach a server."""
    return failure.code() is _CODE.UNAVAILABLE and str(failure.details()).startswith(_NOT_SENT)


def no_connection(failure: Any) -> bool:
    """Return whether there was no connection, or it was broken off; a server that only is slow is another matter."""
    return failure.code() is _CODE.UNAVAILABLE


def lost(failure: Any) -> bool:
    """Return whether another endpoint, or the same one later, may well answer."""
    return failure.code() in _LOST


def stale_token(failure: Any) -> bool:
    """Return whether the request was turned away, untouched, because its token is not (or no longer) good."""
    return str(failure.details()).startswith(_STALE_TOKENS)


def no_authentication(failure: Any) -> bool:
    """Return whether a user was named to an etcd that has authentication switched off."""
    return str(failure.details()).startswith("etcdserver: authentication is not enabled")


def distrusted(failure: Any) -> bool:
    """Return whether a server is there but TLS did not come about: a certificate was not accepted, ours or its."""
    return never_sent(failure) and any(words in str(failure.details()) for words in _NO_TERMS)


def permission_denied(reason: str) -> bool:
    """Return whether a watch was ended because the user may not read there."""
    return "permission denied" in reason or "auth token" in reason


def why(failure: Any) -> str:
    """Return what gRPC says went wrong, without its preamble."""
    code, details = answered(failure) or ("", str(failure))
    said = details or code.lower().replace("_", " ")
    return said.rsplit("last error: ", 1)[-1].removeprefix("UNKNOWN: ").removeprefix("UNAVAILABLE: ")


def translated(endpoint: str, failure: Any, revision: int = 0) -> CniError:
    """Return an answer that is an error as the CNI error it amounts to; `revision` is what had been asked for."""
    said = why(failure)
    if said.startswith(_COMPACTED):
        return Compacted(f"etcd at {endpoint} has compacted revision {revision}", revision)
    if "too many requests" in said:
        return TryAgainLater(f"etcd at {endpoint} is overloaded: {said}", "see its disk's latency and its metrics")
    return refused(endpoint, said)


def refused(endpoint: str, said: str) -> StoreFailed:
    """Return the error for what etcd says no to, for good."""
    advice = next((advice for words, advice in _ADVICE.items() if words in said), "see etcd's own log")
    return StoreFailed(f"etcd at {endpoint} refused: {said}", advice)


def unknown(endpoint: str, failure: Any) -> Unknown:
    """Return the error for a write whose answer never came."""
    return Unknown(
        f"etcd at {endpoint} did not answer a write, which may have been done: {why(failure)}",
        "read before writing again; see whether etcd runs there and has a leader",
    )


def unreachable(tried: list[tuple[str, Any, Cause | None]]) -> CniError:
    """Return the error for when no endpoint did answer: each is named with its reason, and with its cause if known."""
    reasons = "; ".join(
        f"{endpoint}: {why(failure)}" if cause is None else f"{endpoint}: {cause.what} ({why(failure)})"
        for endpoint, failure, cause in tried
    )
    remedies = "; ".join(dict.fromkeys(cause.remedy for _, _, cause in tried if cause is not None))
    if all(cause.trust if cause is not None else distrusted(failure) for _, failure, cause in tried):
        return Unreachable(
            f"no endpoint of etcd agrees with this client on TLS: {reasons}",
            remedies
            or "caFile must have signed the endpoint's certificate, whose names must include the endpoint's host; "
            "certFile must be signed by the CA that etcd trusts",
        )
    return TryAgainLater(
        f"no endpoint of etcd answers: {reasons}", remedies or "see whether etcd runs there and has a leader"
    )
