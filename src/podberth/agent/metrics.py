"""What Prometheus is told of the agent. Label values are of a bounded number, whoever calls."""

from __future__ import annotations

import math
import pkgutil
from collections import Counter as Counted
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from podberth import __version__, plugins
from podberth.agent.policies import FAILED, IN_FORCE
from podberth.cni.call import Verb
from podberth.cni.errors import CniError
from podberth.netpolicy.standing import STATES
from podberth.process.metrics import Loops, Lost
from podberth.verbs.status import missing_parents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

    from podberth.agent.calls import Served
    from podberth.agent.policies import PolicyDirectories
    from podberth.agent.policing import Policing
    from podberth.agent.resource_claims import ResourceClaims
    from podberth.agent.service import Agent
    from podberth.agent.spans.exporter import Exporter
    from podberth.agent.upkeep import Found
    from podberth.devices.service import Devices
    from podberth.kube.follow import Follower
    from podberth.verbs.node import Node

SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OTHER = "other"
HEARD, UNHEARD = "heard", "unheard"
VERBS = frozenset(str(verb) for verb in Verb)
PLUGINS = frozenset(module.name for module in pkgutil.iter_modules(plugins.__path__))


class Metrics:
    """One agent's metrics, in a registry of their own. Observing a call takes some 15 microseconds."""

    def __init__(self, agent: Agent) -> None:
        self._registry = CollectorRegistry()
        into = self._registry
        self._calls = Counter("podberth_calls", "CNI calls served.", ("verb", "plugin", "code"), registry=into)
        self._seconds = Histogram(
            "podberth_call_seconds", "How long calls took.", ("verb", "plugin"), buckets=SECONDS, registry=into
        )
        self._kernel = Histogram(
            "podberth_call_kernel_seconds", "The kernel's part of it.", ("verb",), buckets=SECONDS, registry=into
        )
        self._upkeep = Counter("podberth_upkeep", "What looking after pods came to.", ("outcome",), registry=into)
        Gauge("podberth_build", "The version that runs.", ("version",), registry=into).labels(__version__).set(1)
        self._live("podberth_agent_workers", "Calls that can be under way at once.", lambda: agent.server.workers)
        self._live("podberth_agent_busy_workers", "Calls under way.", lambda: agent.server.busy)
        self._live(
            "podberth_agent_waiting_calls",
            "Calls in the backlog; NaN if unknown.",
            lambda: _known(agent.server.waiting),
        )
        self._live(
            "podberth_agent_begun_dels", "DELs answered and not ended yet.", lambda: agent.resident.finisher.waiting
        )
        self._live("podberth_cluster_stores_away", "Stores that can't be reached now.", lambda: agent.resident.away)
        self._live("podberth_drifted_attachments", "Not as made, at the last look.", lambda: agent.upkeep.drifted)
        self._registry.register(Pools(agent.nodes))
        self._registry.register(Directories(agent.resident.policies))
        self._registry.register(NetworkPolicies(agent.resident.policing))
        self._registry.register(NetworkDefinitions(lambda: agent.resident.objects.definitions))
        self._registry.register(
            Watches(lambda: (*agent.resident.objects.followers, *agent.resident.policing.followers))
        )
        self._registry.register(Loops())
        self._registry.register(Lost())
        ProcessCollector(registry=self._registry)

    def served(self, call: Served) -> None:
        """Count a call."""
        verb = call.verb if call.verb in VERBS else OTHER
        plugin = call.call.plugin_type if call.call.plugin_type in PLUGINS else OTHER
        self._calls.labels(verb, plugin, str(call.code)).inc()
        self._seconds.labels(verb, plugin).observe(call.seconds)
        self._kernel.labels(verb).observe(call.trace.seconds)

    def found(self, found: Found) -> None:
        """Count what upkeep came to."""
        self._upkeep.labels(found.outcome).inc()

    def claiming(self, claims: ResourceClaims) -> None:
        """Tell of the container runtime too: this agent serves resource claims."""
        self._live("podberth_runtime_connected", "Whether the runtime tells of pods (NRI).", lambda: claims.connected)
        what = "Devices of resource claims, by whether they can be used."
        self._registry.register(DeviceHealth("podberth_claim_devices", what, (), lambda: {(): claims.counts}))

    def giving(self, devices: Devices) -> None:
        """Tell of the kubelet's devices too: this agent gives them."""
        what = "Functions as the kubelet is shown them."

        def counts() -> dict[tuple[str, ...], tuple[int, int]]:
            return {(resource,): found for resource, found in devices.counts.items()}

        self._registry.register(DeviceHealth("podberth_kubelet_devices", what, ("resource",), counts))

    def sending(self, spans: Exporter) -> None:
        """Tell of spans too: this agent sends them."""
        from podberth.agent.spans.exporter import OUTCOMES

        self._live("podberth_spans_waiting", "Spans not sent yet.", lambda: spans.waiting)
        self._spans = Counter("podberth_spans", "What became of spans.", ("outcome",), registry=self._registry)
        for outcome in OUTCOMES:
            self._spans.labels(outcome)

    def spans(self, outcome: str, spans: int) -> None:
        """Count what became of spans."""
        self._spans.labels(outcome).inc(spans)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _live(self, name: str, what: str, ask: Callable[[], float]) -> None:
        Gauge(name, what, registry=self._registry).set_function(ask)


class Pools:
    """The use of the pools of every store, asked for when Prometheus asks."""

    def __init__(self, nodes: Callable[[], Iterator[Node]]) -> None:
        self._nodes = nodes

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        addresses = GaugeMetricFamily(
            "podberth_pool_addresses", "Addresses of a pool, by what they are.", labels=("pool", "family", "state")
        )
        attachments = GaugeMetricFamily("podberth_attachments", "Attachments recorded on this node.")
        given_up = GaugeMetricFamily(
            "podberth_reserves_given_up", "Stores on a full disk: their space for DELs is in use, and no ADD is served."
        )
        parents = GaugeMetricFamily(
            "podberth_parents_missing", "Links that live attachments stand on and that are gone."
        )
        count = full = gone = 0
        for node in self._nodes():
            try:
                records = node.attachments.all()
                count += len({record.attachment for record in records})
                full += bool(records) and node.room is not None and not node.room.held
                gone += len(missing_parents(node.host, records))
                for usage in node.ledger.usage():
                    for state, number in usage.shares.items():
                        addresses.add_metric((usage.pool, str(usage.family), state), number)
            except CniError:
                continue  # a store that can't be read has no figures; the calls say why
        attachments.add_metric((), count)
        given_up.add_metric((), full)
        parents.add_metric((), gone)
        yield from (addresses, attachments, given_up, parents)


class Directories:
    """The directories of documents, as they stand when Prometheus asks."""

    def __init__(self, policies: PolicyDirectories) -> None:
        self._policies = policies

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        directories = GaugeMetricFamily(
            "podberth_policy_directories",
            "Stores that follow a directory of documents, by how it stands.",
            labels=("directory", "state"),
        )
        counted: dict[tuple[str, str], int] = {}
        for standing in self._policies.standings():
            for state, holds in (
                ("in_force", standing.state == IN_FORCE),
                ("failed", standing.state == FAILED),
                ("unwatched", bool(standing.unwatched)),
            ):
                key = standing.directory, state
                counted[key] = counted.get(key, 0) + holds
        for labels, number in counted.items():
            directories.add_metric(labels, number)
        yield directories
        looks = CounterMetricFamily("podberth_policy_looks", "How often a directory's files were looked at.")
        looks.add_metric((), self._policies.looks)
        yield looks


class NetworkPolicies:
    """The policies of pods' networks, as they stand when Prometheus asks; nothing where none are followed."""

    def __init__(self, policing: Policing) -> None:
        self._policing = policing

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        silence = self._policing.silence
        if silence is None:
            return
        counts = Counted(one.state for one in self._policing.standings)
        policies = GaugeMetricFamily("podberth_network_policies", "Policies, by how they stand.", labels=("state",))
        for state in STATES:
            policies.add_metric((state,), counts[state])
        yield policies
        silent = GaugeMetricFamily(
            "podberth_watch_silence_seconds", "Seconds since the API server said anything in a watch.",
            labels=("resource",),
        )  # fmt: skip
        silent.add_metric(("multi-networkpolicies",), silence)
        yield silent


class NetworkDefinitions:
    """Definitions of networks that are kept, and those that are left out; nothing where none are followed."""

    def __init__(self, counted: Callable[[], tuple[int, int] | None]) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        found = self._counted()
        if found is None:
            return
        definitions = GaugeMetricFamily(
            "podberth_network_definitions", "NetworkAttachmentDefinitions, by whether they are kept.", labels=("state",)
        )
        for state, number in zip(("kept", "left out"), found, strict=True):
            definitions.add_metric((state,), number)
        yield definitions


class DeviceHealth:
    """How many of some devices can be used, and how many can't, as they were seen last."""

    def __init__(
        self, name: str, what: str, labels: tuple[str, ...],
        counts: Callable[[], Mapping[tuple[str, ...], tuple[int, int]]],
    ) -> None:  # fmt: skip
        self._name, self._what, self._labels, self._counts = name, what, labels, counts

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        devices = GaugeMetricFamily(self._name, self._what, labels=(*self._labels, "health"))
        for labels, found in self._counts().items():
            for state, number in zip(("healthy", "unhealthy"), found, strict=True):
                devices.add_metric((*labels, state), number)
        yield devices


class Watches:
    """What is followed of API servers, as it stands when Prometheus asks; nothing where nothing is followed."""

    def __init__(self, followers: Callable[[], Iterable[Follower]]) -> None:
        self._followers = followers

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        counts = Counted((one.plural, HEARD if one.synced.is_set() else UNHEARD) for one in self._followers())
        if not counts:
            return
        watches = GaugeMetricFamily(
            "podberth_watches", "Collections of API servers that are followed: read and heard, or not now.",
            labels=("resource", "state"),
        )  # fmt: skip
        for resource in sorted({resource for resource, _ in counts}):
            for state in (HEARD, UNHEARD):
                watches.add_metric((resource, state), counts[resource, state])
        yield watches


def _known(number: int | None) -> float:
    return math.nan if number is None else number
