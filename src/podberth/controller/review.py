"""AdmissionReview (admission.k8s.io/v1): what the API server asks, and how it is answered, as values. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podberth.cni import parsers, strictjson
from podberth.cni.errors import DecodingFailure
from podberth.cni.fields import Fields
from podberth.cni.value import value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.cni.errors import CniError

API_VERSION = "admission.k8s.io/v1"
MAX_BYTES = 16 * 1024 * 1024  # two objects of the most that etcd takes, with room for escapes
SHOWN = 4000  # characters of a message


@value
class Review:
    """One question. `new` is None for a DELETE, `old` for a CREATE; `user` is who asks the API server."""

    uid: str
    operation: str
    kind: str
    namespace: str
    name: str
    user: str
    new: Mapping[str, Any] | None
    old: Mapping[str, Any] | None

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def parse_review(body: bytes) -> Review:
    """Read a review. DecodingFailure names the field that is wrong."""
    document = Fields(strictjson.loads(body, "review", DecodingFailure, most=MAX_BYTES), "review", DecodingFailure)
    document.required("apiVersion", parsers.choice(API_VERSION))
    request = document.child("request")
    if request is None:
        raise document.fail("request", "required field is missing")
    kind = request.child("kind")
    new, old = request.child("object"), request.child("oldObject")
    if kind is None or (new is None and old is None):
        raise request.fail("object" if kind else "kind", "required field is missing")
    about = (new or old or kind).child("metadata")
    user = request.child("userInfo")
    return Review(
        uid=request.required("uid", parsers.text),
        operation=request.required("operation", parsers.choice("CREATE", "UPDATE", "DELETE")),
        kind=kind.required("kind", parsers.text),
        namespace=request.get("namespace", parsers.text, ""),
        name=request.get("name", parsers.text, "") or (about.get("name", parsers.text, "") if about else ""),
        user=user.get("username", parsers.text, "") if user is not None else "",
        new=new.raw if new is not None else None,
        old=old.raw if old is not None else None,
    )


def answer(uid: str, refusal: CniError | None) -> bytes:
    """Return the answer: allowed, or refused with the refusal's message, as the API server hands it to who asked."""
    response: dict[str, object] = {"uid": uid, "allowed": refusal is None}
    if refusal is not None:
        # No reason: of one that is Invalid, kubectl 1.20 shows the details alone, and here are none.
        response["status"] = {"code": 422, "message": _told(refusal)}
    return json.dumps({"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response}).encode()


def _told(refusal: CniError) -> str:
    """Return all of it: the command line shows conflicts on lines of their own, kubectl one text."""
    text = "; ".join(getattr(refusal, "conflicts", ()) or (refusal.message,))
    if refusal.details and not hasattr(refusal, "conflicts"):
        text = f"{text}; {refusal.details}"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
