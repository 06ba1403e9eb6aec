"""Many calls: at the same time for different containers, and over and over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from podberth.conformance.check import Suite, need
from podberth.process.errand import together

if TYPE_CHECKING:
    from podberth.conformance.bench import Bench, Container

SUITE = Suite()
_RULES = "3 Lifecycle & Ordering"
_AT_ONCE = 8


def _together(bench: Bench) -> list[tuple[Container, dict[str, Any]]]:
    """ADD several containers at once; return them with their results."""
    pods = [bench.container() for _ in range(_AT_ONCE)]
    return list(zip(pods, together([partial(bench.added, pod) for pod in pods]), strict=True))


@SUITE.check("at-once-succeeds", _RULES, "ADDs for different containers at the same time succeed")
def _succeed(bench: Bench) -> None:
    _together(bench)


@SUITE.check(
    "at-once-distinct-addresses", "4 Plugin Delegation", "containers attached at the same time have distinct addresses"
)
def _distinct(bench: Bench) -> None:
    bench.needs("", "interface", "ipam")
    found = [ip["address"] for _, said in _together(bench) for ip in said.get("ips", [])]
    need(len(set(found)) == len(found), f"given twice: {sorted({one for one in found if found.count(one) > 1})}")


@SUITE.check("at-once-distinct-macs", _RULES, "containers attached at the same time have distinct MACs")
def _macs(bench: Bench) -> None:
    bench.needs("", "interface")
    found = [link.mac for pod, _ in _together(bench) if (link := bench.namespaces.link(pod.netns, "eth0"))]
    need(len(set(found)) == _AT_ONCE, f"{found}")


@SUITE.check("at-once-del", _RULES, "DELs for different containers at the same time succeed and leave nothing")
def _deletes(bench: Bench) -> None:
    before = bench.node()
    together([partial(bench.deleted, *one) for one in _together(bench)])
    bench.only(before, "after DELs at the same time")


@SUITE.check("over-and-over", "2 DEL", "ten rounds of ADD and DEL leave nothing on the node")
def _rounds(bench: Bench) -> None:
    before = bench.node()
    pod = bench.container()
    for _ in range(10):
        bench.deleted(pod, bench.added(pod))
    bench.only(before, "after ten rounds")


@SUITE.check("over-and-over-inside", "2 DEL", "ten rounds of ADD and DEL leave nothing in the container")
def _rounds_inside(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    before = bench.inside(pod)
    for _ in range(10):
        bench.deleted(pod, bench.added(pod))
    need(bench.inside(pod) == before, f"it had {before}, and has {bench.inside(pod)}")


@SUITE.check("two-networks", "2 Parameters", "one container is attached to networks of different names")
def _networks(bench: Bench) -> None:
    bench.needs("", "interface", "ipam")
    pod = bench.container()
    bench.added(pod)
    bench.added(pod, ifname="net1", keys={"name": f"{bench.conf['name']}-b"})
