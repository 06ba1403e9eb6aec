"""For which nodes, namespaces, pods and networks a pool is: label selectors as Kubernetes reads them. Pure.

It is a choice and no right: `allow` says who may use the pool. Source: Kubernetes "Labels and Selectors",
LabelSelector of meta/v1.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.cni.labels import Labels, LabelSelector


@value
class Affinity:
    """All that is said has to hold. `nodes` and `networks` are names, `namespaces` names or patterns with '*'.

    Empty, or None: said of none. The selectors are of the labels of nodes, namespaces and pods.
    """

    nodes: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    node_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    pod_selector: LabelSelector | None = None

    def lets(self, namespace: str) -> bool:
        """Say whether the pool is for the namespace by its name; a container without one ('') is meant by '*'."""
        return not self.namespaces or any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)


@value
class Place:
    """Where an interface is made, and for whom. The labels are asked for only if a selector looks at them.

    `pod` is how messages call it. Whoever asks may get an error: labels that are not known are not none.
    """

    node: str
    namespace: str
    pod: str
    network: str
    node_labels: Callable[[], Labels]
    namespace_labels: Callable[[], Labels]
    pod_labels: Callable[[], Labels]


def mismatch(affinity: Affinity, place: Place) -> str:
    """Return why a pool is not for the place, as the end of 'it is for'; '' if it is.

    Names are compared before any label is asked for. Raises what keeps the labels from being known.
    """
    namespace = f"namespace {place.namespace}" if place.namespace else "a container without a namespace"
    if affinity.networks and place.network not in affinity.networks:
        return f"networks {', '.join(affinity.networks)}, not for {place.network}"
    if affinity.nodes and place.node not in affinity.nodes:
        return f"nodes {', '.join(affinity.nodes)}, not for {place.node}"
    if not affinity.lets(place.namespace):
        return f"namespaces {', '.join(affinity.namespaces)}, not for {namespace}"
    for what, who, selector, labels in (
        ("nodes", f"node {place.node}", affinity.node_selector, place.node_labels),
        ("namespaces", namespace, affinity.namespace_selector, place.namespace_labels),
        ("pods", f"pod {place.pod}" if place.pod else "a container without a pod", affinity.pod_selector,
         place.pod_labels),
    ):  # fmt: skip
        if selector is None:
            continue
        has = labels()
        unmet = selector.unmet(has)
        if unmet:
            return f"{what} with {', '.join(unmet)}; {who} has {_shown(selector.keys, has)}"
    return ""


def _shown(keys: Sequence[str], labels: Labels) -> str:
    """Return of the labels those that a selector looks at."""
    return ", ".join(f"{key}={labels[key]}" if key in labels else f"no {key}" for key in keys)
