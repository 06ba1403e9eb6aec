# ruff: noqa: ARG002 - a described host has no use for some of what it is told
"""Golden plans: what each type plans for a network, on a node that a case describes.

A case is a folder `tests/golden/plugins/TYPE/CASE`. `network.json` is the configuration as the plugin gets it.
`given.json` is what the node answers to the plan's questions, and what is decided about the pod's end; without it there
is nothing. `plan.json` is the plan, or the error. `python -m tests.unit.plugins.golden` writes each anew, for a look at
the difference.
"""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING, Any

from podberth import catalogue
from podberth.cni import netlist
from podberth.cni.call import Call
from podberth.cni.errors import CniError
from podberth.cni.fields import Fields
from podberth.cni.pod import Attachment
from podberth.cni.result import IPConfig, Result, encode
from podberth.cni.value import chosen, fields
from podberth.net.addresses import Addresses
from podberth.net.endpoint import Endpoint
from podberth.net.facts import HostDevice, Link
from podberth.net.record_json import steps_json
from podberth.net.seen import see
from podberth.net.settings_document import parse_settings
from podberth.net.step import Step
from podberth.net.suited import Suited
from podberth.net.vf import Vf
from podberth.verbs.chained import end_before
from podberth.verbs.network import read_network
from tests.checkout import ROOT
from tests.hosts import FakeHost

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cni.netconf import NetConf
    from podberth.cni.netlist import NetworkList
    from podberth.net.ops import Address, CallPlugins, Interface
    from podberth.net.plan import Plan
    from podberth.net.seen import DevicesOf, DeviceSought, ObjectSought
    from podberth.net.settings import Settings
    from podberth.verbs.node import Plugin

CASES = ROOT / "tests/golden/plugins"
NETNS = "/run/netns/pod"
KEYS = {
    *("links", "links_in_pod", "peers", "default_link", "default_link_in_pod", "towards", "devices", "unable", "files"),
    *("addresses_of", "function", "functions", "addresses", "settings", "on_link", "objects", "networks", "args"),
    "checked_parents",
}


class DescribedHost(FakeHost):
    """A host that answers by a case's `given.json`."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__()
        self.given = given
        assert given.keys() <= KEYS, given.keys() - KEYS

    def named(self, name: str) -> Link | None:
        return self._link("links", name)

    def named_in(self, netns: str, name: str) -> Link | None:
        return self._link("links_in_pod", name) if netns == NETNS else None

    def peer(self, netns: str, ifname: str) -> Link | None:
        return self._link("peers", ifname)

    def default_link(self, netns: str | None) -> str:
        return str(self.given.get("default_link_in_pod" if netns else "default_link", ""))

    def towards(self, address: Address) -> str | None:
        found: dict[str, str] = self.given.get("towards", {})
        return found.get(str(address))

    def device(self, sought: DeviceSought) -> HostDevice | None:
        name = sought.link or sought.mac or sought.path or sought.pci or sought.any
        found = self.given.get("devices", {}).get(name)
        return None if found is None else HostDevice(**found)

    def can(self, ability: str) -> bool:
        return ability not in self.given.get("unable", ())

    def checks_senders(self, parent: str) -> bool:
        return parent in self.given.get("checked_parents", ())

    def lines(self, path: str) -> tuple[str, ...] | None:
        found = self.given.get("files", {}).get(path)
        return None if found is None else tuple(found)

    def addresses(self, netns: str | None, ifname: str) -> tuple[Interface, ...]:
        return tuple(map(ip_interface, self.given.get("addresses_of", {}).get(ifname, ())))

    @property
    def outside(self) -> Any:
        return DescribedOutside(self.given)

    def _link(self, where: str, name: str) -> Link | None:
        found = self.given.get(where, {}).get(name)
        usual = {"name": name, "index": 7, "kind": "", "mac": "02:50:00:00:00:01", "mtu": 1500, "up": True}
        return None if found is None else Link(**{**usual, "ours": False, **found})


class DescribedOutside:
    """What is beyond the kernel, as a case has it: objects by kind, namespace and name, networks by path."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given

    def object(self, sought: ObjectSought) -> dict[str, Any] | None:
        spec = self.given.get("objects", {}).get(f"{sought.kind} {sought.namespace}/{sought.name}")
        if spec is None:
            return None
        metadata = {"namespace": sought.namespace, "name": sought.name, "annotations": spec.get("annotations", {})}
        metadata |= {"labels": spec.get("labels", {}), "uid": spec.get("uid", "u1")}
        config = {"config": json.dumps(spec["config"]) if "config" in spec else ""}
        return {"metadata": metadata, "spec": spec.get("spec", config), "status": spec.get("status")}

    def devices(self, sought: DevicesOf) -> tuple[tuple[str, str], ...]:
        del sought
        return tuple((resource, device) for resource, device in self.given.get("devices", ()))

    def suiting(self, op: CallPlugins, among: tuple[str, ...]) -> Suited:
        del op
        return Suited(devices=among)

    def networks(self, path: str) -> tuple[NetworkList, ...]:
        found = self.given.get("networks", {}).get(path, ())
        return tuple(netlist.parse(json.dumps(one).encode()) for one in found)


def cases() -> list[Path]:
    """Return the folders of all cases, in order."""
    return sorted(path.parent for path in CASES.glob("*/*/network.json"))


def outcome(case: Path) -> dict[str, object]:
    """Return the plan, or the error, of a case as JSON."""
    network = json.loads((case / "network.json").read_text())
    found = case / "given.json"
    given = json.loads(found.read_text()) if found.exists() else {}
    try:
        return _document(planned(network, given))
    except CniError as refused:
        return {"code": refused.code, "msg": refused.message, "details": refused.details}


def planned(network: dict[str, Any], given: dict[str, Any]) -> Plan:
    """Return the plan of a network on a node as `given.json` describes it; CniError for a refusal."""
    plugin = catalogue.find_plugin(network["type"])
    said = {"CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": NETNS, "CNI_ARGS": given.get("args", "")}
    call = Call.parse({"CNI_COMMAND": "ADD", **said}, json.dumps(network).encode())
    assert isinstance(call, Call)
    conf = plugin.configure(call.conf.fields)
    end = _end(call, plugin, given)
    seen = see(DescribedHost(given), lambda seen: plugin.asks(conf, call, end, seen))
    if seen.wanted is not None:
        functions = given["functions"] if "functions" in given else [given["function"]]
        seen = seen.with_functions(tuple(Vf(**function) for function in functions))
    return plugin.plan(conf, call, end, seen)


def _end(call: Call, plugin: Plugin, given: dict[str, Any]) -> Endpoint:
    """Return the pod's end: of a plugin that others come before, as they have made it."""
    if call.previous is not None and plugin.ADDRESSES is Addresses.PREVIOUS:
        return end_before(call, call.previous)
    pairs = given.get("addresses", ())
    return Endpoint(
        attachment=Attachment(network=call.name, container_id="c1", ifname="eth0"),
        netns=NETNS,
        addresses=tuple(ip_interface(address) for address, _ in pairs),
        gateways=tuple(gateway and ip_address(gateway) for _, gateway in pairs),
        settings=_settings(call.conf, plugin, given),
        on_link=given.get("on_link", False),
    )


def _settings(conf: NetConf, plugin: Plugin, given: dict[str, Any]) -> Settings:
    said = given.get("settings")
    return read_network(conf, plugin).defaults.settings if said is None else parse_settings(Fields(said))


def _document(plan: Plan) -> dict[str, object]:
    ops = json.loads(steps_json([Step(op=op) for op in plan.ops]))
    named = {name for name, _ in fields(plan)} - {"ops", "interfaces", "end"}
    return {
        "ops": [{key: told for key, told in op.items() if key != "before"} for op in ops],
        "interfaces": [dict(chosen(made)) for made in plan.interfaces],
        **{name: told for name, told in chosen(plan) if name in named},
        **({} if plan.end is None else {"end": _end_document(plan.end)}),
    }


def _end_document(end: Endpoint) -> dict[str, object]:
    pairs = zip(end.addresses, end.gateways, strict=True)
    ips = tuple(IPConfig(address=address, gateway=gateway) for address, gateway in pairs)
    routes = end.settings.routes if end.told is None else end.told
    return encode(Result(ips=ips, routes=routes or ()), "1.1.0")


def main() -> None:
    """Write the outcome of each case."""
    for case in cases():
        (case / "plan.json").write_text(json.dumps(outcome(case), indent=1) + "\n")


if __name__ == "__main__":
    main()
