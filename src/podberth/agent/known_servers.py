"""Which API servers know the claims of a store, as a file beside it: an agent that starts has heard of none yet.

Each is named by a kubeconfig, as calls have named it.
"""

from __future__ import annotations

import json
from pathlib import Path

from podberth.cni import strictjson
from podberth.cni.errors import CniError
from podberth.process.whole import write_whole

NAME = "claims.json"  # in the folder of meta plugins' calls
MOST = 8  # kubeconfigs that are remembered; of more the newest
MOST_BYTES = 1 << 16


def known(folder: str) -> tuple[str, ...]:
    """Return the kubeconfigs; () if none was ever named, or the file can't be read."""
    try:
        with Path(folder, NAME).open("rb") as file:
            found = strictjson.loads(file.read(MOST_BYTES + 1), NAME, most=MOST_BYTES)
    except (OSError, CniError):
        return ()
    listed = found.get("kubeconfigs") if isinstance(found, dict) else None
    return tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()


def remember(folder: str, kubeconfig: str) -> None:
    """Remember one more. OSError if it can't be written."""
    before = known(folder)
    if kubeconfig in before:
        return
    text = json.dumps({"kubeconfigs": [*before[1 - MOST :], kubeconfig]})
    write_whole(str(Path(folder, NAME)), text.encode(), 0o600)
