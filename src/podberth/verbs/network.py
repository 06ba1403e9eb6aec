"""The keys of a podberth network configuration that every device kind shares, and the question they lead to."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, Refused, UnsupportedField
from podberth.cni.pod import PodRef
from podberth.cni.value import fields as members
from podberth.cni.value import replace, value
from podberth.net.settings import Settings
from podberth.net.settings_document import parse_settings
from podberth.policy.annotations import ANNOTATION, parse_annotation
from podberth.policy.authorise import authorise, undeclared
from podberth.policy.precedence import NetworkDefaults, Question, RuntimeRequest, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.args import Args
    from podberth.cni.fields import Fields
    from podberth.cni.netconf import NetConf
    from podberth.cni.request import Request
    from podberth.ipam.ledger import Ledger
    from podberth.policy.precedence import Resolved
    from podberth.policy.store import Policies
    from podberth.verbs.node import Kind, Plugin

STATE_DIR = "/var/lib/podberth"
OWN_IPAM = "podberth"


@value
class Network:
    """`as_ipam`: another plugin makes the interface and has asked for addresses only (SPEC.md section 4, delegation).

    `delegated`: addresses come from the IPAM plugin of that type, not from the ledger; '' if not. `plain`: an interface
    without addresses will do, where nothing names a pool.
    `kind`: the plugin's own reading of the keys that say how the interface is made.
    `declared_only`: a pod without a PodNetwork is refused. `policy_dir`: a folder of documents to keep in force.
    `pod_namespace`: where pods belong whose caller names no namespace; '' if nobody says.
    """

    name: str
    as_ipam: bool
    kind: Kind | None
    defaults: NetworkDefaults
    delegated: str = ""
    plain: bool = False
    declared_only: bool = False
    pod_namespace: str = ""
    policy_dir: str | None = None


def read_network(conf: NetConf, plugin: Plugin, *, as_ipam: bool) -> Network:
    """Read the configuration, from `ipam` if called for addresses only. InvalidConfig names the field at fault."""
    _check_ipam(conf, plugin, as_ipam=as_ipam)
    fields = own_fields(conf, as_ipam=as_ipam)
    kind = None if as_ipam else plugin.configure(conf.fields)
    settings = parse_settings(fields if kind is None else conf.fields)
    return Network(
        name=conf.name,
        as_ipam=as_ipam,
        kind=kind,
        delegated="" if as_ipam else delegated(conf, plugin),
        plain=not as_ipam and plugin.DELEGATES_IPAM,
        defaults=NetworkDefaults(
            pool=fields.optional("pool", parsers.name),
            sticky=fields.optional("sticky", parsers.boolean),
            device=(kind.parent or None) if kind is not None else None,
            vf=kind.vf if kind is not None else None,
            settings=settings if kind is None else _merged(kind.settings, settings),
        ),
        declared_only=fields.get("undeclared", parsers.choice("dynamic", "refuse"), "dynamic") == "refuse",
        pod_namespace=fields.get("podNamespace", parsers.label, ""),
        policy_dir=fields.optional("policyDir", parsers.absolute_path),
    )


def delegated(conf: NetConf, plugin: Plugin) -> str:
    """Return the type of the IPAM plugin that gives the addresses; '' if that is podberth's own ledger."""
    named = conf.ipam.get("type", parsers.text, "") if conf.ipam is not None and plugin.DELEGATES_IPAM else ""
    return "" if named == OWN_IPAM else named


def _merged(first: Settings, second: Settings) -> Settings:
    said = {name: found for name, _ in members(Settings) if (found := getattr(first, name)) is not None}
    return replace(second, **said)


def _check_ipam(conf: NetConf, plugin: Plugin, *, as_ipam: bool) -> None:
    """Refuse an `ipam` section that is not for podberth, and keys in it that would say nothing."""
    ipam, own = conf.ipam, plugin.TYPE
    if plugin.DELEGATES_IPAM and not as_ipam:
        return
    if ipam is None:
        if as_ipam:
            raise conf.fields.fail(
                "ipam", f"required in a network of type {conf.type!r}, which is not podberth's to make"
            )
        return
    named = ipam.get("type", parsers.text, "" if as_ipam else own)
    if named != own and as_ipam:
        raise ipam.fail("type", f"expected {own!r}, which was called, got {named!r}")
    if named != own:
        raise UnsupportedField(
            f"ipam.type: the podberth plugin takes addresses from its own ledger, not from {named!r}",
            'leave `ipam` out, or use another main plugin with "ipam": {"type": "podberth"}',
        )
    for key in ipam.raw:
        if not as_ipam and key != "type" and ipam.said(key):
            raise ipam.fail(key, f"says nothing here: a network of type {own!r} has its keys beside `ipam`")


def own_fields(conf: NetConf, *, as_ipam: bool) -> Fields:
    """Return where podberth's keys about addresses stand: in `ipam` if that is podberth's, else beside it."""
    ipam = conf.ipam
    inside = ipam is not None and (as_ipam or (conf.type != OWN_IPAM and ipam.raw.get("type") == OWN_IPAM))
    return ipam if inside and ipam is not None else conf.fields


def state_dir(fields: Fields) -> str:
    """Return the directory of the node's store."""
    return fields.get("stateDir", parsers.absolute_path, STATE_DIR)


def pod_of(network: Network, args: Args) -> PodRef | None:
    """Return the pod that the caller named; one without a namespace is of that which the network configuration says."""
    if args.pod is None and args.lone_name and network.pod_namespace:
        return PodRef(namespace=network.pod_namespace, name=args.lone_name, uid=args.uid)
    return args.pod


def question(network: Network, request: Request, policies: Policies) -> Question:
    """Gather everything said about the interface that `request` is about."""
    pod = pod_of(network, request.args)
    annotation = request.conf.runtime_config.annotation(ANNOTATION)
    return Question(
        pod=pod,
        lone_name=request.args.lone_name if pod is None else "",
        network=network.name,
        ifname=request.ifname,
        declared=policies.find(pod) if pod is not None else (),
        annotation=parse_annotation(annotation) if annotation is not None else (),
        request=RuntimeRequest(addresses=request.ips, mac=request.mac),
        defaults=network.defaults,
        plain=network.plain,
    )


def decide(network: Network, asked: Question, policies: Policies, ledger: Ledger | None = None) -> Resolved:
    """Resolve and authorise; Refused for what the operator has not allowed, before any effect.

    The ledger is asked only for what a refusal says: whether something is reserved for a pod that nobody declares.
    """
    resolved = resolve(asked, policies)
    if network.delegated and resolved.pool.name:
        said = resolved.origin("pool")
        raise InvalidConfig(
            f"ipam.type: network {network.name} has its addresses from {network.delegated}, but {said.source}"
            f" {said.detail} names the pool {resolved.pool.name}",
            "leave the pool out there, or `ipam` in the network configuration",
        )
    if network.declared_only and not resolved.declared:
        pod = asked.pod
        raise undeclared(asked, ledger.reservations(pod=pod) if ledger is not None and pod is not None else ())
    try:
        authorise(asked.pod, resolved)
    except Refused as refused:
        if asked.pod is not None or not asked.lone_name:
            raise
        raise Refused(
            f"the caller named the pod {asked.lone_name} without a namespace, and {refused.message}",
            f"say `podNamespace` in the network configuration, the namespace of such pods; or {refused.details}",
        ) from None
    return resolved
