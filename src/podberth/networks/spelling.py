"""Keys as programs in Go read them: `MAC` is `mac` there, so a document that Multus has read may say either. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.cni.fields import Fields


def spelled(fields: Fields, names: Iterable[str]) -> Fields:
    """Return the object with the `names` spelled as they are here. The document's error if one is there twice."""
    right = {name.lower(): name for name in names}
    found: dict[str, object] = {}
    for key, said in fields.raw.items():
        name = right.get(key.lower(), key)
        if name in found:
            raise fields.fail(key, f"it is there twice: capitals make no other key of {name}")
        found[name] = said
    return type(fields)(found, fields.path, fields.error)
