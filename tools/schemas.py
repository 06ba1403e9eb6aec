"""The JSON Schemas of the answers, in docs/schemas: `python tools/schemas.py` writes them.

They are made of the types that the answers are written by, so that no key is in no schema.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from podberth import desk
from podberth.desk.form import Answer, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"


def answers() -> Iterator[type[Answer]]:
    """Yield every kind of answer of the room."""
    for found in pkgutil.iter_modules(desk.__path__):
        module = importlib.import_module(f"{desk.__name__}.{found.name}")
        for kind in vars(module).values():
            own = isinstance(kind, type) and kind.__module__ == module.__name__
            if own and issubclass(kind, Answer) and kind is not Answer:
                yield kind


def files() -> dict[str, str]:
    """Return the text of each file, by its name."""
    return {f"{kind.SCHEMA.replace('/', '-')}.json": json.dumps(schema(kind), indent=2) + "\n" for kind in answers()}


def main() -> None:
    """Write them all; take away those of no answer."""
    FOLDER.mkdir(exist_ok=True)
    made = files()
    for path in FOLDER.glob("*.json"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
