"""DEL: everything goes, whatever is left of the container, however often it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cni import version as versions
from podberth.conformance.check import Suite, need

if TYPE_CHECKING:
    from podberth.conformance.bench import Bench

SUITE = Suite()
_VERB = "2 DEL"


def _at(version: str) -> None:
    @SUITE.check(f"del-at-{version}", _VERB, f"DEL at {version} succeeds if it is supported")
    def _succeeds(bench: Bench) -> None:
        bench.needs(version)
        pod = bench.container()
        said = bench.added(pod, version)
        bench.deleted(pod, said if versions.at_least(version, "0.4.0") else None, version=version)


for _version in versions.SUPPORTED:
    _at(_version)


@SUITE.check("del-says-nothing", _VERB, "DEL prints nothing on stdout")
def _silent(bench: Bench) -> None:
    pod = bench.container()
    answer = bench.call("DEL", pod, prevResult=bench.added(pod)).succeeded()
    need(not answer.stdout.strip(), f"it printed {answer.stdout[:200]!r}")


@SUITE.check("del-takes-the-interface", _VERB, "DEL takes the interface away")
def _takes(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    bench.deleted(pod, bench.added(pod))
    need("eth0" not in bench.inside(pod), "eth0 is still there")


@SUITE.check("del-leaves-the-node-as-it-was", _VERB, "after DEL the node has what it had before ADD")
def _node(bench: Bench) -> None:
    pod = bench.container()
    before = bench.node()
    bench.deleted(pod, bench.added(pod))
    bench.only(before, "after DEL")


@SUITE.check("del-twice", _VERB, "a second DEL succeeds")
def _twice(bench: Bench) -> None:
    pod = bench.container()
    said = bench.added(pod)
    for _ in range(2):
        bench.deleted(pod, said)


@SUITE.check("del-four-times", _VERB, "four DELs, the later ones without netns and prevResult, succeed")
def _four(bench: Bench) -> None:
    pod = bench.container()
    bench.deleted(pod, bench.added(pod))
    for _ in range(3):
        bench.call("DEL", pod, env={"CNI_NETNS": ""}, prevResult=None).succeeded()


@SUITE.check("del-of-nothing", _VERB, "a DEL of a container that was never attached succeeds")
def _never(bench: Bench) -> None:
    bench.deleted(bench.container())


@SUITE.check("del-of-another-interface", _VERB, "a DEL of an interface that was never made succeeds")
def _other(bench: Bench) -> None:
    bench.needs("", "interface", "ipam", "chained")
    pod = bench.container()
    bench.added(pod)
    bench.call("DEL", pod, env={"CNI_IFNAME": "net9"}).succeeded()


@SUITE.check("del-keeps-the-other-interface", _VERB, "a DEL of one interface leaves the container's others")
def _keeps(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    bench.added(pod)
    bench.added(pod, ifname="net1")
    bench.deleted(pod, ifname="net1")
    need("eth0" in bench.inside(pod), "eth0 went with net1")


@SUITE.check("del-keeps-the-other-container", _VERB, "a DEL of one container leaves the others")
def _keeps_container(bench: Bench) -> None:
    bench.needs("", "interface")
    first, second = bench.container(), bench.container()
    bench.added(first)
    said = bench.added(second)
    before = bench.inside(first)
    bench.deleted(second, said)
    need(bench.inside(first) == before, f"it had {before}, and has {bench.inside(first)}")


@SUITE.check("del-without-netns", _VERB, "a DEL without CNI_NETNS succeeds")
def _no_netns(bench: Bench) -> None:
    pod = bench.container()
    said = bench.added(pod)
    bench.call("DEL", pod, unset=("CNI_NETNS",), prevResult=said).succeeded()


@SUITE.check("del-after-the-namespace", _VERB, "a DEL after the namespace went succeeds")
def _gone(bench: Bench) -> None:
    pod = bench.container()
    said = bench.added(pod)
    bench.vanish(pod)
    bench.deleted(pod, said)


@SUITE.check(
    "del-after-the-namespace-leaves-nothing", _VERB, "after the namespace went, DEL leaves nothing on the node"
)
def _gone_leaves(bench: Bench) -> None:
    before = bench.node()
    pod = bench.container()
    said = bench.added(pod)
    bench.vanish(pod)
    bench.deleted(pod, said)
    bench.only(before, "after the namespace went, and DEL")


@SUITE.check("del-without-result", _VERB, "a DEL without prevResult succeeds, and takes the interface away")
def _no_result(bench: Bench) -> None:
    pod = bench.container()
    bench.added(pod)
    bench.call(
        "DEL", pod, prevResult=None if bench.kind != "chained" else bench.previous(pod, bench.version)
    ).succeeded()
    need(bench.kind != "interface" or "eth0" not in bench.inside(pod), "eth0 is still there")


@SUITE.check("del-frees-the-address", _VERB, "after DEL the same container gets an address again")
def _frees(bench: Bench) -> None:
    bench.needs("", "interface", "ipam")
    pod = bench.container()
    bench.deleted(pod, bench.added(pod))
    need(bench.added(pod), "no result")


@SUITE.check("del-after-a-failed-add", "3 Lifecycle & Ordering", "a DEL after an ADD that failed succeeds")
def _after_failure(bench: Bench) -> None:
    pod = bench.container()
    bench.call("ADD", pod, env={"CNI_NETNS": "/run/netns/conformance-not-there"})
    bench.call("DEL", pod, env={"CNI_NETNS": "/run/netns/conformance-not-there"}).succeeded()


@SUITE.check("del-keeps-foreign-interface", _VERB, "a DEL without an ADD leaves an interface of that name")
def _foreign(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    bench.make_link(pod, "net7")
    bench.call("DEL", pod, env={"CNI_IFNAME": "net8"}).succeeded()
    need("net7" in bench.inside(pod), "an interface that it never made is gone")


@SUITE.check("del-leaves-the-namespace", _VERB, "DEL leaves the namespace itself to the runtime")
def _namespace(bench: Bench) -> None:
    pod = bench.container()
    bench.deleted(pod, bench.added(pod))
    need(Path(pod.netns).exists(), f"{pod.netns} is gone")


def _without(name: str) -> None:
    @SUITE.check(f"del-refuses-no-{name}", "2 Parameters", f"a DEL without {name} is refused with code 4")
    def _refuses(bench: Bench) -> None:
        said = bench.call("DEL", bench.container(), unset=(name,)).refused()
        need(said["code"] == 4, f"code {said['code']}: {said['msg']}")


for _name in ("CNI_CONTAINERID", "CNI_IFNAME"):
    _without(_name)
