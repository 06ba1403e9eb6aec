"""JSON as clusters' stores keep it. Whatever is there, a reader gets a form or StoreFailed. Pure."""

from __future__ import annotations

import json
from typing import Any

from podberth.cni.errors import StoreFailed


def packed(form: object) -> bytes:
    """Return a form as it is written."""
    return json.dumps(form, separators=(",", ":")).encode()


def parsed(value: bytes | str, what: str = "a value") -> dict[str, Any]:
    """Read the object that is written there. StoreFailed if it is none; `what` names it then."""
    form = _parsed(value, what)
    if not isinstance(form, dict):
        raise unreadable(what, "expected an object")
    return form


def parsed_list(value: bytes | str, what: str = "a value") -> list[Any]:
    """Read the list that is written there. StoreFailed if it is none; `what` names it then."""
    form = _parsed(value, what)
    if not isinstance(form, list):
        raise unreadable(what, "expected a list")
    return form


def _parsed(value: bytes | str, what: str) -> object:
    try:
        text = value.encode() if isinstance(value, str) else value
        form: object = json.loads(text)
        if b"\\ud" in text.lower():  # half a character is no text that a node's database can keep, or anybody be told
            json.dumps(form, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as wrong:
        raise unreadable(what, f"it is not JSON: {wrong}") from None
    return form


def unreadable(what: str, why: object) -> StoreFailed:
    """Return the error of a value in a cluster's store that is none; `what` names it."""
    return StoreFailed(f"the cluster's store: {what} can't be read: {why}", "was it written by hand?")
