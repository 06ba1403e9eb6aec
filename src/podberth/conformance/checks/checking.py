"""CHECK: it succeeds while all is as ADD made it, and fails once it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.conformance.check import DoesNotApply, Suite, need

if TYPE_CHECKING:
    from podberth.conformance.bench import Bench, Container

SUITE = Suite()
_VERB = "2 CHECK"
SINCE = "0.4.0"


def _added(bench: Bench, *kinds: str) -> tuple[Container, dict[str, Any]]:
    bench.needs(SINCE, *kinds)
    pod = bench.container()
    return pod, bench.added(pod)


def _addressed(bench: Bench) -> tuple[Container, dict[str, Any]]:
    pod, said = _added(bench, "interface")
    if not said.get("ips"):
        raise DoesNotApply("the plugin gives no addresses")
    return pod, said


@SUITE.check("check-succeeds", _VERB, "CHECK succeeds after ADD")
def _succeeds(bench: Bench) -> None:
    pod, said = _added(bench)
    bench.call("CHECK", pod, prevResult=said).succeeded()


@SUITE.check("check-says-nothing", _VERB, "CHECK prints nothing on stdout")
def _silent(bench: Bench) -> None:
    pod, said = _added(bench)
    answer = bench.call("CHECK", pod, prevResult=said).succeeded()
    need(not answer.stdout.strip(), f"it printed {answer.stdout[:200]!r}")


@SUITE.check("check-twice", _VERB, "CHECK succeeds again: it changes nothing")
def _twice(bench: Bench) -> None:
    pod, said = _added(bench)
    before = bench.inside(pod)
    for _ in range(2):
        bench.call("CHECK", pod, prevResult=said).succeeded()
    need(bench.inside(pod) == before, f"it had {before}, and has {bench.inside(pod)}")


@SUITE.check("check-consults-the-result", _VERB, "CHECK fails for a prevResult with another address")
def _consults(bench: Bench) -> None:
    pod, said = _addressed(bench)
    ips = [{**one, "address": "10.255.255.9/32"} for one in said["ips"][:1]]
    bench.call("CHECK", pod, prevResult={**said, "ips": ips}).refused()


@SUITE.check("check-finds-the-interface-gone", _VERB, "CHECK fails when the interface is gone")
def _gone(bench: Bench) -> None:
    pod, said = _added(bench, "interface")
    bench.lose(pod, "eth0")
    bench.call("CHECK", pod, prevResult=said).refused()


@SUITE.check("check-finds-the-address-gone", _VERB, "CHECK fails when an address is gone")
def _address(bench: Bench) -> None:
    pod, said = _addressed(bench)
    bench.ip_inside(pod, "addr", "flush", "dev", "eth0", "scope", "global")
    bench.call("CHECK", pod, prevResult=said).refused()


@SUITE.check("check-finds-another-interface-in-its-place", _VERB, "CHECK fails when another interface has the name")
def _another(bench: Bench) -> None:
    pod, said = _addressed(bench)
    bench.lose(pod, "eth0")
    bench.make_link(pod, "eth0")
    bench.call("CHECK", pod, prevResult=said).refused()


@SUITE.check("check-after-del", _VERB, "CHECK fails after DEL")
def _after(bench: Bench) -> None:
    pod, said = _added(bench, "interface", "ipam")
    bench.deleted(pod, said)
    bench.call("CHECK", pod, prevResult=said).refused()


@SUITE.check("check-of-a-namespace-that-is-gone", _VERB, "CHECK fails when the namespace is gone")
def _namespace(bench: Bench) -> None:
    pod, said = _added(bench, "interface", "loopback")
    bench.vanish(pod)
    bench.call("CHECK", pod, prevResult=said).refused()


@SUITE.check("check-of-loopback-down", _VERB, "CHECK fails when the loopback interface is down")
def _loopback(bench: Bench) -> None:
    pod, said = _added(bench, "loopback")
    bench.ip_inside(pod, "link", "set", "lo", "down")
    bench.call("CHECK", pod, prevResult=said).refused()


@SUITE.check("check-at-0.3.1", "1 Version considerations", "CHECK at 0.3.1, which has none, is refused with code 1")
def _before(bench: Bench) -> None:
    bench.needs("0.3.1")
    pod = bench.container()
    said = bench.added(pod, "0.3.1")
    refused = bench.call("CHECK", pod, version="0.3.1", prevResult=said).refused()
    need(refused["code"] == 1, f"code {refused['code']}: {refused['msg']}")


def _without(name: str) -> None:
    @SUITE.check(f"check-refuses-no-{name}", "2 Parameters", f"a CHECK without {name} is refused with code 4")
    def _refuses(bench: Bench) -> None:
        pod, said = _added(bench)
        refused = bench.call("CHECK", pod, unset=(name,), prevResult=said).refused()
        need(refused["code"] == 4, f"code {refused['code']}: {refused['msg']}")


for _name in ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"):
    _without(_name)
