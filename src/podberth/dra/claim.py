"""A ResourceClaim as the API server has it, read through typed fields; what its parameters ask for. Pure.

Parameters come from a DeviceClass, which is the operator's word, or from the claim, which is its namespace's. A class
says keys of a podberth network. A claim says an attachment, as a pod's annotation does: `permit` judges it as one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from podberth.cni import parsers
from podberth.cni.errors import TryAgainLater
from podberth.cni.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

API_VERSION, KIND = "podberth.io/v1alpha1", "InterfaceParameters"
POD, CLAIM = "Pod", "Claim"
FROM_CLASS, FROM_CLAIM = "FromClass", "FromClaim"
_NOT_ALLOCATED = "is the claim allocated?"
_MOST = 32  # results and configurations of a claim: the API's own bounds
# Keys of a network that the driver says itself: where the device is, and where the store is.
_DRIVERS = (
    "bridge", "capabilities", "cniVersion", "device", "deviceID", "ipam", "name", "parent", "plugins", "policyDir",
    "podNamespace", "prevResult", "runtimeConfig", "stateDir", "type", "vf",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What is said of a request's interface. `interface`: its name in the pod, '' for that of the request.

    `identity`: whose name the address goes by, 'Pod' or 'Claim'. `network`: keys of a podberth network. `attachment`: a
    member of `attachments`, as in a PodNetwork.
    """

    interface: str = ""
    identity: str = POD
    network: Mapping[str, object] = field(default_factory=dict)
    attachment: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """A device that a claim was given, by the request that asked for it."""

    request: str
    pool: str
    device: str
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """The pod that a claim is reserved for."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim that is allocated, as far as it is this driver's."""

    namespace: str
    name: str
    uid: str
    pod: Consumer
    devices: tuple[Allocated, ...]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def read_claim(raw: object, uid: str, driver: str) -> Claim:
    """Read a ResourceClaim. InvalidConfig names the field at fault; TryAgainLater for one of another UID.

    A link can be in one pod alone: a claim that is reserved for several is refused.
    """
    said = Fields(raw)
    about = said.section("metadata")
    namespace, name = about.required("namespace", parsers.label), about.required("name", parsers.name)
    found = about.required("uid", parsers.identifier)
    if found != uid:
        raise TryAgainLater(
            f"resource claim {namespace}/{name} is another one by now: its UID is {found}, not {uid}",
            "kubelet asks again for the claim that the pod has",
        )
    status = said.section("status", _NOT_ALLOCATED)
    devices = status.section("allocation", _NOT_ALLOCATED).section("devices", _NOT_ALLOCATED)
    configurations = tuple(_configurations(devices, driver))
    return Claim(
        namespace=namespace,
        name=name,
        uid=uid,
        pod=_pod(status),
        devices=tuple(
            _allocated(each, configurations) for each in devices.children("results", most=_MOST) if _is_of(each, driver)
        ),
    )


def parse_parameters(said: Fields, source: str) -> Parameters:
    """Read opaque parameters. InvalidConfig for an unknown key, and for one that the source has no say in."""
    said.only(("apiVersion", "kind", "interface", "identity", "network", "attachment"))
    said.required("apiVersion", parsers.choice(API_VERSION))
    said.required("kind", parsers.choice(KIND))
    network, attachment = said.child("network"), said.child("attachment")
    if network is not None:
        if source != FROM_CLASS:
            raise said.fail("network", "is the operator's to say", "a claim has `attachment`")
        for key in network.raw:
            if key in _DRIVERS:
                raise network.fail(key, "is the driver's to say", "leave it out: the device says where it is")
    if attachment is not None:
        if source != FROM_CLAIM:
            raise said.fail("attachment", "is a namespace's to say", "say `network` in the DeviceClass")
        for key in ("ifname", "network", "device", "vf"):
            if attachment.said(key):
                raise attachment.fail(key, "follows from the claim", "leave it out; the name is `interface`")
    return Parameters(
        interface=said.get("interface", parsers.ifname, ""),
        identity=said.get("identity", parsers.choice(POD, CLAIM), POD),
        network={} if network is None else network.raw,
        attachment={} if attachment is None else attachment.raw,
    )


def merged(parameters: Iterable[tuple[Fields, Parameters]]) -> Parameters:
    """Return what all of them say together; the later one wins, key by key."""
    found = Parameters()
    for said, each in parameters:
        found = replace(
            found,
            interface=each.interface or found.interface,
            identity=each.identity if said.said("identity") else found.identity,
            network={**found.network, **each.network},
            attachment={**found.attachment, **each.attachment},
        )
    return found


_Configured = tuple[frozenset[str], Fields, Parameters]


def _configurations(devices: Fields, driver: str) -> Iterable[_Configured]:
    for each in devices.children("config", most=2 * _MOST):
        opaque = each.child("opaque")
        if opaque is None or opaque.required("driver", parsers.name) != driver:
            continue
        source = each.required("source", parsers.choice(FROM_CLASS, FROM_CLAIM))
        said = opaque.section("parameters")
        requests = frozenset(each.each("requests", parsers.string(), most=_MOST))
        yield requests, said, parse_parameters(said, source)


def _allocated(result: Fields, configurations: tuple[_Configured, ...]) -> Allocated:
    request = result.required("request", parsers.string())
    # A request with alternatives is named as REQUEST/ALTERNATIVE; a configuration may name either.
    names = {request, request.partition("/")[0]}
    applies = [(said, found) for requests, said, found in configurations if not requests or requests & names]
    return Allocated(
        request=request,
        pool=result.required("pool", parsers.string()),
        device=result.required("device", parsers.label),
        parameters=merged(applies),
    )


def _is_of(result: Fields, driver: str) -> bool:
    return result.required("driver", parsers.string()) == driver


def _pod(status: Fields) -> Consumer:
    reserved = [each for each in status.children("reservedFor", most=256) if each.get("resource", str, "") == "pods"]
    if len(reserved) != 1:
        raise status.fail(
            "reservedFor",
            f"the claim is reserved for {len(reserved)} pods, and a link can be in one",
            "give each pod a claim of its own: a resourceClaimTemplate does",
        )
    return Consumer(
        name=reserved[0].required("name", parsers.name), uid=reserved[0].required("uid", parsers.identifier)
    )
