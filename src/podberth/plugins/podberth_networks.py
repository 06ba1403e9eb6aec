"""The `podberth-networks` type: all networks of a pod in one call, in the place of Multus. Pure.

The cluster's networks come first, then those that the pod selects by its annotation (multi-net-spec 1.3). Each is a
list of plugins that is called; podberth's own are served in the same process.
"""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig, Refused, TryAgainLater
from podberth.cni.fields import Fields
from podberth.cni.strictjson import dumps
from podberth.cni.value import replace
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.plan import Plan
from podberth.net.requests import Request
from podberth.net.seen import CLAIM, DEFINITION, POD, DevicesOf, NetworksAt, ObjectSought, Suiting
from podberth.net.step import Step
from podberth.networks import definition, device_info, selection, settings
from podberth.networks.legs import (
    Leg,
    args,
    auxiliary,
    capabilities,
    configured,
    dealt,
    named,
    require_reachable,
    require_room,
    require_sound,
    require_trusted,
    sheds,
)
from podberth.networks.migration import is_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.cni.call import Call
    from podberth.cni.ipam_claim import IpamClaim
    from podberth.cni.keys import Key
    from podberth.cni.netlist import NetworkList
    from podberth.net.endpoint import Endpoint
    from podberth.net.seen import Query, Seen
    from podberth.networks.definition import Definition
    from podberth.networks.selection import Selection
    from podberth.networks.settings import Settings

TYPES: tuple[str, ...] = ("podberth-networks",)
KEYS: tuple[Key, ...] = settings.KEYS
ADDRESSES = Addresses.CALLED
SETTINGS = MAC = False
STATIC = "kubernetes.io/config.hash"  # annotation of a static pod: the UID that it has for the kubelet and the runtime


def configure(fields: Fields) -> Settings:
    """Return the configuration. InvalidConfig names the field at fault."""
    return settings.read(fields)


def asks(conf: Settings, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return the node's networks, the pod, the cluster's definitions; then those that the pod selects."""
    del endpoint
    if conf.readiness and conf.readiness_file not in seen:
        return (conf.readiness_file,)
    objects = _objects(conf, call, seen)
    if not all(query in seen for query in objects):
        return objects
    pod = _found_pod(conf, call, seen)
    legs = _legs(conf, call, pod, seen) if pod is not None else ()
    if not any(leg.lacks for leg in legs):
        return objects
    devices = _devices_of(call)
    if devices not in seen:
        return (*objects, devices)
    return (*objects, devices, *(_suiting(conf, call, leg, legs, seen) for leg in legs if leg.lacks))


def plan(conf: Settings, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return the calls, the cluster's network first. TryAgainLater for a pod that the API server does not have yet."""
    del endpoint
    _require_ready(conf, seen)
    sought, pod = _pod_sought(conf, call), _found_pod(conf, call, seen)
    if sought is not None and pod is None:
        raise TryAgainLater(
            f"the API server has no pod {sought.namespace}/{sought.name}"
            + (f" with the UID {sought.uid}" if sought.uid else ""),
            "it may be gone, or not be known here yet",
        )
    legs = _legs(conf, call, pod, seen)
    if any(leg.lacks for leg in legs):
        given = seen.asked(_devices_of(call))
        asked = legs
        legs = dealt(
            legs, str(call.pod_args.pod), given, lambda leg: seen.asked(_suiting(conf, call, leg, asked, seen))
        )
    calls = tuple(_called(conf, call, leg, legs, seen) for leg in legs)
    require_sound(calls)
    return Plan(ops=calls, requests=tuple(_requests(conf, call, legs)))


def _objects(conf: Settings, call: Call, seen: Seen) -> tuple[Query, ...]:
    """Return the questions for files and objects, as far as they follow from what was seen."""
    first = (NetworksAt(path=conf.conf_dir), *_of_cluster(conf), *((conf.chain,) if conf.auxiliary else ()))
    pod = _pod_sought(conf, call)
    if pod is None:
        return first
    if pod not in seen:
        return (*first, pod)
    of_any_uid = _of_any_uid(pod)
    if seen.asked(pod) is None and of_any_uid not in seen:
        return (*first, pod, of_any_uid)
    found = _pod(pod, seen)
    selected = _selected(conf, call, found)
    chosen = (*_default_of_pod(conf, found), *selected)
    claims = (_claim_sought(conf, pod.namespace, one.claim) for one in selected if one.claim)
    return (*first, pod, *(_sought(conf, one.namespace, one.name) for one in chosen), *claims)


def _found_pod(conf: Settings, call: Call, seen: Seen) -> Mapping[str, object] | None:
    sought = _pod_sought(conf, call)
    return _pod(sought, seen) if sought is not None else None


def _legs(conf: Settings, call: Call, pod: Mapping[str, object] | None, seen: Seen) -> tuple[Leg, ...]:
    """Return the networks of the pod with their interfaces, before the kubelet's devices are dealt."""
    own = seen.asked(NetworksAt(path=conf.conf_dir))
    whole = [*_cluster(conf, call, pod, seen, own)]
    selected = _selected(conf, call, pod)
    require_room((str(one), _definition(conf, one.namespace, one.name, seen).config) for one in selected)
    whole += (_chosen(conf, one, seen, own) for one in selected)
    chained = seen.asked(conf.chain) if conf.auxiliary else ()
    if chained:
        network = auxiliary(conf.auxiliary, call.conf.cni_version, chained)
        whole.append(Leg(label=conf.auxiliary, network=network))
    return named(whole, call.ifname)


def _devices_of(call: Call) -> DevicesOf:
    pod = call.pod_args.pod
    if pod is None:
        raise InvalidConfig(
            "K8S_POD_NAME: without a pod's name nobody knows which devices the kubelet has given it",
            "take the annotation resourceName from the definition",
        )
    return DevicesOf(namespace=pod.namespace, name=pod.name, uid=pod.uid)


def _suiting(conf: Settings, call: Call, leg: Leg, legs: tuple[Leg, ...], seen: Seen) -> Suiting:
    """Return the question which of the devices of its resource suit a leg."""
    given = seen.asked(_devices_of(call))
    among = tuple(dict.fromkeys(device for resource, device in given if resource in leg.resources))
    return Suiting(call=_called(conf, call, leg, legs, seen), among=among)


def status(conf: Settings, seen: Seen) -> NetworkList | None:
    """Return the network of each pod, whose STATUS is the node's; None if it is an API server's to say which it is.

    TryAgainLater until it is ready.
    """
    _require_ready(conf, seen)
    if conf.delegates:
        return conf.delegates[0]
    found = seen.asked(_files(conf))
    if "/" in conf.cluster:
        return _first(found)
    return next((each for each in found if each.name == conf.cluster), None)


def status_asks(conf: Settings, seen: Seen) -> tuple[Query, ...]:
    """Return what `status` looks at: files of the node. An API server that is away makes no node unready."""
    del seen
    return (*((conf.readiness_file,) if conf.readiness else ()), _files(conf))


def _files(conf: Settings) -> NetworksAt:
    return NetworksAt(path=conf.cluster if "/" in conf.cluster else conf.conf_dir)


def adopted(call: Call) -> tuple[Step, ...]:
    """Return the calls that Multus has made for the pod, if it did: a file of its own has them."""
    cni_dir, bin_dir = settings.folders_of(call.conf.fields)
    op = ops.AdoptCalls(
        netns=call.netns,
        ifname=call.ifname,
        container_id=call.container_id,
        path=f"{cni_dir}/{call.container_id}",
        search=_search(bin_dir, call),
        cache=cni_dir,
        args=tuple(f"{key}={text}" for key, text in call.args),
    )
    return (Step(op=op),)


def _requests(conf: Settings, call: Call, legs: tuple[Leg, ...]) -> Iterator[Request]:
    """Yield what the pod's annotation asks of its networks, where the operator has rules about that."""
    pod = call.pod_args.pod
    for leg in legs if conf.rules and pod is not None else ():
        if leg.selection is not None and leg.selection.requests and pod is not None:
            yield Request(pod=pod, network=leg.label, keys=leg.selection.requests, rules=conf.rules)


def _claim(conf: Settings, call: Call, leg: Leg, legs: tuple[Leg, ...], seen: Seen) -> IpamClaim | None:
    """Return the IPAMClaim that the pod refers to for a leg; None if it refers to none."""
    if leg.selection is None or not leg.selection.claim:
        return None
    from podberth.networks.claim import claimed

    pod = _found_pod(conf, call, seen)
    assert call.pod_args.pod is not None
    assert pod is not None
    namespace = call.pod_args.pod.namespace
    document = seen.asked(_claim_sought(conf, namespace, leg.selection.claim))
    return replace(claimed(leg, document, namespace, legs), standby=is_target(pod))


def _called(conf: Settings, call: Call, leg: Leg, legs: tuple[Leg, ...], seen: Seen) -> ops.CallPlugins:
    first, claim = leg is legs[0], _claim(conf, call, leg, legs, seen)
    device = leg.device or leg.named
    about = device_info.dp_files(leg.resources, device.split(",")) if leg.resource and device else ()
    # Plugins are told of one file, about one device (device-info-spec 1.1): none of a bond's are.
    info_file = device_info.cni_file(leg.label, call.container_id, leg.ifname) if len(about) == 1 else ""
    offered = capabilities(leg, call.runtime_config or {}, first=first, info_file=info_file)
    return ops.CallPlugins(
        network=leg.network.name,
        netns=call.netns,
        ifname=leg.ifname,
        container_id=call.container_id,
        config=configured(leg, claim),
        path=_search(conf.bin_dir, call),
        cache=conf.cni_dir,
        args=args(leg, dict(call.args), first=first),
        capabilities=dumps(offered) if offered else "",
        label=leg.label,
        default=first,
        sheds=sheds(leg, legs),
        gateways=leg.gateways,
        claim=f"{claim.name}/{claim.uid}" if claim is not None else "",
        standby=claim is not None and claim.standby,
        info_from=",".join(about),
        info_file=info_file,
    )


def _search(bin_dir: str, call: Call) -> tuple[str, ...]:
    """Return where plugins are looked for: in binDir first, as Multus does."""
    return (bin_dir, *(folder for folder in call.path if folder != bin_dir))


def _first(networks: tuple[NetworkList, ...]) -> NetworkList | None:
    """Return the network of a folder: that of the first file by name, be it a list or a single plugin."""
    return min(networks, key=lambda network: network.path, default=None)


def _cluster(
    conf: Settings, call: Call, pod: Mapping[str, object] | None, seen: Seen, own: tuple[NetworkList, ...]
) -> Iterator[Leg]:
    """Yield the networks of each pod: the first, or what the pod names instead, then others."""
    instead = _default_of_pod(conf, pod) if pod is not None else ()
    if call.pod_args.pod is not None:
        elsewhere = [one for one in instead if one.namespace != conf.namespace]
        require_reachable(conf, elsewhere, call.pod_args.pod.namespace)
    names = (conf.cluster, *(() if _is_system(conf, pod) else conf.defaults)) if conf.cluster else ()
    given = [_own(each) for each in conf.delegates] or [_named(conf, name, seen, own) for name in names]
    yield from (_chosen(conf, one, seen, own) for one in instead)
    yield from given[len(instead) :]


def _own(network: NetworkList) -> Leg:
    return Leg(label=network.name, network=network)


def _chosen(conf: Settings, one: Selection, seen: Seen, own: tuple[NetworkList, ...]) -> Leg:
    return replace(_defined(conf, one.namespace, one.name, seen, own), selection=one)


def _named(conf: Settings, name: str, seen: Seen, own: tuple[NetworkList, ...]) -> Leg:
    """Return a network that the configuration names: a path, a definition, or a network of the node's own."""
    key = settings.CLUSTER.name if name == conf.cluster else settings.DEFAULTS.name
    if "/" in name:
        found = _first(seen.asked(NetworksAt(path=name)))
        if found is None:
            raise InvalidConfig(f"{key}: there is no network at {name}", "name a folder or a file that has one")
        return _own(found)
    if conf.kubeconfig and seen.asked(_sought(conf, conf.namespace, name)) is not None:
        return _defined(conf, conf.namespace, name, seen, own)
    mine = next((each for each in own if each.name == name), None)
    if mine is None:
        raise InvalidConfig(
            f"{key}: there is no network {name} in {conf.conf_dir}, and no definition of that name in {conf.namespace}",
            "write the one or the other",
        )
    return _own(mine)


def _defined(conf: Settings, namespace: str, name: str, seen: Seen, own: tuple[NetworkList, ...]) -> Leg:
    """Return the network of a definition. Refused if there is none of that name."""
    found = _definition(conf, namespace, name, seen)
    return Leg(label=f"{namespace}/{name}", network=definition.network(found, own), resource=found.resource)


def _definition(conf: Settings, namespace: str, name: str, seen: Seen) -> Definition:
    require_trusted(conf, namespace, f"{namespace}/{name}")
    document = seen.asked(_sought(conf, namespace, name))
    if document is None:
        raise Refused(
            f"there is no NetworkAttachmentDefinition {namespace}/{name}",
            "make it, or correct the pod's annotation; the pod starts as soon as it is there",
        )
    return definition.read(document)


def _of_cluster(conf: Settings) -> tuple[Query, ...]:
    """Return what the names of the cluster's networks may stand for."""
    names = (conf.cluster, *conf.defaults) if conf.cluster else ()
    paths = tuple(NetworksAt(path=name) for name in names if "/" in name)
    plain = tuple(name for name in names if "/" not in name) if conf.kubeconfig else ()
    return (*paths, *(_sought(conf, conf.namespace, name) for name in plain))


def _claim_sought(conf: Settings, namespace: str, name: str) -> ObjectSought:
    return ObjectSought(kubeconfig=conf.kubeconfig, kind=CLAIM, namespace=namespace, name=name)


def _sought(conf: Settings, namespace: str, name: str) -> ObjectSought:
    return ObjectSought(kubeconfig=conf.kubeconfig, kind=DEFINITION, namespace=namespace, name=name)


def _pod_sought(conf: Settings, call: Call) -> ObjectSought | None:
    pod = call.pod_args.pod
    if pod is None or not conf.kubeconfig:
        return None
    return ObjectSought(kubeconfig=conf.kubeconfig, kind=POD, namespace=pod.namespace, name=pod.name, uid=pod.uid)


def _of_any_uid(sought: ObjectSought) -> ObjectSought:
    return ObjectSought(kubeconfig=sought.kubeconfig, kind=POD, namespace=sought.namespace, name=sought.name)


def _pod(sought: ObjectSought, seen: Seen) -> Mapping[str, object] | None:
    """Return the pod. The API server knows a static one by a UID of its own: an annotation says the kubelet's."""
    found: Mapping[str, object] | None = seen.asked(sought)
    if found is not None:
        return found
    other: Mapping[str, object] | None = seen.asked(_of_any_uid(sought))
    return other if other is not None and _annotation(other, STATIC) == sought.uid else None


def _annotation(pod: Mapping[str, object], name: str) -> str:
    metadata = Fields(pod, "Pod").child("metadata")
    annotations = metadata.child("annotations") if metadata is not None else None
    found = annotations.raw.get(name) if annotations is not None else None
    return found if isinstance(found, str) else ""


def _selected(conf: Settings, call: Call, pod: Mapping[str, object] | None) -> tuple[Selection, ...]:
    if pod is None or call.pod_args.pod is None:
        return ()
    namespace = call.pod_args.pod.namespace
    found = selection.parse(_annotation(pod, selection.NETWORKS), namespace)
    require_reachable(conf, found, namespace)
    return found


def _default_of_pod(conf: Settings, pod: Mapping[str, object] | None) -> tuple[Selection, ...]:
    """Return what the pod names in the place of the cluster's network; () if nothing. Refused if it names more."""
    if pod is None:
        return ()
    text = _annotation(pod, selection.DEFAULT_NETWORK)
    found = selection.parse(text, conf.namespace, selection.DEFAULT_NETWORK)
    if len(found) > 1:
        raise Refused(f"{selection.DEFAULT_NETWORK}: expected one network, got {len(found)}", "name the first alone")
    if found and found[0].claim:
        raise Refused(
            f"{selection.DEFAULT_NETWORK}: ipam-claim-reference: {found[0].claim} can't be had on the first network",
            "claims are for the networks that a pod selects beside it (multi-net-spec 1.3, section 8)",
        )
    return found


def _is_system(conf: Settings, pod: Mapping[str, object] | None) -> bool:
    metadata = Fields(pod, "Pod").child("metadata") if pod is not None else None
    return metadata is not None and metadata.raw.get("namespace") in conf.system


def _require_ready(conf: Settings, seen: Seen) -> None:
    if conf.readiness and seen.asked(conf.readiness_file) is None:
        raise TryAgainLater(
            f"readinessindicatorfile: there is no {conf.readiness} yet",
            "the cluster's network makes it once it is ready",
        )
