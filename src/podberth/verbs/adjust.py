"""What a changed PodNetwork changes on a running pod: the rate, VLAN priority, trust and link state of its function.

All else (its addresses, its VLAN, its MAC) is what the pod was started with, and waits for its next start.
"""

from __future__ import annotations

from podberth.cni.args import Args
from podberth.cni.call import Call, Verb
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.netconf import NetConf
from podberth.cni.value import replace, value
from podberth.ipam.lifecycle import Kind
from podberth.net.ops import ConfigureVf
from podberth.verbs.network import decide, question, read_network
from podberth.verbs.planner import Planner
from podberth.verbs.wish import provisional

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.ipam.lease import Actor
    from podberth.net.record import Record
    from podberth.net.step import Step
    from podberth.verbs.node import Node, Plugin

LIVE = ("qos", "max_tx_rate", "min_tx_rate", "spoofchk", "trust", "link_state")
AT_START = ("vlan", "proto")


@value
class Adjustment:
    """What is to change for one attachment: `changes` now, as (setting, from, to); `later` at the pod's next start.

    `steps` are those of its functions as they will be, by their places in the record.
    """

    record: Record
    steps: tuple[tuple[int, Step], ...]
    changes: tuple[tuple[str, object, object], ...]
    later: tuple[tuple[str, object, object], ...]

    def __str__(self) -> str:
        return "; ".join(f"{name} {_shown(old)} -> {_shown(new)}" for name, old, new in self.changes)


def foresee(node: Node, record: Record, plugin: Callable[[str], Plugin]) -> Adjustment | None:
    """Return what today's declarations change on a running attachment; None if nothing.

    `plugin` finds the plugin of a type. Raises what an ADD of the pod would be refused with now.
    """
    if not record.done or not record.conf or not any(isinstance(step.op, ConfigureVf) for step in record.steps):
        return None
    planned = _planned(node, record, plugin)
    steps: list[tuple[int, Step]] = []
    changes: dict[str, tuple[str, object, object]] = {}
    later: dict[str, tuple[str, object, object]] = {}
    for place, step in enumerate(record.steps):
        if not isinstance(step.op, ConfigureVf) or step.op.device not in planned:
            continue
        now = _differing(step.op, planned[step.op.device], LIVE)
        changes.update({change[0]: change for change in now})
        later.update({change[0]: change for change in _differing(step.op, planned[step.op.device], AT_START)})
        if now:
            steps.append((place, replace(step, op=replace(step.op, **{name: new for name, _, new in now}))))
    if not changes and not later:
        return None
    return Adjustment(
        record=record, steps=tuple(steps), changes=tuple(changes.values()), later=tuple(later.values())
    )  # fmt: skip


def adjust(node: Node, wanted: Adjustment, actor: Actor) -> None:
    """Make the changes, and have the ledger say so: all of them, or none. InvalidConfig if the record has changed."""
    attachment = wanted.record.attachment
    with node.host.locked(f"container:{attachment.container_id}"):
        record = node.attachments.find(wanted.record.key)
        if record is None or record != wanted.record:
            raise InvalidConfig(f"{attachment} has changed meanwhile", "apply again")
        new = dict(wanted.steps)
        steps = tuple(new.get(place, step) for place, step in enumerate(record.steps))
        node.attachments.revise(record.key, steps)  # before the effect: from now on CHECK expects it
        try:
            for step in new.values():
                node.host.repair(step, record.netns_id)
        except CniError:
            node.attachments.revise(record.key, record.steps)
            for place in new:
                node.host.repair(record.steps[place], record.netns_id)
            raise
        node.ledger.noted(attachment, Kind.ADJUSTED, replace(actor, why=f"{actor.why}: {wanted}"))


def _planned(node: Node, record: Record, plugin: Callable[[str], Plugin]) -> dict[str, ConfigureVf]:
    """Plan the attachment anew from today's declarations, with the functions it has; return their ops by device."""
    conf = NetConf.parse(record.fields)
    of = record.attachment
    kind = plugin(conf.type)
    network = read_network(conf, kind)
    call = Call(verb=Verb.ADD, conf=conf, ifname=of.ifname, netns=record.netns, pod_args=Args(pod=record.pod))
    resolved = decide(network, question(network, call, node.policies), node.policies, node.ledger)
    functions = {device: node.host.vf(device) for device in record.devices}
    gone = [device for device, vf in functions.items() if vf is None]
    if gone:
        raise InvalidConfig(f"{of}: its function {gone[0]} is gone", "restart the pod")
    assert network.kind is not None
    planner = Planner(node.host, kind, network.kind, call, resolved)
    plan = planner(provisional(resolved, of, record.netns), tuple(vf for vf in functions.values() if vf is not None))
    return {op.device: op for op in plan.ops if isinstance(op, ConfigureVf)}


def _differing(op: ConfigureVf, planned: ConfigureVf, names: tuple[str, ...]) -> tuple[tuple[str, object, object], ...]:
    pairs = ((name, getattr(op, name), getattr(planned, name)) for name in names)
    return tuple((name, old, new) for name, old, new in pairs if old != new)


def _shown(setting: object) -> str:
    words = {None: "as found", True: "on", False: "off"}
    return words[setting] if setting is None or isinstance(setting, bool) else str(setting)
