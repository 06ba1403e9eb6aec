"""Keeps reservations published as IPAMClaims. It is level-driven: what is there is compared with what should be.

Nobody relies on these claims but who reads them. So one that can't be written stops nothing, and is tried again.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, TryAgainLater
from podberth.cni.ipam_claim import SHOWN, SHOWN_AS
from podberth.controller.published import differing
from podberth.desk.claims import POOL
from podberth.kube import errors
from podberth.kube.resources import IPAM_CLAIMS
from podberth.process.reason import Reason, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from podberth.controller.published import Key, Object
    from podberth.kube.client import Client

LOOK = 60.0  # seconds between two looks while nothing changes


class Publishing:
    """`count` is told of each claim that was written or ended, `told` what went wrong, once for each reason."""

    def __init__(self, client: Client, count: Callable[[str], None], told: Callable[[Reason], None]) -> None:
        self._client, self._count, self._told = client, count, told
        self._last: Mapping[Key, Object] | None = None
        self._next = 0.0
        self._complained: frozenset[Reason] = frozenset()

    def level(self, wanted: Mapping[Key, Object]) -> None:
        """Have exactly these claims be there, as far as they are podberth's. TryAgainLater if the server is away."""
        if wanted == self._last and monotonic() < self._next:
            return
        try:
            there = self._client.list(IPAM_CLAIMS, labels=f"{SHOWN}={SHOWN_AS}").items
        except errors.NotFound as missing:
            self._complain({Reason("IPAMClaims can't be published: the API server has no such kind", missing.details)})
            return
        changes = differing(wanted, there)
        tried = [self._try(lambda one=one: self._make(one), one) for one in changes.made]  # type: ignore[misc]
        tried += [self._try(lambda now=now, one=one: self._change(now, one), one) for now, one in changes.changed]  # type: ignore[misc]
        tried += [self._try(lambda one=one: self._end(one), one) for one in changes.ended]  # type: ignore[misc]
        self._complain({why for why in tried if why is not None})
        self._last, self._next = wanted, monotonic() + LOOK

    def _try(self, write: Callable[[], None], one: Object) -> Reason | None:
        """Return why it could not be written; None if it was, or need not be any more."""
        try:
            write()
        except TryAgainLater:
            raise
        except (errors.NotFound, errors.Conflict):
            return None  # it, or its namespace, is not there now; the next look is at what is there then
        except errors.AlreadyExists:
            return Reason(
                f"IPAMClaim {_named(one)} is somebody else's: it does not have the label {SHOWN}",
                "delete it, or give it that label, to have the reservation shown by it",
            )
        except CniError as refusal:
            return reason(refusal).within(f"IPAMClaim {_named(one)}")
        self._count("published")
        return None

    def _make(self, one: Object) -> None:
        body = {key: one[key] for key in ("apiVersion", "kind", "metadata", "spec")}
        self._client.create(IPAM_CLAIMS, body, one["metadata"]["namespace"])
        self._show(one)

    def _change(self, now: Object, one: Object) -> None:
        labels = {POOL: one["metadata"]["labels"][POOL]}
        body = {"metadata": {"resourceVersion": now["metadata"]["resourceVersion"], "labels": labels}}
        patched = {**body, "spec": one["spec"]}
        metadata = one["metadata"]
        if now.get("spec") != one["spec"] or now["metadata"]["labels"].get(POOL) != labels[POOL]:
            self._client.merge_patch(IPAM_CLAIMS, metadata["name"], patched, metadata["namespace"])
        self._show(one)

    def _show(self, one: Object) -> None:
        metadata = one["metadata"]
        body = {"status": one["status"]}
        self._client.merge_patch(IPAM_CLAIMS, metadata["name"], body, metadata["namespace"], subresource="status")

    def _end(self, one: Object) -> None:
        metadata = one["metadata"]
        self._client.delete(IPAM_CLAIMS, metadata["name"], metadata["namespace"], uid=metadata["uid"])

    def _complain(self, reasons: set[Reason]) -> None:
        for why in sorted(reasons - self._complained):
            self._count("failed")
            self._told(why)
        self._complained = frozenset(reasons)


def _named(one: Object) -> str:
    return f"{one['metadata']['namespace']}/{one['metadata']['name']}"
