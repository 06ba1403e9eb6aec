"""The networks in which peers' own word counts, as calls have said them last: a file beside the calls' store.

An agent that starts goes on with them. Pods' records may have an older configuration, and a call may be hours away.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cni import parsers, strictjson
from podberth.cni.errors import CniError
from podberth.process.whole import write_whole

if TYPE_CHECKING:
    from podberth.cni.parsers import Network

NAME = "peers.json"  # in the folder of meta plugins' calls
MOST = 8  # kubeconfigs that are remembered; of more the newest
MOST_BYTES = 1 << 16


def known(folder: str) -> dict[str, tuple[Network, ...]]:
    """Return them by kubeconfig; nothing of one of which they were never said, or can't be read."""
    try:
        with Path(folder, NAME).open("rb") as file:
            found = strictjson.loads(file.read(MOST_BYTES + 1), NAME, most=MOST_BYTES)
        listed = found["byStatus"] if isinstance(found, dict) else {}
        return {str(key): tuple(map(parsers.ip_prefix, each)) for key, each in listed.items()}
    except (OSError, CniError, LookupError, TypeError, ValueError, AttributeError):
        return {}


def remember(folder: str, kubeconfig: str, networks: tuple[Network, ...]) -> None:
    """Remember these for an API server, in place of what was. OSError if they can't be written."""
    before = known(folder)
    if before.get(kubeconfig) == networks:
        return
    rest = [(key, each) for key, each in before.items() if key != kubeconfig]
    now = dict([*rest[1 - MOST :], (kubeconfig, networks)])
    text = json.dumps({"byStatus": {key: [str(one) for one in each] for key, each in now.items()}})
    write_whole(str(Path(folder, NAME)), text.encode(), 0o600)
