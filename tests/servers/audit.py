"""Who has asked an API server what: its own audit log, of one user alone.

Its metrics count all requests, also those that the server makes of itself: every ten seconds it looks whether its own
Service and the namespaces of the system are there.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COUNTED = "counted"  # the user
# audit.k8s.io/v1: the first rule that fits an event holds. A request is written down once it was answered.
_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "None", "verbs": ["watch"]},
        {"level": "Metadata", "users": [COUNTED]},
        {"level": "None"},
    ],
}


def options(folder: Path) -> list[str]:
    """Return what the API server is started with, after its policy is written."""
    policy = folder / "audit-policy.json"
    policy.write_text(json.dumps(_POLICY), encoding="utf-8")
    return [f"--audit-policy-file={policy}", f"--audit-log-path={folder / 'audit.log'}"]


def requests(folder: Path) -> Counter[tuple[str, str]]:
    """Return what the user has asked, by verb and resource ('pods/status').

    An answer is there a moment before it is counted here.
    """
    log = folder / "audit.log"
    whole = log.read_text(encoding="utf-8").rpartition("\n")[0].splitlines() if log.exists() else []
    found: Counter[tuple[str, str]] = Counter()
    for line in whole:
        event = json.loads(line)
        about = event.get("objectRef", {})
        if "resource" in about:
            resource = "/".join(about[part] for part in ("resource", "subresource") if about.get(part))
            found[event["verb"], resource] += 1
    return found
