"""What a result says, held against what the kernel has in the container."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from podberth.cni import version as versions
from podberth.conformance.check import DoesNotApply, Suite, need

if TYPE_CHECKING:
    from podberth.conformance.bench import Bench, Container

SUITE = Suite()
_OUTPUT = "5 ADD Success"
_CHAIN = "2 ADD"


def _added(bench: Bench, *kinds: str) -> tuple[Container, dict[str, Any]]:
    """ADD at the configuration's version, which lists interfaces; return the container and the result."""
    bench.needs("", *kinds)
    if not versions.at_least(bench.version, "0.3.0"):
        raise DoesNotApply(f"a result of {bench.version} lists no interfaces")
    pod = bench.container()
    return pod, bench.added(pod)


def _own(said: dict[str, Any]) -> dict[str, Any]:
    found = [one for one in said.get("interfaces", []) if one.get("sandbox") and one.get("name") == "eth0"]
    need(len(found) == 1, f"no one interface eth0 with a sandbox among {said.get('interfaces')}")
    return dict(found[0])


@SUITE.check("result-names-the-interface", _OUTPUT, "the result lists the interface asked for")
def _named(bench: Bench) -> None:
    _, said = _added(bench, "interface", "chained")
    _own(said)


@SUITE.check("result-names-the-sandbox", _OUTPUT, "an interface's sandbox is the path the runtime gave")
def _sandbox(bench: Bench) -> None:
    pod, said = _added(bench, "interface", "chained")
    found = _own(said)["sandbox"]
    need(found == pod.netns, f"sandbox is {found!r}, CNI_NETNS was {pod.netns!r}")


@SUITE.check("result-mac", _OUTPUT, "the MAC said of the interface is the one it has")
def _mac(bench: Bench) -> None:
    pod, said = _added(bench, "interface")
    link = bench.namespaces.link(pod.netns, "eth0")
    told = str(_own(said).get("mac", "")).lower()
    need(link is not None and told == link.mac, f"said {told!r}, has {link and link.mac!r}")


@SUITE.check("result-mtu", _OUTPUT, "an MTU that the result says is the one the interface has")
def _mtu(bench: Bench) -> None:
    pod, said = _added(bench, "interface")
    link = bench.namespaces.link(pod.netns, "eth0")
    told = _own(said).get("mtu", link and link.mtu)
    need(link is not None and told == link.mtu, f"said {told!r}, has {link and link.mtu}")


@SUITE.check("result-node-interfaces-exist", _OUTPUT, "interfaces listed without a sandbox are on the node")
def _on_node(bench: Bench) -> None:
    _, said = _added(bench, "interface")
    there = {link.name for link in bench.namespaces.links(None)}
    missing = [one["name"] for one in said.get("interfaces", []) if not one.get("sandbox") and one["name"] not in there]
    need(not missing, f"not on the node: {missing}")


@SUITE.check("result-addresses-are-set", _OUTPUT, "the addresses said are those of the interface")
def _addresses(bench: Bench) -> None:
    pod, said = _added(bench, "interface")
    told = sorted(one["address"] for one in said.get("ips", []))
    need(told == sorted(bench.inside(pod).get("eth0", [])), f"said {told}, has {bench.inside(pod).get('eth0')}")


@SUITE.check("result-interface-indices", _OUTPUT, "ips[].interface points at an interface of the list")
def _indices(bench: Bench) -> None:
    _, said = _added(bench, "interface", "chained")
    many = len(said.get("interfaces", []))
    odd = [one for one in said.get("ips", []) if not 0 <= one.get("interface", 0) < max(many, 1)]
    need(not odd, f"{many} interfaces, and {odd}")


@SUITE.check("result-addresses-belong-to-the-container", _OUTPUT, "ips[].interface is an interface in the container")
def _belong(bench: Bench) -> None:
    _, said = _added(bench, "interface", "chained")
    links = said.get("interfaces", [])
    odd = [one for one in said.get("ips", []) if "interface" in one and not links[one["interface"]].get("sandbox")]
    need(not odd, f"addresses on interfaces of the node: {odd}")


@SUITE.check("result-prefix-lengths", _OUTPUT, "an address is said with its prefix length")
def _prefixes(bench: Bench) -> None:
    _, said = _added(bench, "interface", "chained", "ipam")
    odd = [one for one in said.get("ips", []) if "/" not in str(one.get("address"))]
    need(not odd, f"no prefix length: {odd}")


@SUITE.check("result-has-addresses", "4 Plugin Delegation", "an IPAM plugin returns at least one address")
def _some(bench: Bench) -> None:
    _, said = _added(bench, "ipam")
    need(said.get("ips"), "ips is empty")


@SUITE.check(
    "result-ipam-lists-no-interfaces", "5 Delegated plugins (IPAM)", "an IPAM plugin's result has no interfaces"
)
def _abbreviated(bench: Bench) -> None:
    _, said = _added(bench, "ipam")
    need(not said.get("interfaces"), f"interfaces: {said.get('interfaces')}")


@SUITE.check("result-gateways", _OUTPUT, "a gateway is of its address's family")
def _gateways(bench: Bench) -> None:
    _, said = _added(bench, "interface", "chained", "ipam")
    for one in said.get("ips", []):
        if one.get("gateway"):
            families = ipaddress.ip_interface(one["address"]).version, ipaddress.ip_address(one["gateway"]).version
            need(families[0] == families[1], f"{one}")


@SUITE.check("result-routes", _OUTPUT, "routes are networks, with gateways of their family")
def _routes(bench: Bench) -> None:
    _, said = _added(bench, "interface", "chained", "ipam")
    for one in said.get("routes") or []:
        network = ipaddress.ip_network(one.get("dst", ""), strict=False)
        gateway = ipaddress.ip_address(one["gw"]) if one.get("gw") else None
        need(gateway is None or gateway.version == network.version, f"{one}")


@SUITE.check("result-dns", _OUTPUT, "dns, where it is said, has lists of strings")
def _dns(bench: Bench) -> None:
    _, said = _added(bench, "interface", "chained", "ipam")
    dns = said.get("dns", {})
    need(isinstance(dns, dict), f"dns is {dns!r}")
    for key in ("nameservers", "search", "options"):
        found = dns.get(key, [])
        need(isinstance(found, list) and all(isinstance(one, str) for one in found), f"dns.{key} is {found!r}")


@SUITE.check("result-interface-is-up", _CHAIN, "the interface is up after ADD")
def _up(bench: Bench) -> None:
    pod, _ = _added(bench, "interface")
    link = bench.namespaces.link(pod.netns, "eth0")
    need(link is not None and link.up, "it is down")


@SUITE.check("result-loopback-is-up", _CHAIN, "the loopback interface is up after ADD")
def _lo_up(bench: Bench) -> None:
    bench.needs("", "loopback")
    pod = bench.container()
    bench.added(pod)
    link = bench.namespaces.link(pod.netns, "lo")
    need(link is not None and link.up, "it is down")


@SUITE.check("chain-keeps-interfaces", _CHAIN, "a chained plugin's result has the interfaces of the result before it")
def _keeps_interfaces(bench: Bench) -> None:
    pod, said = _added(bench, "chained")
    before = bench.previous(pod, bench.version)["interfaces"]
    names = [one.get("name") for one in said.get("interfaces", [])]
    need(all(one["name"] in names for one in before), f"of {before} it has {names}")  # type: ignore[attr-defined]


@SUITE.check("chain-keeps-addresses", _CHAIN, "a chained plugin's result has the addresses of the result before it")
def _keeps_addresses(bench: Bench) -> None:
    _, said = _added(bench, "chained")
    told = [one.get("address") for one in said.get("ips", [])]
    need("10.111.0.5/24" in told, f"ips: {told}")


@SUITE.check("chain-needs-a-result", _CHAIN, "a plugin that only works in a chain refuses an ADD without prevResult")
def _needs_result(bench: Bench) -> None:
    bench.needs("", "chained")
    bench.call("ADD", bench.container(), prevResult=None).refused()


@SUITE.check("chain-rejects-nonsense", _CHAIN, "a prevResult that is none is refused")
def _nonsense(bench: Bench) -> None:
    bench.needs("", "chained")
    bench.call("ADD", bench.container(), prevResult="nonsense").refused()
