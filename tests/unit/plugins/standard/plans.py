"""What a standard type plans on a node that a test describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.cni.call import Call, Verb
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import Attachment
from podberth.net.endpoint import Endpoint
from podberth.net.facts import HostDevice, Link
from podberth.net.seen import see
from tests.hosts import FakeHost

if TYPE_CHECKING:
    from podberth.net.plan import Plan
    from podberth.net.seen import DeviceSought
    from podberth.verbs.node import Plugin

NETNS = "/run/netns/pod"


def link(name: str) -> Link:
    """Return a link of 1500 bytes."""
    return Link(name=name, index=7, kind="", mac="02:50:00:00:00:01", mtu=1500, up=True, ours=False)


class ToldHost(FakeHost):
    """A host whose links, default routes and devices are what a test says."""

    def __init__(
        self, *links: str, in_pod: str = "", default: str = "", default_in_pod: str = "",
        devices: dict[str, HostDevice] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.links, self.in_pod = links, in_pod
        self.defaults = {None: default, NETNS: default_in_pod}
        self.devices = devices or {}

    def named(self, name: str) -> Link | None:
        return link(name) if name in self.links else None

    def named_in(self, netns: str, name: str) -> Link | None:
        return link(name) if (netns, name) == (NETNS, self.in_pod) else None

    def default_link(self, netns: str | None) -> str:
        return self.defaults[netns]

    def device(self, sought: DeviceSought) -> HostDevice | None:
        return self.devices.get(sought.link or sought.mac or sought.path or sought.pci or sought.any)


def planned(plugin: Plugin, host: FakeHost, **said: Any) -> Plan:
    """Return the plan of a network of the plugin's type that says this."""
    document = {"cniVersion": "1.0.0", "name": "net", "type": plugin.TYPES[0], **said}
    call = Call(verb=Verb.ADD, conf=NetConf.parse(Fields(document)), netns=NETNS, ifname="eth0", container_id="c1")
    conf = plugin.configure(call.conf.fields)
    end = Endpoint(
        attachment=Attachment(network="net", container_id="c1", ifname="eth0"),
        netns=NETNS,
        addresses=(),
        gateways=(),
        settings=conf.settings,
    )
    return plugin.plan(conf, call, end, see(host, lambda seen: plugin.asks(conf, call, end, seen)))
