"""What ConfigMaps declare, each namespace's within one budget (`policy.budget`): its oldest ConfigMaps have it first.

What a namespace's ConfigMaps come to is kept here, so that one that changes is read alone. Where the budget does not
hold all of them, or may not, the namespace's are listed anew: what one takes is not another's.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth.kube import resources
from podberth.policy.budget import Amount
from podberth.policy.bundle import LABEL, WANTED
from podberth.policy.permit import OPERATOR, role_of
from podberth.stores.kubernetes import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from podberth.kube.client import Client
    from podberth.stores.kubernetes.earlier import Earlier
    from podberth.stores.kubernetes.objects import Object
    from podberth.stores.replica.shared import Bundle

POLICIES = f"{LABEL}={WANTED}"  # the label of ConfigMaps


class Shares:
    """`home` is podberth's own namespace, which has no budget. Threads may share it."""

    def __init__(self, client: Client, home: str, earlier: Earlier) -> None:
        self._client = client
        self._home = home
        self._earlier = earlier
        self._guard = threading.Lock()
        self._amounts: dict[str, dict[str, Amount]] = {}  # by namespace and name
        self._full: set[str] = set()  # namespaces of which something is beyond the budget

    def all(self, config_maps: Sequence[Object]) -> tuple[Bundle, ...]:
        """Return what all ConfigMaps declare that there are."""
        with self._guard:
            self._amounts.clear()
            self._full.clear()
            by_namespace: dict[str, list[Object]] = {}
            for one in config_maps:
                by_namespace.setdefault(one["metadata"]["namespace"], []).append(one)
            return tuple(bundle for namespace, own in by_namespace.items() for bundle in self._read(namespace, own))

    def changed(self, news: Iterable[tuple[Object, bool]]) -> tuple[Bundle, ...]:
        """Return what ConfigMaps declare now, each of which is gone or not, and others to whom that matters."""
        with self._guard:
            return tuple(bundle for one, gone in news for bundle in self._changed(one, gone=gone))

    def others(self, namespace: str, name: str) -> Amount:
        """Return what the other ConfigMaps of the namespace come to."""
        with self._guard:
            return _sum(amount for other, amount in self._amounts.get(namespace, {}).items() if other != name)

    def _changed(self, config_map: Object, *, gone: bool) -> Iterator[Bundle]:
        namespace, name = config_map["metadata"]["namespace"], config_map["metadata"]["name"]
        earlier = self._earlier.digests()
        if role_of(namespace, self._home) == OPERATOR:
            yield objects.weighed_bundle(config_map, self._home, earlier, gone=gone, objects=self._earlier.objects)[0]
            return
        amounts = self._amounts.get(namespace)
        if amounts is None or namespace in self._full:
            yield from self._anew(namespace, config_map, gone=gone)
            return
        others = _sum(amount for other, amount in amounts.items() if other != name)
        bundle, amount = objects.weighed_bundle(config_map, self._home, earlier, gone=gone, others=others)
        if bundle.beyond:
            yield from self._anew(namespace, config_map, gone=gone)
            return
        amounts.pop(name, None)
        if not gone:
            amounts[name] = amount
        yield bundle

    def _anew(self, namespace: str, config_map: Object, *, gone: bool) -> Iterator[Bundle]:
        """Yield what every ConfigMap of the namespace declares, and that this one is gone, if it is."""
        own = self._client.list(resources.CONFIG_MAPS, namespace, labels=POLICIES).items
        name = config_map["metadata"]["name"]
        if all(one["metadata"]["name"] != name for one in own):
            yield objects.weighed_bundle(config_map, self._home, self._earlier.digests(), gone=True)[0]
        elif gone:
            pass  # there is another of that name by now, which is among them
        yield from self._read(namespace, own)

    def _read(self, namespace: str, config_maps: Iterable[Object]) -> list[Bundle]:
        earlier, bundles, amounts = self._earlier.digests(), [], {}
        free = role_of(namespace, self._home) == OPERATOR
        spent = Amount()
        for one in sorted(config_maps, key=lambda one: (objects.created(one), one["metadata"]["name"])):
            bundle, amount = objects.weighed_bundle(
                one, self._home, earlier, others=spent, objects=self._earlier.objects
            )
            bundles.append(bundle)
            amounts[one["metadata"]["name"]] = amount
            spent = spent if free else spent + amount
        self._amounts[namespace] = amounts
        self._full.discard(namespace)
        if any(bundle.beyond for bundle in bundles):
            self._full.add(namespace)
        return bundles


def _sum(amounts: Iterable[Amount]) -> Amount:
    total = Amount()
    for amount in amounts:
        total += amount
    return total
