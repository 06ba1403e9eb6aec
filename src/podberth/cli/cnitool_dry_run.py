"""`cnitool add --dry-run`: what each plugin of a network would do, where it can say. Nothing is done."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING

from podberth.catalogue import find_plugin
from podberth.cli.explain import draw_plan
from podberth.cli.screen import Cell, Screen
from podberth.cni.args import Args
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.pod import Attachment
from podberth.desk import prospect
from podberth.desk.plan import plan as desk_plan
from podberth.entry import open_node
from podberth.verbs.network import pod_of
from podberth.verbs.role import state_dir

if TYPE_CHECKING:
    from podberth.cni.netlist import NetworkList, PluginConf
    from podberth.desk.plan import Plan
    from podberth.runtime.conf import RuntimeConf


def foreshadow(network: NetworkList, conf: RuntimeConf, *, as_json: bool) -> None:
    """Show the plan of each plugin of ours; of others that they have none. CniError for what an ADD would refuse."""
    plans = [(plugin.type, _plan(network, plugin, conf)) for plugin in network.plugins]
    if as_json:
        told = [{"plugin": name, "plan": found.document() if found is not None else None} for name, found in plans]
        sys.stdout.write(json.dumps({"network": network.name, "plugins": told}, indent=2) + "\n")
        return
    screen = Screen()
    for name, found in plans:
        screen.line(Cell(f"# {name}", "bold"), "" if found is not None else ": can't say what it would do")
        if found is not None:
            draw_plan(screen, found)


def _plan(network: NetworkList, plugin: PluginConf, conf: RuntimeConf) -> Plan | None:
    raw = {**plugin.raw, "name": network.name, "cniVersion": network.cni_version}
    if not prospect.asks_podberth(raw):
        return None
    args = Args.parse(";".join(f"{key}={text}" for key, text in conf.args))
    read = prospect.configuration(raw)
    pod = pod_of(prospect.read(read, find_plugin)[0], args)
    if pod is None:
        raise InvalidConfig(
            "CNI_ARGS: K8S_POD_NAMESPACE and K8S_POD_NAME are not set", "podberth plans for a pod: set both of them"
        )
    fields = Fields(raw, "", InvalidConfig)
    own = fields if raw.get("type") in prospect.OURS else fields.child("ipam") or fields
    attachment = partial(Attachment, container_id=conf.container_id, ifname=conf.ifname)
    return desk_plan(open_node(state_dir(own)), pod, read, attachment, conf.netns)
