"""What a pod gets, and where every value comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from podberth.catalogue import find_plugin
from podberth.cni.errors import InvalidConfig
from podberth.cni.value import fields
from podberth.desk import prospect
from podberth.desk.form import LEFT_OUT, UNSAID, Answer, Pod, row
from podberth.desk.legs import Leg, is_several, legs
from podberth.desk.policies import Policed, policed
from podberth.desk.prospect import Expected, Prospect
from podberth.desk.rows import NOT_IN_FORCE, REFUSED, Outdated, Refused, Waiting
from podberth.ipam.refusals import same
from podberth.net.settings import Settings
from podberth.net.settings_document import settings_document
from podberth.policy.standing import Standing
from podberth.verbs.outdated import outdated

if TYPE_CHECKING:
    from podberth.cni.errors import CniError
    from podberth.cni.netconf import NetConf
    from podberth.cni.pod import PodRef
    from podberth.policy import changes
    from podberth.policy.layer import Provenance
    from podberth.verbs.node import Node

FIRST = "eth0"  # the interface of a pod's first network
_FIELDS = frozenset(name for name, _ in fields(Settings))


@row
class Refusal:
    """The error that an ADD would end with."""

    code: int
    msg: str
    details: str


@row
class Overridden:
    """What a declaration says, and another of higher precedence says otherwise."""

    value: object
    source: str
    detail: str


@row
class Value:
    """A value and where it comes from, as documents write it; a duration in seconds."""

    field: str
    value: object
    source: str
    detail: str
    overridden: tuple[Overridden, ...]


@row
class PassedOver:
    """A pool that is named in order of preference, and would not serve."""

    pool: str
    why: str


@row
class Interface:
    """What an interface of the pod gets. `effective` are the settings that follow from its addresses too."""

    ifname: str
    network: str | None
    declared: bool
    refusal: Refusal | None
    addresses: tuple[Expected, ...]
    effective: dict[str, object]
    values: tuple[Value, ...]
    outdated: Annotated[tuple[Outdated, ...], LEFT_OUT] = ()
    passed_over: Annotated[tuple[PassedOver, ...], LEFT_OUT] = ()
    prospect: Annotated[Prospect, UNSAID]


@row
class Explained(Answer):
    """What a pod gets on each interface; and what is declared for it in vain.

    `legs`: all its networks, where the configuration is a meta plugin's; `policed` what policies let pass there. The
    ledger gives the addresses of those
    interfaces alone that `interfaces` has.
    """

    SCHEMA = "explain/1"
    pod: Pod
    interfaces: tuple[Interface, ...]
    legs: Annotated[tuple[Leg, ...], LEFT_OUT] = ()
    policed: Annotated[Policed | None, LEFT_OUT] = None
    waiting: NOT_IN_FORCE = ()
    refused: REFUSED = ()
    running: Annotated[tuple[tuple[str, Outdated], ...], UNSAID] = ()
    standings: Annotated[tuple[Standing, ...], UNSAID] = ()

    @property
    def would_be_refused(self) -> bool:
        """Whether an ADD of an interface would be."""
        return any(each.refusal for each in self.interfaces)


def explain(node: Node, pod: PodRef, conf: NetConf | None = None, ifname: str | None = None) -> Explained:
    """Return what each interface of the pod gets, or the one of that name, by a network configuration if it is known.

    A meta plugin's leads to all the networks that the pod selects. Raises what keeps it from being resolved at all.
    """
    several = legs(node, pod, conf, FIRST) if conf is not None and is_several(conf.type) else ()
    found = _of_legs(node, pod, several, ifname) if several else _foreseen(node, pod, conf, ifname)
    older = tuple(
        (record.attachment.ifname, Outdated.of(said))
        for record in node.attachments.all()
        if record.leases and same(record.pod, pod)
        for said in outdated(node, record, find_plugin)
    )
    standings = tuple(one for one in node.policies.standings() if one.concerns(pod))
    return Explained(
        pod=pod,
        interfaces=tuple(_interface(each, older) for each in found),
        legs=several,
        policed=policed(node, conf, pod, [(leg.ifname, leg.name) for leg in several]) if conf is not None else None,
        waiting=tuple(Waiting.of(one) for one in node.policies.waiting() if _is_about(one, pod)),
        refused=tuple(map(Refused.of, standings)),
        running=older,
        standings=standings,
    )


def _of_legs(node: Node, pod: PodRef, several: tuple[Leg, ...], ifname: str | None) -> list[Prospect]:
    return [
        prospect.foresee(node, pod, each.ifname, prospect.read(conf, find_plugin)[0], conf)
        for each in several
        if each.config is not None and ifname in (None, each.ifname)
        for conf in [prospect.configuration(each.config)]
    ]


def _foreseen(node: Node, pod: PodRef, conf: NetConf | None, ifname: str | None) -> list[Prospect]:
    network = prospect.read(conf, find_plugin)[0] if conf is not None else None
    wanted = prospect.interfaces(node, pod, network.name if network else None)
    if ifname is not None:
        wanted = tuple(pair for pair in wanted if pair[0] == ifname) or ((ifname, network.name if network else ""),)
    try:
        return [prospect.foresee(node, pod, name, network or prospect.unnamed(net), conf) for name, net in wanted]
    except InvalidConfig as wrong:
        if conf is not None:
            raise
        raise InvalidConfig(wrong.message, "a PodNetwork can say it, or the network configuration: --config") from None


def _interface(found: Prospect, older: tuple[tuple[str, Outdated], ...]) -> Interface:
    return Interface(
        ifname=found.ifname,
        network=found.network.name or None,
        declared=found.resolved.declared,
        refusal=_refusal(found.refusal),
        addresses=found.addresses,
        effective={name: _said(name, value) for name, value in prospect.effective(found).items()},
        values=tuple(map(_value, found.resolved.provenance)),
        outdated=tuple(said for ifname, said in older if ifname == found.ifname),
        passed_over=tuple(PassedOver(pool=each.pool, why=each.why) for each in found.passed),
        prospect=found,
    )


def _refusal(error: CniError | None) -> Refusal | None:
    return Refusal(code=error.code, msg=error.message, details=error.details) if error is not None else None


def _value(origin: Provenance) -> Value:
    return Value(
        field=origin.field,
        value=_said(origin.field, origin.value),
        source=origin.source,
        detail=origin.detail,
        overridden=tuple(
            Overridden(value=_said(origin.field, other.value), source=other.source, detail=other.detail)
            for other in origin.overridden
        ),
    )


def _said(field: str, value: object) -> object:
    """Return a value as documents write it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if field in _FIELDS:
        return settings_document(Settings(**{field: value}))[field]  # type: ignore[arg-type]
    return str(value)


def _is_about(one: changes.Waiting, pod: PodRef) -> bool:
    """Say whether a document that is not in force can matter to the pod: of PodNetworks, those of its namespace."""
    kind, _, name = one.document.partition(" ")
    return kind != "PodNetwork" or name.partition("/")[0] == pod.namespace
