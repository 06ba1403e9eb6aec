"""A declaration's text, as a store or an export keeps it, read into the document that it is."""

from __future__ import annotations

import json

from podberth.cni.errors import InvalidConfig
from podberth.policy.documents import parse_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.policy.documents import Document


_AGAIN = "apply the document again: somebody has changed its text where it is kept"


def parsed(body: str, source: str, key: tuple[str, str, str] | None = None) -> Document:
    """Return the document that a text is. InvalidConfig, whatever it is instead: no text ends the thread that reads.

    With `key`: it is kept under that, and must be called so.
    """
    try:
        document = parse_document(json.loads(body), source, kept=True)
    except InvalidConfig:
        raise
    except Exception as wrong:  # noqa: BLE001 - not JSON, too deep, or a parser's mistake
        raise InvalidConfig(f"{source}: can't be read: {type(wrong).__name__}: {wrong}", _AGAIN) from None
    if key is not None and document.key != key:
        raise InvalidConfig(f"{source}: {document} is kept under the name of {' '.join(key)}", _AGAIN)
    return document
