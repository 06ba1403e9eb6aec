"""The keys of a podberth network configuration that every device kind shares, and the question they lead to."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import UnsupportedField
from podberth.cni.value import value
from podberth.net.settings_document import parse_settings
from podberth.policy.annotations import ANNOTATION, parse_annotation
from podberth.policy.authorise import authorise
from podberth.policy.precedence import NetworkDefaults, Question, RuntimeRequest, resolve, undeclared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.fields import Fields
    from podberth.cni.netconf import NetConf
    from podberth.cni.request import Request
    from podberth.policy.precedence import Resolved
    from podberth.policy.store import Policies
    from podberth.verbs.node import Kind, Plugin

STATE_DIR = "/var/lib/podberth"


@value
class Network:
    """`as_ipam`: another plugin makes the interface and has asked for addresses only (SPEC.md section 4, delegation).

    `kind`: the plugin's own reading of the keys that say how the interface is made.
    `declared_only`: a pod without a PodNetwork is refused. `policy_dir`: a folder of documents to keep in force.
    """

    name: str
    as_ipam: bool
    kind: Kind | None
    defaults: NetworkDefaults
    declared_only: bool = False
    policy_dir: str | None = None


def read_network(conf: NetConf, plugin: Plugin, *, as_ipam: bool) -> Network:
    """Read the configuration, from `ipam` if called for addresses only. InvalidConfig names the field at fault."""
    _check_ipam(conf, plugin.TYPE, as_ipam=as_ipam)
    fields = own_fields(conf, as_ipam=as_ipam)
    kind = None if as_ipam else plugin.configure(fields)
    return Network(
        name=conf.name,
        as_ipam=as_ipam,
        kind=kind,
        defaults=NetworkDefaults(
            pool=fields.optional("pool", parsers.name),
            sticky=fields.optional("sticky", parsers.boolean),
            device=kind.parent if kind is not None else None,
            settings=parse_settings(fields),
        ),
        declared_only=fields.get("undeclared", parsers.choice("dynamic", "refuse"), "dynamic") == "refuse",
        policy_dir=fields.optional("policyDir", parsers.absolute_path),
    )


def _check_ipam(conf: NetConf, own: str, *, as_ipam: bool) -> None:
    """Refuse an `ipam` section that is not for podberth, and keys in it that would say nothing."""
    ipam = conf.ipam
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
        if not as_ipam and key != "type":
            raise ipam.fail(key, f"says nothing here: a network of type {own!r} has its keys beside `ipam`")


def own_fields(conf: NetConf, *, as_ipam: bool) -> Fields:
    """Return where podberth's keys stand in the configuration."""
    return conf.ipam if as_ipam and conf.ipam is not None else conf.fields


def state_dir(fields: Fields) -> str:
    """Return the directory of the node's store."""
    return fields.get("stateDir", parsers.absolute_path, STATE_DIR)


def question(network: Network, request: Request, policies: Policies) -> Question:
    """Gather everything said about the interface that `request` is about."""
    pod = request.args.pod
    annotation = request.conf.runtime_config.annotation(ANNOTATION)
    return Question(
        pod=pod,
        network=network.name,
        ifname=request.ifname,
        declared=policies.find(pod) if pod is not None else (),
        annotation=parse_annotation(annotation) if annotation is not None else (),
        request=RuntimeRequest(addresses=request.ips, mac=request.mac),
        defaults=network.defaults,
    )


def decide(network: Network, asked: Question, policies: Policies) -> Resolved:
    """Resolve and authorise; Refused for what the operator has not allowed, before any effect."""
    resolved = resolve(asked, policies)
    if network.declared_only and not resolved.declared:
        raise undeclared(asked)
    authorise(asked.pod, resolved)
    return resolved
