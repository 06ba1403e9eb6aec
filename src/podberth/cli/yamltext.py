"""Documents as YAML text. Imports yaml: import it where it is needed."""

from __future__ import annotations

import yaml


def dump(*documents: object) -> str:
    """Return the documents as one YAML stream, keys in their own order."""
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=False, width=110)
