"""GC: what belongs to no valid attachment goes, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.conformance.check import Suite, need

if TYPE_CHECKING:
    from podberth.conformance.bench import Answer, Bench, Container

SUITE = Suite()
_VERB = "2 GC"
SINCE = "1.1.0"
KEY = "cni.dev/valid-attachments"


def _collect(bench: Bench, *valid: Container) -> Answer:
    listed = [{"containerID": pod.container_id, "ifname": bench.named()} for pod in valid]
    return bench.call("GC", None, keys={KEY: listed, "cni.dev/attachments": listed})


@SUITE.check("gc-succeeds", _VERB, "GC succeeds")
def _succeeds(bench: Bench) -> None:
    bench.needs(SINCE)
    _collect(bench).succeeded()


@SUITE.check("gc-says-nothing", _VERB, "GC prints nothing on stdout")
def _silent(bench: Bench) -> None:
    bench.needs(SINCE)
    answer = _collect(bench).succeeded()
    need(not answer.stdout.strip(), f"it printed {answer.stdout[:200]!r}")


@SUITE.check("gc-twice", _VERB, "GC succeeds when there is nothing to collect")
def _twice(bench: Bench) -> None:
    bench.needs(SINCE)
    for _ in range(2):
        _collect(bench).succeeded()


@SUITE.check("gc-keeps-what-is-valid", _VERB, "GC leaves a valid attachment's interface")
def _keeps(bench: Bench) -> None:
    bench.needs(SINCE, "interface")
    pod = bench.container()
    bench.added(pod)
    before = bench.inside(pod)
    _collect(bench, pod).succeeded()
    need(bench.inside(pod) == before, f"it had {before}, and has {bench.inside(pod)}")


@SUITE.check("gc-keeps-what-check-wants", _VERB, "after a GC that names it, an attachment passes CHECK")
def _keeps_check(bench: Bench) -> None:
    bench.needs(SINCE)
    pod = bench.container()
    said = bench.added(pod)
    _collect(bench, pod).succeeded()
    bench.call("CHECK", pod, prevResult=said).succeeded()


@SUITE.check("gc-then-del", _VERB, "a DEL of what GC has collected succeeds")
def _then_del(bench: Bench) -> None:
    bench.needs(SINCE)
    pod = bench.container()
    said = bench.added(pod)
    _collect(bench).succeeded()
    bench.deleted(pod, said)


@SUITE.check(
    "gc-of-a-container-that-is-gone", _VERB, "GC of a container whose namespace went leaves nothing on the node"
)
def _gone(bench: Bench) -> None:
    bench.needs(SINCE)
    before = bench.node()
    pod = bench.container()
    bench.added(pod)
    bench.vanish(pod)
    _collect(bench).succeeded()
    bench.only(before, "after the namespace went, and GC")


@SUITE.check("gc-unknown-attachments", _VERB, "GC ignores valid attachments that it has never heard of")
def _unknown(bench: Bench) -> None:
    bench.needs(SINCE)
    _collect(bench, bench.container()).succeeded()


@SUITE.check("gc-null-list", _VERB, "GC takes null for an empty list, as Go writes one")
def _null(bench: Bench) -> None:
    bench.needs(SINCE)
    bench.call_raw("GC", {KEY: None}).succeeded()


@SUITE.check("gc-refuses-nonsense", _VERB, "GC refuses a list that is none, rather than take all for stale")
def _nonsense(bench: Bench) -> None:
    bench.needs(SINCE, "interface", "ipam")
    bench.call("GC", None, keys={KEY: "everything"}).refused()


@SUITE.check("gc-at-1.0.0", "1 Version considerations", "GC at 1.0.0, which has none, is refused (code 1)")
def _before(bench: Bench) -> None:
    bench.needs("1.0.0")
    known = bench.speaks(SINCE)  # to one that does not speak 1.1.0 it's just an unknown command
    refused = bench.call("GC", None, version="1.0.0", keys={KEY: []}).refused()
    need(refused["code"] == 1 or not known, f"code {refused['code']}: {refused['msg']}")
