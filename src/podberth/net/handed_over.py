"""What a record of podberth's would be, had the CNI project's plugin of the type made it: for a way back. Pure.

Links, addresses, routes and sysctls are the same. Rules, limits and backups have other names there.
"""

from __future__ import annotations

from podberth.cni.value import replace, value
from podberth.net import adopted, ops
from podberth.net.ops.ports import parsed
from podberth.net.step import FLOWS, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.net.ops import Op
    from podberth.net.record import Record

_OWN_RULES = (ops.Masquerade, ops.MapPorts, ops.MasqueradeMapped)


@value
class HandedOver:
    """What is to be made in the project's form, and which steps have to be undone then. All else stays as it is."""

    made: tuple[Op, ...]
    undone: tuple[Step, ...]


def handed_over(record: Record) -> HandedOver:
    """Return it of a record of one of the project's types."""
    undone = tuple(
        replace(step, before=(*step.before, (FLOWS, "kept")))
        for step in record.steps
        if isinstance(step.op, _OWN_RULES) and not step.existed
    )
    return HandedOver(made=tuple(_made(record)), undone=undone)


def kept(record: Record) -> str:
    """Return why nothing of the record can be in the project's form, '' if it can."""
    if record.type == "firewall":
        return (
            "the project's firewall has rules of iptables or firewalld alone, and its CHECK will miss them."
            " These stay, and are in force, until `podberth gc --gone`"
        )
    limits = [step.op for step in record.steps if isinstance(step.op, ops.LimitTransmit | ops.LimitReceive)]
    if any(op.netns is not None for op in limits):
        return "the project's bandwidth limits veth pairs alone, and these limits are inside the pod"
    return ""


def _made(record: Record) -> Iterator[Op]:
    every = [step.op for step in record.steps]
    attachment = record.attachment
    masqueraded = tuple(op.address for op in every if isinstance(op, ops.Masquerade))
    if masqueraded:
        yield ops.AdoptMasquerade(
            comment=adopted.masquerade_comment(attachment), chain=adopted.chain(attachment), addresses=masqueraded
        )  # fmt: skip
    answered = {op.address for op in every if isinstance(op, ops.MasqueradeMapped)}
    for op in every:
        if isinstance(op, ops.MapPorts):
            own = tuple(
                port for port in op.ports if (host := parsed(port)[1]) is None or host.version == op.address.version
            )
            yield ops.AdoptPorts(
                container_id=attachment.container_id,
                chains=(),
                addresses=(op.address.ip,),
                ports=own,
                masqueraded=op.address.ip in answered,
                masquerade_all=op.mark_all,
            )
    yield from _limits(record, every)
    yield from _backup(record)


def _limits(record: Record, every: list[Op]) -> Iterator[Op]:
    receives = next((op for op in every if isinstance(op, ops.LimitTransmit) and op.rate), None)
    sends = next((op for op in every if isinstance(op, ops.LimitReceive) and op.rate), None)
    host = receives or sends
    if host is None:
        return
    yield ops.AdoptLimits(
        ifb=adopted.ifb(record.attachment),
        hosts=(host.ifname,),
        receive_rate=receives.rate if receives is not None else 0,
        receive_burst=receives.burst if receives is not None else 0,
        send_rate=sends.rate if sends is not None else 0,
        send_burst=sends.burst if sends is not None else 0,
        was=sends.ifb if sends is not None else "",
    )


def _backup(record: Record) -> Iterator[Op]:
    if record.type != "tuning":
        return
    said = [(step.op, step.before_of("value")) for step in record.steps if isinstance(step.op, ops.SetAttribute)]
    values = tuple(f"{op.attribute}={value}" for op, value in said if value is not None)
    if values:
        path = adopted.backup(record.attachment, str(record.fields.raw.get("dataDir") or ""))
        yield ops.AdoptBackup(netns=record.netns, ifname=record.attachment.ifname, path=path, values=values)
