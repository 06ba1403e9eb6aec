"""Definitions of networks as an agent keeps them, of the whole cluster: of one namespace so many, and so much. Pure.

Tenants may write definitions. A namespace with more of them has its oldest kept. So who floods a namespace pushes out
nothing that was there before, and nothing of another namespace. A pod that selects one that is left out is told so.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from podberth.cni.errors import Refused
from podberth.networks.legs import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.kube.client import Object

MOST, MOST_TEXT = 256, 4 << 20  # of one namespace: definitions, and characters of all their texts
_NAMES = ("namespace", "name", "uid", "resourceVersion", "creationTimestamp", "annotations", "deletionTimestamp")


class Definitions:
    """All that are kept, by namespace and name. One thread changes them; others read."""

    def __init__(self, items: Iterable[Object] = ()) -> None:
        self._of: dict[str, dict[str, Object]] = {}
        self._text: Counter[str] = Counter()  # characters, by namespace
        self._left_out: Counter[str] = Counter()
        for item in items:
            self.put(item, new=True)

    def __len__(self) -> int:
        return sum(map(len, tuple(self._of.values())))

    @property
    def left_out(self) -> int:
        """How many there are that are not kept."""
        return sum(tuple(self._left_out.values()))

    def find(self, namespace: str, name: str) -> Object | None:
        """Return the definition, None if it is not kept."""
        return self._of.get(namespace, {}).get(name)

    def put(self, item: Object, *, new: bool) -> None:
        """Keep what is made or has changed; of a namespace with too many the youngest is left out."""
        namespace, name = _key(item)
        kept = self._of.setdefault(namespace, {})
        if name in kept:
            self._text[namespace] -= _size(kept[name])
        elif not new and self._left_out[namespace]:
            self._left_out[namespace] -= 1
        kept[name] = definition(item)
        self._text[namespace] += _size(kept[name])
        while len(kept) > MOST or self._text[namespace] > MOST_TEXT:
            youngest = max(kept.values(), key=_age)
            del kept[youngest["metadata"]["name"]]
            self._text[namespace] -= _size(youngest)
            self._left_out[namespace] += 1

    def remove(self, item: Object) -> None:
        """Keep it no more: it was deleted."""
        namespace, name = _key(item)
        gone = self._of.get(namespace, {}).pop(name, None)
        if gone is not None:
            self._text[namespace] -= _size(gone)
        elif self._left_out[namespace]:
            self._left_out[namespace] -= 1
        if not self._of.get(namespace):
            self._of.pop(namespace, None)

    def known(self, namespace: str) -> bool:
        """Say whether what is not kept of a namespace is not there; False where the API server has to be asked.

        That is so where others have been deleted since some were left out. Refused if there is no room for more.
        """
        if not self._left_out.get(namespace):
            return True
        if len(self._of.get(namespace, {})) >= MOST or 2 * self._text.get(namespace, 0) > MOST_TEXT:
            raise Refused(
                f"namespace {namespace} has more NetworkAttachmentDefinitions than an agent keeps of one: the {MOST}"
                f" oldest, with {MOST_TEXT >> 20} MiB of text; the pod selects one that is not kept",
                f"delete those that nobody uses: `kubectl get network-attachment-definitions -n {namespace}"
                " --sort-by=.metadata.creationTimestamp` has the youngest last",
            )
        return False


def definition(item: Object) -> Object:
    """Return what is kept of a definition: of a text that is too long to be served no more than tells so."""
    about, spec = item["metadata"], item.get("spec") or {}
    config = spec.get("config") if isinstance(spec, dict) else None
    return {
        "metadata": {key: about[key] for key in _NAMES if key in about},
        "spec": {"config": config[: MOST_BYTES + 1]} if isinstance(config, str) else spec,
    }


def _size(item: Object) -> int:
    return len(str(item["metadata"].get("annotations") or "")) + len(str(item["spec"]))


def _age(item: Object) -> tuple[str, str]:
    """Return when it was made (RFC 3339, so in order as texts), and its name: of a second many may be."""
    about = item["metadata"]
    return str(about.get("creationTimestamp") or ""), str(about["name"])


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]
