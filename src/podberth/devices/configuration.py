"""Which resources there are: podberth's own file, or sriov-network-device-plugin's (3.9) as it is. Pure.

What one resource says wrong, or what is not served here, is that resource's trouble: the others go on.
"""

from __future__ import annotations

import re

from podberth.cni import parsers, strictjson
from podberth.cni.errors import CniError, InvalidConfig, UnsupportedField
from podberth.cni.fields import Fields, shown
from podberth.cni.value import value
from podberth.devices.resource import Choice, Named, Resource
from podberth.net.vf import Selector, indices
from podberth.net.vf_document import parse_selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PREFIX = "intel.com"  # that of sriov-network-device-plugin, where nobody says one
MOST = 64  # resources
_MOST = 256  # members of one list
_FILE = "config.json"  # the key of sriov-network-device-plugin's ConfigMap
_KIND = "netDevice"  # the one type of device that is served
_ETHER = ("ether", "ethernet")
_OWN = ("name", "vf", "topology", "cdi", "apart", "additionalInfo")
_THEIRS = ("resourceName", "resourcePrefix", "deviceType", "excludeTopology", "selectors", "additionalInfo")
_SELECTORS = ("vendors", "devices", "drivers", "pciAddresses", "pfNames", "rootDevices", "linkTypes")
# What sriov-network-device-plugin selects by besides: each with what a function would need that is not given here.
_UNSERVED = {
    "acpiIndexes": "say `pciAddresses` or `pfNames`",
    "ddpProfiles": "leave it out: which profile a card has loaded is not looked at",
    "pKeys": "leave it out: InfiniBand is not served",
    "isRdma": "leave it out: no device of RDMA is given to containers",
    "needVhostNet": "leave it out: /dev/vhost-net is not given to containers",
    "vdpaType": "leave it out: vDPA devices are not served",
}
_RESOURCE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_OF_A_PATTERN = frozenset("*+?[]^$\\|(){}")
# Go's regular expressions take linear time, Python's do not: without groups, and with few repetitions, they do.
_PATTERN = re.compile(r"\^?(?:(?:[A-Za-z0-9_.:-]|\\[d.]|\[\^?[A-Za-z0-9_:.-]+\])[*+?]?)+\$?")
_REPETITIONS = 3


@value
class Configuration:
    """The resources, in order, and why others of the file are not served, each by how the file calls it.

    Each reason has what to do about it.
    """

    resources: tuple[Resource, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


def read(document: object, prefix: str = PREFIX, where: str = "") -> Configuration:
    """Read a file, or the ConfigMap that has it. InvalidConfig if nothing can be read of it.

    `prefix`: of names that have none. `where`: how messages call the file.
    """
    fields = Fields(document, where, InvalidConfig)
    inside = fields.child("data")
    if inside is not None:
        text = inside.required(_FILE, parsers.any_text)
        fields = Fields(strictjson.loads(text.encode("utf-8", "surrogatepass"), inside.at(_FILE), InvalidConfig), where)
    theirs = "resourceList" in fields.raw
    prefix = fields.get("resourcePrefix", _domain, prefix)
    key = "resourceList" if theirs else "resources"
    if fields.raw.get(key) is None:
        raise fields.fail(key, "required field is missing", "name the resources there, or in `resourceList`")
    each = fields.raw[key]
    if not isinstance(each, list) or len(each) > MOST:
        raise fields.fail(key, f"expected a list of at most {MOST} resources, got {shown(each)}")
    return _all((_theirs if theirs else _own), each, fields.at(key), prefix)


def _all(one: Callable[[Fields, str], Resource], each: list[object], at: str, prefix: str) -> Configuration:
    found: dict[str, Resource] = {}
    refused: list[tuple[str, str]] = []
    for place, raw in enumerate(each):
        try:
            made = one(Fields(raw, f"{at}[{place}]", InvalidConfig), prefix)
            _require_new(made, found.values(), f"{at}[{place}]")
        except CniError as wrong:
            refused.append((wrong.message, wrong.details))
        else:
            found[made.name] = made
    return Configuration(resources=tuple(found.values()), refused=tuple(refused))


def _require_new(made: Resource, others: Iterable[Resource], at: str) -> None:
    """Refuse a resource of the same name, or of the same environment variable: a container could have both."""
    for other in others:
        if other.variable == made.variable:
            same = "its name" if other.name == made.name else f"{made.variable}, as containers see it,"
            raise InvalidConfig(f"{at}: {made.name}: {same} is that of {other.name} above", "give it another name")


def _own(fields: Fields, prefix: str) -> Resource:
    fields.only(_OWN)
    said = fields.required("name", parsers.text)
    return Resource(
        name=_name(fields, "name", said, prefix),
        choices=tuple(Choice(selector=each) for each in _selectors(fields)),
        topology=fields.get("topology", parsers.boolean, True),
        cdi=fields.get("cdi", parsers.boolean, False),
        apart=fields.get("apart", parsers.boolean, False),
        info=_info(fields),
    )


def _selectors(fields: Fields) -> tuple[Selector, ...]:
    """Return what `vf` says: a selector as networks have it, or a list of which one has to fit."""
    if not isinstance(fields.raw.get("vf"), list):
        return (parse_selector(fields) or Selector(),)
    every = fields.children("vf", most=_MOST)
    found = (parse_selector(Fields({"vf": each.raw}, f"{fields.at('vf')}[{i}]")) for i, each in enumerate(every))
    return tuple(each or Selector() for each in found)


def _theirs(fields: Fields, prefix: str) -> Resource:
    prefix = fields.get("resourcePrefix", _domain, prefix)
    name = _name(fields, "resourceName", fields.required("resourceName", parsers.text), prefix)
    fields = Fields(fields.raw, f"{fields.path} ({name})", InvalidConfig)
    _require_known(fields, _THEIRS)
    kind = fields.get("deviceType", parsers.text, _KIND)
    if kind != _KIND:
        raise UnsupportedField(
            f"{fields.at('deviceType')}: {shown(kind)} is not served, only {_KIND}",
            "leave the resource to sriov-network-device-plugin, which can serve beside",
        )
    return Resource(
        name=name,
        choices=_choices(fields),
        topology=not fields.get("excludeTopology", parsers.boolean, False),
        info=_info(fields),
    )


def _choices(fields: Fields) -> tuple[Choice, ...]:
    """Return what `selectors` says: one object, or a list of which one has to fit. Without any, each function fits."""
    raw = fields.raw.get("selectors")
    if not isinstance(raw, list):
        child = fields.child("selectors")
        return (_choice(child) if child is not None else Choice(),)
    return tuple(_choice(each) for each in fields.children("selectors", most=_MOST)) or (Choice(),)


def _choice(fields: Fields) -> Choice:
    for key, instead in _UNSERVED.items():
        if fields.raw.get(key) not in (None, [], "", False):
            raise UnsupportedField(f"{fields.at(key)}: no function can be selected by it here", instead)
    _require_known(fields, (*_SELECTORS, *_UNSERVED))
    fields.each("linkTypes", _ether, most=_MOST)
    return Choice(
        selector=Selector(
            vendors=fields.each("vendors", _pci_id, most=_MOST),
            devices=fields.each("devices", _pci_id, most=_MOST),
            drivers=fields.each("drivers", parsers.identifier, most=_MOST),
            addresses=fields.each("pciAddresses", parsers.pci_address, most=_MOST),
        ),
        pfs=fields.each("pfNames", _named, most=_MOST),
        roots=fields.each("rootDevices", _named, most=_MOST),
    )


def _require_known(fields: Fields, known: tuple[str, ...]) -> None:
    """Refuse a key that is not known: a selector that is passed over would give out functions that nobody meant."""
    for key in fields.raw:
        if key not in known:
            raise UnsupportedField(f"{fields.at(key)}: is no key that is known here", f"known are {', '.join(known)}")


def _name(fields: Fields, key: str, said: str, prefix: str) -> str:
    domain, slash, name = said.rpartition("/")
    try:
        found = f"{_domain(domain if slash else prefix)}/{name}"
    except ValueError as wrong:
        raise fields.fail(key, str(wrong)) from None
    if not _RESOURCE.fullmatch(name):
        raise fields.fail(key, f"expected letters, digits, '-', '_' and '.', at most 63 of them, got {shown(name)}")
    return found


def _info(fields: Fields) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return `additionalInfo`: texts by their names, for each PCI address or '*'."""
    child = fields.child("additionalInfo")
    if child is None:
        return ()
    if len(child.raw) > _MOST:
        raise fields.fail("additionalInfo", f"expected at most {_MOST} members, got {len(child.raw)}")
    found = []
    for address in child.raw:
        said = child.child(address)
        if said is not None:
            texts = tuple((key, said.required(key, parsers.string(min=0, max=1024))) for key in list(said.raw)[:_MOST])
            found.append((address if address == "*" else _address(child, address), texts))
    return tuple(found)


def _address(fields: Fields, raw: str) -> str:
    try:
        return parsers.pci_address(raw)
    except ValueError as wrong:
        raise fields.fail(raw, str(wrong)) from None


def _named(raw: object) -> Named:
    """Read 'NAME#0-3,5', where NAME may be a regular expression, as sriov-network-device-plugin has it."""
    name, hash_sign, those = parsers.string(max=128)(raw).partition("#")
    if hash_sign:
        indices(those)
    if not name:
        raise ValueError(f"expected the name of a PF, got {shown(raw)}")
    if not _OF_A_PATTERN.isdisjoint(name):
        if not _PATTERN.fullmatch(name) or sum(map(name.count, "*+?")) > _REPETITIONS:
            raise ValueError(
                f"expected a name, or a regular expression without groups and with at most {_REPETITIONS} of '*', '+'"
                f" and '?', got {shown(name)}"
            )
        try:
            re.compile(name)
        except re.error as wrong:
            raise ValueError(f"expected a regular expression, got {shown(name)}: {wrong}") from None
        return Named(text=name, pattern=True, those=those)
    return Named(text=name, those=those)


def _ether(raw: object) -> str:
    if raw not in _ETHER:
        raise ValueError(f"expected 'ether', got {shown(raw)}: only Ethernet is served")
    return str(raw)


def _pci_id(raw: object) -> str:
    found = raw.lower().removeprefix("0x") if isinstance(raw, str) else ""
    if len(found) != 4 or not set(found) <= set("0123456789abcdef"):
        raise ValueError(f"expected a PCI ID of four hexadecimal digits as '8086', got {shown(raw)}")
    return found


def _domain(raw: object) -> str:
    found = parsers.name(raw)
    if len(found) > 200 or "kubernetes.io" in (found, found[-13:]):
        raise ValueError(f"expected a domain of your own, of at most 200 characters, got {shown(raw)}")
    return found
