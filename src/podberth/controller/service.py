"""The controller as a process: its replica, its election, its sweeps, its signals.

SIGTERM gives the lead back; anything else may kill it at any moment.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily

from podberth import __version__
from podberth.cni.errors import CniError
from podberth.cni.value import value
from podberth.controller.effects import Effects
from podberth.controller.sweep import Settings, Sweep
from podberth.controller.watched import Watched
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.kube.events import Recorder
from podberth.kube.leader import Candidate
from podberth.process.certificate import renewing
from podberth.process.loop import Loop
from podberth.process.metrics import Loops, Lost
from podberth.process.pages import METRICS, Pages, alive, on_tcp, ready
from podberth.process.reason import Reason
from podberth.stores.clock import NodeClock
from podberth.stores.kubernetes.opinion import Dated
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.feed import Feed
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from podberth.ipam.lease import Usage
    from podberth.process.certificate import Served
    from podberth.process.journal import Journal

LEASE = "podberth-controller"
_TROUBLE = "the next sweep tries again; `podberth doctor --cluster` says what the cluster lacks"
SWEEP = 1800.0  # seconds that a sweep may take, of the largest cluster


@value
class Options:
    """Times in seconds: `interval` between sweeps, `archiving` between those of the history. `home`: its namespace.

    `metrics` is where its pages are, by HTTPS with a `certificate`.
    """

    kubeconfig: str
    home: str
    interval: float
    archiving: float
    settings: Settings
    metrics: tuple[str, int] | None
    certificate: Served | None = None
    context: str = ""


class Controller:
    """All parts of one controller."""

    def __init__(self, options: Options, journal: Journal) -> None:
        self._options = options
        self._journal = journal
        self._folder = tempfile.TemporaryDirectory(prefix="podberth-controller-")
        name = os.uname().nodename
        self._client = Client(load(options.kubeconfig, options.context))
        cluster = KubernetesCluster(self._client, options.home, f"controller {name}")
        proposer = Proposer(Replica(self._folder.name, told=self._told), cluster, name, current=False)
        self._feed = Feed(proposer, self._told)
        self._watched = Watched(self._client)
        self._candidate = Candidate(self._client, options.home, LEASE, f"{name}_{uuid.uuid4()}", self._changed)
        recorder = Recorder(self._client, "podberth-controller", name)
        effects = Effects(self._client, proposer, recorder, name, options.home)
        self._metrics = Metrics(self, ClusterLedger(proposer, clock=NodeClock((Dated(self._client),))))
        self._sweep = Sweep(
            self._client, cluster, proposer, effects, options.settings, facts=self._watched.facts,
            leading=lambda: self._candidate.leading, count=self._metrics.count, told=self._told,
        )  # fmt: skip
        self._archived = -options.archiving
        self._loop = Loop("sweeps", self._turn, self._told, bound=SWEEP)
        self.swept = 0  # sweeps that were done
        self.pages: Pages | None = None
        if options.metrics is not None:
            shown = {"/metrics": self._metrics.page, "/healthz": alive, "/readyz": ready(self._away)}
            tls = None if options.certificate is None else options.certificate.context
            self.pages = Pages(on_tcp(options.metrics), shown, self._told, tls=tls)
        self._renewing = (
            None if options.certificate is None else renewing(options.certificate, self._renewed, self._told)
        )

    @property
    def leading(self) -> bool:
        """Whether this one sweeps."""
        return self._candidate.leading

    @property
    def silences(self) -> dict[str, float]:
        """For how long (seconds) each watch has said nothing, by resource."""
        return self._watched.silences

    def start(self) -> None:
        """Begin to follow, and to run for leader."""
        self._feed.start()
        self._watched.start()
        self._candidate.start()
        self._loop.start()
        if self.pages is not None:
            self.pages.start()
        if self._renewing is not None:
            self._renewing.start()
        self._journal.write("info", "started", {"version": __version__, "identity": self._candidate.identity})

    def stop(self) -> None:
        """End the sweep that runs, then give the lead back."""
        self._loop.end()
        if self._renewing is not None:
            self._renewing.stop()
        self._candidate.close()
        self._watched.close()
        self._feed.stop()
        if self.pages is not None:
            self.pages.close()
        self._client.close()
        self._folder.cleanup()
        self._journal.write("info", "stopped")

    def _turn(self) -> float:
        if self.leading and not self._away():
            try:
                self._sweep.run()
                if time.monotonic() - self._archived >= self._options.archiving:
                    self._sweep.archive()
                    self._archived = time.monotonic()
            finally:
                self.swept += 1
        return self._options.interval

    def _changed(self, leads: bool) -> None:
        self._journal.write("info", "leading" if leads else "following")
        self._loop.wake()

    def _away(self) -> str:
        return self._feed.away or self._watched.trouble

    def _renewed(self) -> None:
        self._journal.write("info", "renewed", {"what": "certificate"})

    def _told(self, what: str) -> None:
        self._journal.complain("warning", "trouble", Reason.of(what, _TROUBLE))


class Metrics:
    """What Prometheus is told of the controller."""

    def __init__(self, controller: Controller, ledger: ClusterLedger) -> None:
        self._registry = into = CollectorRegistry()
        self._actions = Counter("podberth_controller_actions", "What sweeps came to.", ("action",), registry=into)
        Gauge("podberth_build", "The version that runs.", ("version",), registry=into).labels(__version__).set(1)
        leading = Gauge("podberth_controller_leading", "Whether this one sweeps.", registry=into)
        leading.set_function(lambda: controller.leading)
        sweeps = Gauge("podberth_controller_sweeps", "Sweeps done.", registry=into)
        sweeps.set_function(lambda: controller.swept)
        into.register(Addresses(ledger.usage))
        into.register(Silences(lambda: controller.silences))
        into.register(Loops())
        into.register(Lost())
        ProcessCollector(registry=into)

    def count(self, action: str) -> None:
        """Count what a sweep did."""
        self._actions.labels(action).inc()

    def page(self) -> tuple[int, str, bytes]:
        """Return everything in Prometheus' text format."""
        return 200, METRICS, generate_latest(self._registry)


class Addresses:
    """The use of the cluster's pools, asked for when Prometheus asks."""

    def __init__(self, usage: Callable[[], tuple[Usage, ...]]) -> None:
        self._usage = usage

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        found = GaugeMetricFamily(
            "podberth_pool_addresses", "Addresses of a pool, by what they are.", labels=("pool", "family", "state")
        )
        try:
            rows = self._usage()
        except CniError:
            rows = ()  # the store was never read: `/readyz` says why
        for row in rows:
            for state, number in row.shares.items():
                found.add_metric((row.pool, str(row.family), state), number)
        yield found


class Silences:
    """How long each watch has said nothing, when Prometheus asks: an alive one has a bookmark each minute."""

    def __init__(self, silences: Callable[[], dict[str, float]]) -> None:
        self._silences = silences

    def collect(self) -> Iterator[Metric]:
        """Yield the family."""
        found = GaugeMetricFamily(
            "podberth_watch_silence_seconds", "Seconds since the API server said anything in a watch.",
            labels=("resource",),
        )  # fmt: skip
        for resource, seconds in self._silences().items():
            found.add_metric((resource,), seconds)
        yield found
