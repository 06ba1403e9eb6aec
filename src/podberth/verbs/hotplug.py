"""A running pod's networks as its annotation has them now: networks come and go, all others stay as they are."""

from __future__ import annotations

from podberth.cni.call import Call
from podberth.cni.errors import InvalidConfig, Refused
from podberth.cni.result import Result
from podberth.cni.value import replace
from podberth.net.apply import NotUndone, apply
from podberth.net.ops import CallPlugins
from podberth.networks.change import changes
from podberth.verbs.called import show
from podberth.verbs.chained import end_before
from podberth.verbs.guard import guard
from podberth.verbs.planner import Planner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.record import Record, RecordKey
    from podberth.net.step import Step
    from podberth.verbs.node import Node, Plugin

_UNDER_WAY = "underWay"  # of what is kept of a step: it is being done, or taken back


def hot_plug(node: Node, key: RecordKey, plugin: Plugin) -> tuple[str, ...]:
    """Bring a pod's networks about that it wants by now; return the interfaces that went, as '-net1', and came.

    What the pod wants is planned as at an ADD, so it is refused for the same reasons; then nothing changes. A network
    that can't be made is taken back, and those that were changed before it stay changed. The record has each change
    before it is done. Raises as ADD does, and NotUndone.
    """
    with node.host.locked(f"container:{key.attachment.container_id}"):
        record = node.attachments.find(key)
        if record is None or not record.done or node.host.netns_id(record.netns) != record.netns_id:
            return ()
        first = record.steps[0].op
        assert isinstance(first, CallPlugins)
        call = _call(record, first)
        conf = plugin.configure(call.conf.fields)
        planned = Planner(node.host, plugin, conf, call)(end_before(call, Result()))
        wanted = tuple(op for op in planned.ops if isinstance(op, CallPlugins))
        steps = record.steps
        halves = [step for step in steps if step.before_of(_UNDER_WAY) is not None]  # the agent was killed at them
        for step in halves:
            steps = _taken_back(node, record, steps, step)
        before = tuple(step.op for step in steps if isinstance(step.op, CallPlugins))
        going, coming = changes(before, wanted)
        _require_routes(before, wanted)
        if coming:
            guard(node, conf, record.pod, record.netns, record.netns_id, (*before, *coming))
        for op in going:
            steps = _taken_back(node, record, steps, next(step for step in steps if step.op == op))
        for op in coming:
            steps = _made(node, record, steps, op)
        if going:
            guard(node, conf, record.pod, record.netns, record.netns_id, (step.op for step in steps))
        if halves or going or coming:
            show(node, conf, record.pod, (step.op for step in steps))
    return (*(f"-{op.ifname}" for op in going), *(f"+{op.ifname}" for op in coming))


def _taken_back(node: Node, record: Record, steps: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    """Take one network back. The record has it as under way meanwhile: half of it is no network."""
    marked = _marked(step)
    node.attachments.revise(record.key, tuple(marked if each is step else each for each in steps))
    node.host.undo(marked, record.netns_id)
    left = tuple(each for each in steps if each is not step)
    node.attachments.revise(record.key, left)
    return left


def _made(node: Node, record: Record, steps: tuple[Step, ...], op: CallPlugins) -> tuple[Step, ...]:
    step = node.host.prepare(op)
    if step.existed:
        raise InvalidConfig(
            f"{op.label}: the pod has a link {op.ifname} already", "name another interface in the pod's annotation"
        )
    node.attachments.revise(record.key, (*steps, _marked(step)))
    try:
        apply(node.host, (step,), record.netns_id)
    except NotUndone:
        raise  # it stays recorded, and is taken back the next time
    except BaseException:
        node.attachments.revise(record.key, steps)
        raise
    more = (*steps, step)
    node.attachments.revise(record.key, more)
    return more


def _marked(step: Step) -> Step:
    rest = (pair for pair in step.before if pair[0] != _UNDER_WAY)
    return replace(step, before=(*rest, (_UNDER_WAY, "yes")))


def _require_routes(before: tuple[CallPlugins, ...], wanted: tuple[CallPlugins, ...]) -> None:
    """Refuse another default route of a pod that runs: networks that stay would have to give theirs back."""
    had, now = ({(op.sheds, op.gateways) for op in ops if op.sheds or op.gateways} for ops in (before, wanted))
    if had != now:
        raise Refused(
            "default-route: it is another than when the pod was started", "restart the pod, or put the annotation back"
        )


def _call(record: Record, first: CallPlugins) -> Call:
    """Return the ADD that has made the record, as far as it says."""
    env = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": record.attachment.container_id,
        "CNI_NETNS": record.netns,
        "CNI_IFNAME": record.attachment.ifname,
        "CNI_PATH": ":".join(first.path),
        "CNI_ARGS": ";".join(first.args),
    }
    made = Call.parse(env, record.conf.encode())
    assert isinstance(made, Call)
    return made
