"""ADD of a plugin that works on what was made before it in the chain: its addresses are those of prevResult.

One whose addresses are the kernel's may come first.
"""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.cni.result import Result
from podberth.net.addresses import Addresses
from podberth.net.endpoint import Endpoint
from podberth.net.settings import Settings
from podberth.verbs.add import add_delegated, arrive
from podberth.verbs.outcome import found, passed
from podberth.verbs.planner import Planner
from podberth.verbs.recorded import kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.verbs.node import Node, Plugin


def add_chained(node: Node, call: Call, plugin: Plugin) -> Result:
    """Do what the plugin plans for the attachment, all of it or nothing; return the result for the next one.

    InvalidConfig without a prevResult, if the plugin needs one.
    """
    before = call.previous
    if before is None and plugin.ADDRESSES is Addresses.PREVIOUS:
        raise InvalidConfig(
            f"prevResult: required, since {call.conf.type} works on what a plugin before it has made",
            "put it behind another plugin in the list",
        )
    pod = call.pod_args.pod
    arrival = arrive(
        node, call.attachment, pod, call.netns, own_netns_too=call.netns_override, conf=kept(call), type=call.conf.type,
        leases=False,
    )  # fmt: skip
    end = end_before(call, before or Result())
    planner = Planner(node.host, plugin, plugin.configure(call.conf.fields), call)
    attached = add_delegated(node, arrival, end, planner, lambda: end, lambda: None)
    if before is None:
        return found(node.host, attached.plan, attached.links)
    return passed(node.host, attached.plan, attached.links, before)


def end_before(call: Call, before: Result) -> Endpoint:
    """Return the pod's end as the plugins before have made it."""
    return Endpoint(
        attachment=call.attachment,
        netns=call.netns,
        addresses=tuple(ip.address for ip in before.ips),
        gateways=tuple(ip.gateway for ip in before.ips),
        settings=Settings(routes=before.routes),
    )
