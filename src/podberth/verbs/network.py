"""The keys of a podberth network configuration that every device kind shares, and the question they lead to."""

from __future__ import annotations

import json

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.cni.fields import Fields
from podberth.cni.keys import BOOLEAN, LIST, TEXT, Key
from podberth.cni.pod import PodRef
from podberth.cni.value import fields as members
from podberth.cni.value import replace, value
from podberth.ipam.preference import preference
from podberth.net.addresses import Addresses
from podberth.net.record import OF_ONE_CALL
from podberth.net.settings import Settings
from podberth.net.settings_document import parse_settings
from podberth.policy.annotations import ANNOTATION, parse_annotation
from podberth.policy.permit import TENANT, Attaching, door_of, limit, permit
from podberth.policy.precedence import NetworkDefaults, Question, RuntimeRequest, resolve
from podberth.verbs.role import STATE_DIR, Role, delegated, own_fields, role_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podberth.cni.args import Args
    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.ipam_claim import IpamClaim
    from podberth.cni.netconf import NetConf
    from podberth.ipam.lease import Reservation
    from podberth.ipam.ledger import Ledger
    from podberth.net.host import Host
    from podberth.net.ops import Address
    from podberth.policy.precedence import Resolved
    from podberth.policy.store import Policies
    from podberth.verbs.node import Kind, Plugin

KEY = "ipamClaim"  # of the configuration (`cni.ipam_claim`): most pods refer to no claim
UNDECLARED = ("dynamic", "refuse")
# The keys about addresses, of each network whose addresses are the ledger's.
KEYS = (
    Key(name="pool", kind=TEXT, read=parsers.name, what="The pool whose addresses pods get that nobody declares."),
    Key(name="pools", kind=LIST, read=preference, what="Instead of `pool` several, tried in this order."),
    Key(name="sticky", kind=BOOLEAN, read=parsers.boolean, what="An address stays reserved for the pod's name."),
    Key(
        name="undeclared", kind=TEXT, read=parsers.choice(*UNDECLARED), default=UNDECLARED[0],
        what="A pod that nobody declares gets an address of the pool, or is refused.",
    ),
    Key(
        name="podNamespace", kind=TEXT, read=parsers.label, default="",
        what="The namespace of pods whose runtime names none, as podman.",
    ),
    Key(name="policyDir", kind=TEXT, read=parsers.absolute_path, what="A folder of documents to keep in force."),
    STATE_DIR,
)  # fmt: skip
_POOL, _POOLS, _STICKY, _UNDECLARED, _POD_NAMESPACE, _POLICY_DIR, _ = KEYS
# By plugin, the configuration read last: the value and its text, and what it says.
_last: dict[tuple[str, ...], tuple[NetConf, str, Network]] = {}


@value
class Network:
    """`role`: whether podberth makes the interface, or gives its addresses.

    `delegated`: addresses come from the IPAM plugin of that type, not from the ledger; '' if not. `plain`: an interface
    without addresses will do, where nothing names a pool.
    `kind`: the plugin's own reading of the keys that say how the interface is made.
    `declared_only`: a pod without a PodNetwork is refused. `policy_dir`: a folder of documents to keep in force.
    `pod_namespace`: where pods belong whose caller names no namespace; '' if nobody says.
    `takes_mac`: an interface can have the MAC that the runtime wishes.
    """

    name: str
    role: Role
    kind: Kind | None
    defaults: NetworkDefaults
    delegated: str = ""
    plain: bool = False
    declared_only: bool = False
    pod_namespace: str = ""
    policy_dir: str | None = None
    takes_mac: bool = True


def network_of(conf: NetConf, plugin: Plugin) -> Network:
    """Return what `read_network` does. A configuration that is as the last one of its plugin was is not read again.

    Most calls on a node have the same one; what is of one pod alone says nothing here.
    """
    last = _last.get(plugin.TYPES)
    if last is not None and last[0] is conf:
        return last[2]
    text = json.dumps({key: said for key, said in conf.raw.items() if key not in OF_ONE_CALL})
    network = last[2] if last is not None and last[1] == text else read_network(conf, plugin)
    _last[plugin.TYPES] = conf, text, network
    return network


def read_network(conf: NetConf, plugin: Plugin) -> Network:
    """Read the configuration, from `ipam` if called for addresses only. InvalidConfig names the field at fault."""
    role = role_of(conf, plugin)
    gives = role is Role.GIVE
    _check_ipam(conf, plugin, role)
    _refuse_policies(conf, plugin)
    fields = own_fields(conf, role)
    kind = None if gives else plugin.configure(conf.fields)
    settings = _settings(conf, plugin, fields, kind)
    return Network(
        name=conf.name,
        role=role,
        kind=kind,
        delegated="" if gives else delegated(conf, plugin),
        plain=not gives and plugin.ADDRESSES is Addresses.IPAM,
        defaults=NetworkDefaults(
            **_pools(fields),
            sticky=_STICKY.of(fields),
            device=(kind.parent or None) if kind is not None else None,
            vf=kind.vf if kind is not None else None,
            settings=settings,
        ),
        declared_only=_UNDECLARED.of(fields) != UNDECLARED[0],
        pod_namespace=_POD_NAMESPACE.of(fields),
        policy_dir=_POLICY_DIR.of(fields),
        takes_mac=gives or plugin.MAC,
    )


def _refuse_policies(conf: NetConf, plugin: Plugin) -> None:
    """Refuse a key that would have no effect here: who says it wants policies to hold. UnsupportedField."""
    if plugin.SETTINGS and conf.fields.get("networkPolicies", parsers.boolean, False):
        raise UnsupportedField(
            "networkPolicies: one network of a pod can't keep them: they are kept for all networks of a pod at once",
            "say it in the configuration of podberth-networks, multus or multus-shim, which calls this one",
        )


def _pools(fields: Fields) -> dict[str, Any]:
    if not fields.said("pools"):
        return {"pool": _POOL.of(fields)}
    if fields.said("pool"):
        raise fields.fail("pools", "is said beside `pool`", "say one of both")
    return {"pools": _POOLS.of(fields)}


def _settings(conf: NetConf, plugin: Plugin, fields: Fields, kind: Kind | None) -> Settings:
    """Return what the configuration says of the interface: in the plugin's own keys, and in those that are podberth's.

    A plugin of others' keys has podberth's only where podberth gives the addresses, in `ipam`.
    """
    if kind is None:
        return parse_settings(fields)
    if plugin.SETTINGS:
        return _merged(kind.settings, parse_settings(conf.fields))
    said = _merged(kind.settings, Settings(dns=conf.dns))
    return _merged(parse_settings(fields), said) if fields is conf.ipam else said


def _merged(first: Settings, second: Settings) -> Settings:
    said = {name: found for name, _ in members(Settings) if (found := getattr(first, name)) is not None}
    return replace(second, **said)


def _check_ipam(conf: NetConf, plugin: Plugin, role: Role) -> None:
    """Refuse the `ipam` section of an interface with addresses of podberth's own, if it names another, or says more."""
    ipam = conf.ipam
    if ipam is None or role is Role.GIVE or plugin.ADDRESSES is Addresses.IPAM:
        return
    own = plugin.TYPES[0]
    named = ipam.get("type", parsers.text, own)
    if named != own:
        raise UnsupportedField(
            f"ipam.type: the podberth plugin takes addresses from its own ledger, not from {named!r}",
            'leave `ipam` out, or use another main plugin with "ipam": {"type": "podberth"}',
        )
    for key in ipam.raw:
        if key != "type" and ipam.said(key):
            raise ipam.fail(key, f"says nothing here: a network of type {own!r} has its keys beside `ipam`")


def pod_of(network: Network, args: Args) -> PodRef | None:
    """Return the pod that the caller named; one without a namespace is of that which the network configuration says."""
    if args.pod is None and args.lone_name and network.pod_namespace:
        return PodRef(namespace=network.pod_namespace, name=args.lone_name, uid=args.uid)
    return args.pod


def question(network: Network, call: Call, policies: Policies) -> Question:
    """Gather everything said about the interface that `call` is about."""
    pod = pod_of(network, call.pod_args)
    annotation = call.conf.runtime_config.annotation(ANNOTATION)
    return Question(
        pod=pod,
        lone_name=call.pod_args.lone_name if pod is None else "",
        network=network.name,
        ifname=call.ifname,
        declared=policies.find(pod) if pod is not None else (),
        annotation=parse_annotation(annotation) if annotation is not None else (),
        # Where another IPAM plugin gives the addresses, the wish is that plugin's to answer: it gets the same CNI_ARGS.
        request=RuntimeRequest(
            addresses=() if network.delegated else call.ips, mac=call.mac if network.takes_mac else None
        ),
        defaults=network.defaults,
        plain=network.plain,
        claim=_claim(call) if KEY in call.conf.raw else None,
    )


def _claim(call: Call) -> IpamClaim | None:
    from podberth.cni.ipam_claim import parse

    return parse(call.conf.fields)


def decide(network: Network, asked: Question, policies: Policies, ledger: Ledger) -> Resolved:
    """Resolve, and ask whether it may be; Refused for what the operator has not allowed, before any effect."""
    resolved = resolve(asked, policies)
    if resolved.claim is not None and (network.delegated or not resolved.pool.name):
        raise InvalidConfig(
            f"ipamClaim: network {network.name} has its addresses from {network.delegated or 'nobody'}, which serves no"
            " claims",
            'use a network of type podberth, or with "ipam": {"type": "podberth"}',
        )
    if network.delegated and resolved.pool.name:
        said = resolved.origin("pool")
        raise InvalidConfig(
            f"ipam.type: network {network.name} has its addresses from {network.delegated}, but {said.source}"
            f" {said.detail} names the pool {resolved.pool.name}",
            "leave the pool out there, or `ipam` in the network configuration",
        )
    reserved, more = _reserved(asked, resolved, policies, ledger)
    claimed = _new(asked, resolved, ledger)
    change = Attaching(
        question=asked,
        resolved=resolved,
        declared_only=network.declared_only,
        reserved=reserved,
        more=more,
        kept=_kept(network, asked, resolved, ledger),
        claimed=claimed,
    )
    who = asked.pod.namespace if asked.pod is not None else ""
    refusal = permit(who, TENANT, door_of(resolved), change)
    if refusal is not None:
        raise refusal
    return resolved


def _reserved(asked: Question, resolved: Resolved, policies: Policies, ledger: Ledger) -> tuple[int, int]:
    """Return how many addresses of the pool are reserved for the pod's namespace, and how many more this will reserve.

    They are counted only if an address is to stay with the pod's name, and the pool says how many may. What is declared
    counts also before anybody has reserved it.
    """
    pod, pool = asked.pod, resolved.pool
    if pod is None or not (resolved.sticky or resolved.claim) or limit(pool, pod.namespace) is None:
        return 0, 0
    whose = resolved.claim.owner if resolved.claim is not None else pod
    from podberth.policy.reserves import reserved_by

    documents = policies.pod_networks(pod.namespace)
    declared = {address for one in documents for address in reserved_by(one, policies.pools()).get(pool.name, ())}
    kept = [one for one in ledger.reservations(pool=pool.name) if one.pod.namespace == pod.namespace]
    own = {one.address.version for one in kept if one.pod.name == whose.name and one.ifname == asked.ifname}
    own |= {address.version for address in resolved.addresses if address in declared}
    return len(declared.union(one.address for one in kept)), len(set(pool.families) - own)


def _new(asked: Question, resolved: Resolved, ledger: Ledger) -> tuple[Address, ...]:
    """Return the addresses that the pod's IPAMClaim names and the ledger does not keep for it yet."""
    if resolved.claim is None or not resolved.claim.ips:
        return ()
    kept = ledger.reservations(pool=resolved.pool.name, pod=resolved.claim.owner)
    known = {one.address.version for one in kept if one.ifname == asked.ifname}
    return tuple(address for address in resolved.claim.ips if address.version not in known)


def _kept(network: Network, asked: Question, resolved: Resolved, ledger: Ledger) -> tuple[Reservation, ...]:
    """Return what is reserved for a pod that nobody declares, where that is refused: the refusal names it."""
    if asked.pod is None or resolved.declared or not network.declared_only:
        return ()
    return ledger.reservations(pod=asked.pod)


def beside_others(host: Host, resolved: Resolved, netns: str) -> Resolved:
    """Return what was resolved; without the default routes that follow from the pool, where the pod has such already.

    Routes that somebody has named stay: two default routes that differ may be meant.
    """
    if resolved.settings.routes is not None:
        return resolved
    versions = {subnet.network.version for subnet in resolved.pool.subnets if subnet.gateway is not None}
    there = host.default_routes(netns, versions) if versions else frozenset()
    return replace(resolved, without_default=there) if there else resolved
