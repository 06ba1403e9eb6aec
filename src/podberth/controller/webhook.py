"""The webhook as a process: its replica of the cluster, its certificate, its answers, its signals."""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from podberth import __version__
from podberth.cni.value import value
from podberth.controller.judge import Judge
from podberth.controller.review import MAX_BYTES, answer, parse_review
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.process.certificate import Served, renewing
from podberth.process.metrics import Loops, Lost
from podberth.process.pages import METRICS, Pages, alive, on_tcp, ready
from podberth.process.reason import Reason, reason
from podberth.stores.kubernetes.store import KubernetesCluster
from podberth.stores.replica.feed import Feed
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.process.certificate import Source
    from podberth.process.journal import Journal

PATH = "/validate"
_AWAY = "it goes on by itself; `podberth doctor --cluster` says what the cluster lacks"
KINDS = frozenset(("Pool", "PodNetwork", "AddressReservation", "ConfigMap", "MultiNetworkPolicy"))


@value
class Options:
    """`source` makes what has the certificate, given a client. `home` is podberth's own namespace.

    `own_pools`: the controller makes the pools of applications that come by kubectl.
    """

    listen: tuple[str, int]
    kubeconfig: str
    home: str
    source: Callable[[Client], Source]
    context: str = ""
    own_pools: bool = False


class Webhook:
    """All parts of one webhook. OSError if the address is taken, CniError if there is no certificate."""

    def __init__(self, options: Options, journal: Journal) -> None:
        self._journal = journal
        self._folder = tempfile.TemporaryDirectory(prefix="podberth-webhook-")
        self._client = Client(load(options.kubeconfig, options.context))
        cluster = KubernetesCluster(self._client, options.home, f"webhook {os.uname().nodename}")
        proposer = Proposer(Replica(self._folder.name, told=self._told), cluster, os.uname().nodename, current=False)
        self._feed = Feed(proposer, self._told)
        self._judge = Judge(self._client, proposer, self._feed, options.home, own_pools=options.own_pools)
        self._served = Served(options.source(self._client))
        self._served.renew()
        self._metrics = Metrics(lambda: not self._feed.away)
        self._pages = Pages(
            on_tcp(options.listen),
            {"/healthz": alive, "/readyz": ready(lambda: self._feed.away), "/metrics": self._metrics.page},
            self._told,
            takers={PATH: self._take},
            tls=self._served.context,
            most=MAX_BYTES,
        )
        self._renewing = renewing(self._served, self._renewed, self._told)
        self.port = self._pages.port

    def start(self) -> None:
        """Begin to follow the cluster, and to answer."""
        self._feed.start()
        self._pages.start()
        self._renewing.start()
        self._journal.write("info", "serving", {"version": __version__, "port": self.port})

    def stop(self) -> None:
        """End."""
        self._renewing.stop()
        self._pages.close()
        self._renewing.join()
        self._feed.stop()
        self._client.close()
        self._folder.cleanup()
        self._journal.write("info", "stopped")

    def _take(self, body: bytes) -> tuple[int, bytes]:
        """Answer a review; what can't be decided is no answer: then the configuration's failurePolicy decides."""
        began = time.monotonic()
        kind, outcome = "other", "failed"
        try:
            review = parse_review(body)
            kind = review.kind if review.kind in KINDS else kind
            refusal = self._judge.refusal(review)
            outcome = "refused" if refusal is not None else "allowed"
            about = {"object": str(review), "operation": review.operation, "user": review.user}
            told = refusal.message if refusal is not None else None
            self._journal.write("info" if told else "debug", outcome, {**about, "message": told})
            return 200, answer(review.uid, refusal)
        except Exception as failure:  # noqa: BLE001 - nothing that is asked ends the thread unanswered
            self._journal.complain("error", "failed", reason(failure))
            return 500, b'{"error": "podberth can\'t tell now; its log says why"}'
        finally:
            self._metrics.reviewed(kind, outcome, time.monotonic() - began)

    def _renewed(self) -> None:
        self._journal.write("info", "renewed", {"what": "certificate"})

    def _told(self, what: str) -> None:
        self._journal.complain("warning", "away", Reason.of(what, _AWAY))


class Metrics:
    """What Prometheus is told of the webhook."""

    def __init__(self, following: Callable[[], bool]) -> None:
        self._registry = into = CollectorRegistry()
        self._reviews = Counter("podberth_reviews", "Reviews answered.", ("kind", "outcome"), registry=into)
        self._seconds = Histogram("podberth_review_seconds", "How long reviews took.", registry=into)
        Gauge("podberth_build", "The version that runs.", ("version",), registry=into).labels(__version__).set(1)
        live = Gauge("podberth_following", "Whether the cluster's ledger is followed just now.", registry=into)
        live.set_function(following)
        into.register(Loops())
        into.register(Lost())

    def reviewed(self, kind: str, outcome: str, seconds: float) -> None:
        """Count a review."""
        self._reviews.labels(kind, outcome).inc()
        self._seconds.observe(seconds)

    def page(self) -> tuple[int, str, bytes]:
        """Return everything in Prometheus' text format."""
        return 200, METRICS, generate_latest(self._registry)
