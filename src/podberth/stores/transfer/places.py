"""Which store a path stands for: a state directory's, or the one that a file in the form of `store.json` names."""

from __future__ import annotations

import os

from podberth.cni import strictjson
from podberth.cni.errors import InvalidConfig, IOFailure
from podberth.cni.fields import Fields
from podberth.stores import chosen as choice
from podberth.stores.member import connected
from podberth.stores.transfer.cluster import ClusterStore
from podberth.stores.transfer.node import NodeStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.stores.chosen import Chosen


def opened(path: str, *, readonly: bool) -> NodeStore | ClusterStore:
    """Return the store at a path, not read yet. InvalidConfig names the file and the field at fault."""
    if path.endswith(".json") and not os.path.exists(path):
        raise InvalidConfig(f"there is no file {path}", "it names the target, as a store.json does: docs/migrate.md")
    found = _named(path) if os.path.isfile(path) else choice.chosen(path)
    if found.store == choice.SQLITE:
        if os.path.isfile(path):
            raise InvalidConfig(f"{path}: names no cluster's store", "name the state directory instead")
        return NodeStore(path, readonly=readonly)
    return ClusterStore(connected(found), f"the {found.store} store of {path}")


def _named(path: str) -> Chosen:
    try:
        with open(path, "rb") as stream:
            data = stream.read(strictjson.MAX_BYTES + 1)
    except OSError as wrong:
        raise IOFailure(f"{path}: {wrong.strerror}", "name a file that can be read") from None
    return choice.parse(Fields(strictjson.loads(data, path, InvalidConfig), path))
