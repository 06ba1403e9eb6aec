"""The texts of policies that hold while a newer one has mistakes, as a file: an agent that starts goes on with them.

It is in a folder of meta plugins' calls, and is written only while there is such a text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podberth.process.whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Text = Mapping[str, Any]

NAME = "policies.json"
MOST_BYTES = 4 << 20  # of all texts; those that do not fit are not remembered


def remembered(folders: Iterable[str], kubeconfig: str) -> tuple[Text, ...]:
    """Return the texts of the API server of a kubeconfig; what can't be read is not remembered."""
    found = (one for folder in folders for one in _read(folder).get(kubeconfig, ()))
    return tuple(one for one in found if isinstance(one, dict) and isinstance(one.get("metadata"), dict))


def remember(folder: str, kubeconfig: str, texts: Iterable[Text]) -> None:
    """Remember exactly these of the API server's. OSError if they can't be written."""
    before = _read(folder)
    kept: list[Text] = []
    left = MOST_BYTES - len(json.dumps({key: each for key, each in before.items() if key != kubeconfig}))
    for text in texts:
        left -= len(json.dumps(text)) + 2
        if left > 0:
            kept.append(text)
    if kept == before.get(kubeconfig, []):
        return
    now = {**before, kubeconfig: kept} if kept else {key: each for key, each in before.items() if key != kubeconfig}
    write_whole(str(Path(folder, NAME)), json.dumps(now).encode(), 0o600)


def _read(folder: str) -> dict[str, list[Text]]:
    try:
        with Path(folder, NAME).open("rb") as file:
            found = json.loads(file.read(2 * MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return {key: each for key, each in found.items() if isinstance(each, list)} if isinstance(found, dict) else {}
