"""Keyed sets of peers: who a selector chooses, as the API server says. A node hears of nobody else.

Each selector of pods that the policies of this node's pods name is a watch with that selector, shared by all policies
that have it: the server sends the pods that it chooses, and of these the addresses alone are kept that they say they
have. Whether these count is another's to decide (`believing`). Namespaces are chosen by a watch with their selector. A
set that nobody on this node needs any more is watched no more.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

from podberth import objects
from podberth.kube.follow import Follower
from podberth.kube.resources import NAMESPACES, PODS
from podberth.netpolicy.believed import Said
from podberth.netpolicy.pods import addresses_of
from podberth.networks.status import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from podberth.kube.client import Object
    from podberth.kube.resources import Resource
    from podberth.net.ops import Address
    from podberth.netpolicy.believed import PodKey
    from podberth.netpolicy.ruling import Peers

MOST = 32  # sets that the pods of one namespace on this node may need; one more is empty
FEW_NAMESPACES = 8  # up to so many are watched one by one where a selector chooses all of their pods
_ALIVE = "status.phase!=Succeeded,status.phase!=Failed"  # the addresses of others may be somebody else's by now


class PeerSets:
    """The sets that one API server's policies need on this node. `changed` is told which pods need a set that changed.

    Threads share it; but `tidy` and `close` wait for watches to end, so no watch may call them, and no ADD.
    """

    def __init__(self, kubeconfig: str, changed: Callable[[Iterable[PodKey]], None]) -> None:
        self._kubeconfig, self._changed = kubeconfig, changed
        self._guard = threading.Lock()
        self._needs: dict[PodKey, tuple[Peers, ...]] = {}
        self._watched: dict[_Source, _Watched] = {}
        self._ended: list[_Watched] = []

    def need(self, pod: PodKey, wanted: Sequence[Peers]) -> tuple[Peers, ...]:
        """Say what a pod needs, in place of what it needed; return what its namespace may not have any more."""
        with self._guard:
            others = (needs for other, needs in self._needs.items() if other[0] == pod[0] and other != pod)
            had = dict.fromkeys(one for needs in others for one in needs)
            whole = tuple(dict.fromkeys((*had, *wanted)))
            refused = tuple(one for one in whole[MOST:] if one in wanted)
            kept = tuple(one for one in wanted if one not in refused)
            if kept:
                self._needs[pod] = kept
            else:
                self._needs.pop(pod, None)
            self._follow()
        return refused

    def tidy(self) -> None:
        """End what is watched and not needed any more."""
        with self._guard:
            ended, self._ended = self._ended, []
        for each in ended:
            each.follower.close()

    def said(self, peers: Peers) -> tuple[Said, ...] | None:
        """Return the addresses that the pods of a set say they have; None if they are not known yet."""
        with self._guard:
            watched = [self._watched.get(source) for source in self._sources(peers)]
            spaces = self._watched.get(_spaces_of(peers)) if peers.namespaces else None
        if any(each is None or each.there is None for each in watched) or (spaces is not None and spaces.there is None):
            return None
        every = [(pod, has) for each in watched if each is not None for pod, has in (each.there or {}).items()]
        return tuple(
            Said(pod=pod, address=address)
            for pod, has in every
            if spaces is None or ("", pod[0]) in (spaces.there or {})
            for network, address in has
            if network in peers.networks
        )

    @property
    def followers(self) -> tuple[Follower, ...]:
        """Those that follow the sets that are needed."""
        with self._guard:
            return tuple(each.follower for each in self._watched.values())

    @property
    def trouble(self) -> str:
        """Why a set is not being heard of; '' if all are."""
        with self._guard:
            return next((each.follower.trouble for each in self._watched.values() if each.follower.trouble), "")

    def close(self) -> None:
        """Watch nothing more."""
        with self._guard:
            watched = [*self._watched.values(), *self._ended]
            self._watched, self._ended, self._needs = {}, [], {}
        for each in watched:
            each.follower.close()

    def _follow(self) -> None:
        """Begin to watch what is needed; put aside what is needed no more."""
        needed = {peers for needs in self._needs.values() for peers in needs}
        sources = {source for peers in needed for source in self._sources(peers)}
        sources |= {_spaces_of(peers) for peers in needed if peers.namespaces}
        for source in sources - self._watched.keys():
            made = self._watched[source] = _Watched(self._kubeconfig, source, self._heard)
            made.follower.start()
        self._ended += [self._watched.pop(source) for source in self._watched.keys() - sources]

    def _sources(self, peers: Peers) -> list[_Source]:
        """Return the watches of pods that a set is made of.

        Where all pods of some namespaces are chosen they are watched by namespace, as long as these are few.
        """
        if peers.namespaces is None:
            return [(PODS, peers.namespace, peers.pods)]
        spaces = self._watched.get(_spaces_of(peers)) if peers.namespaces else None
        if peers.pods or not peers.namespaces:
            return [(PODS, "", peers.pods)]
        chosen = spaces.there if spaces is not None and spaces.there is not None else {}
        if len(chosen) > FEW_NAMESPACES:
            return [(PODS, "", "")]
        return [(PODS, namespace, "") for _, namespace in sorted(chosen)]

    def _heard(self, source: _Source) -> None:
        """Tell of the pods that need what has changed."""
        with self._guard:
            pods = [pod for pod, needs in self._needs.items() if any(self._is_of(source, peers) for peers in needs)]
        if pods:
            self._changed(pods)

    def _is_of(self, source: _Source, peers: Peers) -> bool:
        return source in self._sources(peers) or (bool(peers.namespaces) and source == _spaces_of(peers))


_Source: TypeAlias = "tuple[Resource, str, str]"  # what is watched: in a namespace ('' is all), by a selector


def _spaces_of(peers: Peers) -> _Source:
    return NAMESPACES, "", peers.namespaces or ""


class _Watched:
    """What a watch says, as far as it matters (`kube.follow.Handler`): of pods their addresses, of namespaces nothing.

    `there` is None until it is known. It is replaced, not changed.
    """

    def __init__(self, kubeconfig: str, source: _Source, heard: Callable[[_Source], None]) -> None:
        self.there: dict[PodKey, tuple[tuple[str, Address], ...]] | None = None
        self._source, self._heard = source, heard
        resource, namespace, labels = source
        self.follower = Follower(
            objects.client(kubeconfig), resource, self, namespace=namespace, labels=labels,
            fields=_ALIVE if resource == PODS else "", kept=_parts,
        )  # fmt: skip

    def replace(self, items: Sequence[Object], resource_version: str) -> None:
        """Take these as all there are."""
        del resource_version
        self.there = {_key(item): addresses_of(item) for item in items}
        self._heard(self._source)

    def change(self, kind: str, item: Object) -> None:
        """Take one change; most of a pod's say nothing of its addresses."""
        had, key = self.there or {}, _key(item)
        now = None if kind == "DELETED" else addresses_of(item)
        if had.get(key) == now:
            return
        rest = {other: has for other, has in had.items() if other != key}
        self.there = rest if now is None else {**rest, key: now}
        self._heard(self._source)

    def reached(self, resource_version: str) -> None:
        """Take note of nothing."""


def _parts(items: Iterable[Object]) -> list[Object]:
    return list(map(_part, items))


def _part(item: Object) -> Object:
    """Return of a listed object what is kept: a cluster's pods in full need more memory than an agent has."""
    metadata = item["metadata"]
    said = (metadata.get("annotations") or {}).get(STATUS)
    return {
        "metadata": {
            "namespace": metadata.get("namespace", ""),
            "name": metadata["name"],
            "annotations": {STATUS: said} if said is not None else {},
        },
        "status": {"phase": item.get("status", {}).get("phase")},
    }


def _key(item: Object) -> PodKey:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
