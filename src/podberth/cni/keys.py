"""The keys of a network configuration that are a plugin's own: each with its reader, and what it says. Pure.

One table of a plugin is what its configuration is read by, and what `lint`, completion and the reference know of it.
"""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from podberth.cni.fields import Fields

TEXT, NUMBER, BOOLEAN, OBJECT, LIST, ANY = "text", "number", "boolean", "object", "list", "any"


@value
class Key:
    """One key. `kind`: what JSON has there. `read`: a parser (`cni.parsers`). `what`: a sentence for people.

    `required`: the configuration is refused without it. Else `default` is what it is when it is not said.
    """

    name: str
    kind: str
    read: Callable[[Any], Any]
    what: str
    default: Any = None
    required: bool = False

    def of(self, fields: Fields) -> Any:
        """Return what the configuration says. The document's error names the key, if it is wrong or missing."""
        if self.required:
            return fields.required(self.name, self.read)
        return fields.get(self.name, self.read, self.default)


def kinds(keys: Iterable[Key]) -> dict[str, str]:
    """Return what JSON has under each key, by the key's name."""
    return {key.name: key.kind for key in keys}


def read(fields: Fields, keys: Iterable[Key]) -> dict[str, Any]:
    """Return what the configuration says of each key, by the key's name. The document's error as `Key.of`."""
    return {key.name: key.of(fields) for key in keys}
