"""A directory of documents that is kept in force: noticed when it changes, read, applied as one set.

It runs at every ADD of a network with `policyDir`: when nothing changed, one look at the directory and one question to
the store, without importing a parser of YAML. The documents themselves are in the store, as if applied by hand.
"""

from __future__ import annotations

import os

from podberth.cni.errors import CniError, InvalidConfig, StoreFailed, TryAgainLater
from podberth.policy.changes import Followed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.ipam.lease import Actor
    from podberth.policy.documents import Document
    from podberth.policy.store import Policies

_ENDINGS = (".yaml", ".yml", ".json")


def sync(policies: Policies, path: str, actor: Actor) -> str:
    """Bring the directory into force if it changed; return why it is not in force, empty if it is.

    A directory that can't be read, or conflicts, leaves the last good set in force. Raises StoreFailed, TryAgainLater.
    """
    return bring(policies, path, actor).failure


def bring(policies: Policies, path: str, actor: Actor) -> Followed:
    """Do as `sync`, and return what was seen; without a fingerprint if it has to be looked at again in any case."""
    known = policies.followed(path)
    try:
        found = fingerprint(path)
    except OSError as wrong:
        found = f"unreadable: {wrong.strerror}"
    if known is not None and known.fingerprint == found:
        return known
    seen = _brought(policies, path, actor, found)
    if seen != known:
        policies.follow(path, seen)
    return seen


def fingerprint(path: str) -> str:
    """Return what changes when a document file does: names, sizes, times, inodes. Raises OSError.

    Links are followed (a ConfigMap's files are links through `..data`); sub-directories and hidden files are not.
    """
    seen = []
    for file in _files(path):
        at = os.stat(os.path.join(path, file))
        seen.append(f"{file} {at.st_size} {at.st_mtime_ns} {at.st_dev}:{at.st_ino}")
    return "\n".join(seen) or "empty"


def load(path: str) -> tuple[Document, ...]:
    """Read every document of the directory, in order of file name. InvalidConfig names file, document and field."""
    from podberth.policy import yamlfiles
    from podberth.policy.documents import parse_documents

    documents: tuple[Document, ...] = ()
    try:
        for file in _files(path):
            full = os.path.join(path, file)
            with open(full, "rb") as stream:
                raws = yamlfiles.load(stream, full)
            documents += parse_documents(raws, f"directory: {full}")
    except OSError as wrong:
        raise InvalidConfig(
            f"{wrong.filename}: can't be read: {wrong.strerror}",
            "the agent has to be able to read it",
        ) from None
    return documents


def names(path: str) -> list[str]:
    """Return the names in the directory that a document file may have, whatever is there now. Raises OSError."""
    return [name for name in os.listdir(path) if _is_name(name)]


def _files(path: str) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if _is_name(e.name) and e.is_file())


def _is_name(name: str) -> bool:
    return name.endswith(_ENDINGS) and name[0] != "."


def _brought(policies: Policies, path: str, actor: Actor, found: str) -> Followed:
    """Apply the directory; the fingerprint was taken before, so that a later change is noticed."""
    from podberth.policy.admission import Conflicts

    source = f"directory: {path}"
    try:
        documents = load(path)
        if not documents:
            kept = policies.apply((), actor, source=source, prune=True, dry_run=True).deleted
            if kept:
                return Followed(
                    fingerprint=found,
                    failure=f"{path} has no documents any more; {len(kept)} documents that came from it stay in force",
                )
        policies.apply(documents, actor, source=source, prune=True)
    except Conflicts as conflicts:  # may go away without a change of the files: never taken as seen
        return Followed(fingerprint="", failure=f"{path}: {conflicts.message}")
    except (StoreFailed, TryAgainLater):
        raise
    except CniError as wrong:
        return Followed(fingerprint=found, failure="; ".join(filter(None, (wrong.message, wrong.details))))
    return Followed(fingerprint=found)
