"""The members of a PodNetwork's `attachments`, from the document's form to values and back."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.fields import shown
from podberth.ipam.pool_document import span
from podberth.ipam.preference import preference
from podberth.net import vf_document
from podberth.net.settings_document import FROM_ADDRESS, SETTINGS_KEYS, parse_settings, settings_document
from podberth.policy.podnetwork import AttachmentPolicy, Ordinals, OwnPool, Run, compact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.cni.fields import Fields
    from podberth.net.ops import Address

MAX_ORDINALS = 65536
MAX_ADDRESSES = 2 * MAX_ORDINALS  # of all attachments: a few lines of `base` could stand for millions
MAX_SHARED = 1024  # addresses of one attachment that the pods of a Deployment have among them
MAX_ATTACHMENTS = 64

_COMMON = ("ifname", "network", "pool", "pools", "ownPool", "sticky", "device", "vf", *SETTINGS_KEYS)


def parse_attachments(
    spec: Fields,
    *,
    most: int = MAX_ATTACHMENTS,
    replicas: int | None = None,
    start: int | None = None,
    shared: bool = False,
) -> tuple[AttachmentPolicy, ...]:
    """Read `attachments` of `spec`: a StatefulSet's if there is a `start`, a Deployment's if `shared`, or a pod's.

    InvalidConfig names the field.
    """
    found: list[AttachmentPolicy] = []
    for entry in spec.children("attachments", most=most):
        policy = _shared(entry) if shared else _attachment(entry, replicas, start)
        if any((policy.ifname, policy.network) == (other.ifname, other.network) for other in found):
            where = f"on network {policy.network}" if policy.network else "on any network"
            raise entry.fail("ifname", f"an earlier attachment declares {policy.ifname!r} {where} already")
        found.append(policy)
        if sum(len(ordinals.addresses) for policy in found for ordinals in policy.ordinals) > MAX_ADDRESSES:
            raise entry.fail("ordinals", f"with those before more than {MAX_ADDRESSES} addresses in one document")
    return tuple(found)


def attachment_document(policy: AttachmentPolicy) -> dict[str, object]:
    """Return the document's form; `parse_attachments` reads the same value back."""
    document: dict[str, object] = {"ifname": policy.ifname}
    if policy.network is not None:
        document["network"] = policy.network
    document |= _pools_document(policy)
    if policy.shared:
        document["addresses"] = [
            f"{first}-{last}" if first != last else str(first) for first, last in runs(policy.shared)
        ]
    if policy.addresses:
        document["addresses"] = [str(address) for address in policy.addresses]
    if policy.ordinals:
        document["ordinals"] = [_ordinals_document(ordinals) for ordinals in policy.ordinals]
    for key in ("sticky", "device"):
        if getattr(policy, key) is not None:
            document[key] = getattr(policy, key)
    if policy.vf is not None:
        document["vf"] = vf_document.selector_document(policy.vf)
    return {**document, **settings_document(policy.settings)}


def _pools_document(policy: AttachmentPolicy) -> dict[str, object]:
    if policy.own is not None:
        return {"ownPool": {"from": policy.own.parent, "addresses": policy.own.addresses}}
    if policy.pools:
        return {"pools": list(policy.pools)}
    return {"pool": policy.pool} if policy.pool is not None else {}


def runs(addresses: Iterable[Address]) -> tuple[tuple[Address, Address], ...]:
    """Return the addresses, which are in order, as (first, last) of what follows one another."""
    found: list[tuple[Address, Address]] = []
    for address in addresses:
        last = found[-1][1] if found else None
        if last is not None and last.version == address.version and int(address) == int(last) + 1:
            found[-1] = (found[-1][0], address)
        else:
            found.append((address, address))
    return tuple(found)


def _shared(entry: Fields) -> AttachmentPolicy:
    """Read what the pods of a Deployment have among them: each of them any one address a family, of all in the list."""
    if entry.raw.get("ordinals") is not None:
        raise entry.fail("ordinals", "`ordinals` are for a statefulSet; a deployment has `addresses`")
    policy = _attachment(entry, None, None, _addresses_shared(entry))
    if policy.settings.mac not in (None, FROM_ADDRESS):
        raise entry.fail(
            "mac",
            f"{policy.settings.mac!r} can't be the MAC of every pod",
            f"use `mac: {FROM_ADDRESS}`: it goes with the address",
        )
    if policy.sticky:
        raise entry.fail("sticky", "no pod of a Deployment comes again under its name", "leave it out")
    return policy


def _addresses_shared(entry: Fields) -> tuple[Address, ...]:
    found: set[Address] = set()
    for i, member in enumerate(entry.each("addresses", span, most=MAX_SHARED)):
        size = int(member.last) - int(member.first) + 1
        if len(found) + size > MAX_SHARED:
            raise entry.fail("addresses", f"expected at most {MAX_SHARED} addresses")
        added = [member.first + n for n in range(size)]
        twice = next((address for address in added if address in found), None)
        if twice is not None:
            raise entry.error(f"{entry.at('addresses')}[{i}]: {twice} is there twice")
        found.update(added)
    return tuple(sorted(found, key=lambda address: (address.version, int(address))))


def _attachment(
    entry: Fields, replicas: int | None, start: int | None, shared: tuple[Address, ...] | None = None
) -> AttachmentPolicy:
    of_pod = start is None
    other = "ordinals" if of_pod else "addresses"
    if entry.raw.get(other) is not None:
        raise entry.fail(
            other,
            "`ordinals` are for a statefulSet; a single pod has `addresses`"
            if of_pod
            else "`addresses` are for a single pod; a statefulSet has `ordinals`",
        )
    entry.only((*_COMMON, "addresses" if of_pod else "ordinals"))
    settings = parse_settings(entry)
    if not of_pod and replicas != 1 and settings.mac not in (None, FROM_ADDRESS):
        raise entry.fail(
            "mac",
            f"{settings.mac!r} can't be the MAC of every replica",
            f"use `mac: {FROM_ADDRESS}`, one PodNetwork per pod, or `replicas: 1`",
        )
    return AttachmentPolicy(
        ifname=entry.get("ifname", parsers.ifname, "eth0"),
        network=entry.optional("network", parsers.identifier),
        pool=entry.optional("pool", parsers.name),
        pools=_pools(entry),
        own=_own(entry),
        addresses=_addresses(entry) if shared is None else (),
        ordinals=_all_ordinals(entry, replicas, start or 0),
        shared=shared or (),
        sticky=entry.optional("sticky", parsers.boolean),
        device=entry.optional("device", parsers.ifname),
        vf=vf_document.parse_selector(entry),
        settings=settings,
    )


def _pools(entry: Fields) -> tuple[str, ...]:
    """Read the pools that are to be tried one after another. Addresses lie in one pool: there is nothing to try."""
    if entry.raw.get("pools") is None:
        return ()
    for key in ("pool", "ownPool", "addresses", "ordinals"):
        if entry.raw.get(key) is not None:
            raise entry.fail("pools", f"is said beside `{key}`", "`pools` are for a pod whose address nobody names")
    return entry.required("pools", preference)


def _own(entry: Fields) -> OwnPool | None:
    """Read which pool is to be made. Its name follows from the document's, which is not known here."""
    child = entry.child("ownPool")
    if child is None:
        return None
    for key in ("pool", "addresses", "ordinals"):
        if entry.raw.get(key) is not None:
            raise entry.fail("ownPool", f"is said beside `{key}`", "podberth chooses the addresses of such a pool")
    child.only(("from", "addresses"))
    return OwnPool(
        parent=child.required("from", parsers.name), addresses=child.required("addresses", parsers.integer(1, 4096))
    )


def _addresses(entry: Fields) -> tuple[Address, ...]:
    found = entry.each("addresses", parsers.ip_address, most=2)
    if len(found) == 2 and found[0].version == found[1].version:
        raise entry.fail("addresses", f"expected one address a family, got two of IPv{found[0].version}")
    return found


def _all_ordinals(entry: Fields, replicas: int | None, start: int) -> tuple[Ordinals, ...]:
    found: list[Ordinals] = []
    for member in entry.children("ordinals", most=2):
        ordinals = _ordinals(member, replicas, start)
        family = ordinals.addresses[0].version
        if any(other.addresses[0].version == family for other in found):
            raise entry.fail("ordinals", f"expected one entry a family, got two of IPv{family}")
        found.append(ordinals)
    return tuple(found)


def _ordinals(member: Fields, replicas: int | None, start: int) -> Ordinals:
    member.only(("list", "range", "base"))
    given = [key for key in ("list", "range", "base") if member.raw.get(key) is not None]
    if len(given) != 1:
        complaint = f"expected exactly one of list, range and base, got {' and '.join(given) or 'none'}"
        raise member.error(f"{member.path}: {complaint}")
    addresses = {"list": _list, "range": _range, "base": _base}[given[0]](member, replicas, start)
    if replicas is not None and len(addresses) < replicas:
        raise member.fail(given[0], f"{len(addresses)} addresses are too few for {replicas} replicas")
    return Ordinals(start=start, addresses=addresses)


def _list(member: Fields, _replicas: int | None, _start: int) -> Run | tuple[Address, ...]:
    addresses = member.each("list", parsers.ip_address, most=MAX_ORDINALS)
    if not addresses:
        raise member.fail("list", "expected at least one address")
    if len({address.version for address in addresses}) > 1:
        raise member.fail("list", "expected addresses of one family", "write one entry per family")
    if len(set(addresses)) < len(addresses):
        seen: set[Address] = set()
        twice = next(a for a in addresses if a in seen or seen.add(a))  # type: ignore[func-returns-value]
        raise member.fail("list", f"{twice} is there twice")
    return compact(addresses)


def _range(member: Fields, _replicas: int | None, _start: int) -> Run:
    first, last = member.required("range", _ends)
    count = int(last) - int(first) + 1
    if count > MAX_ORDINALS:
        raise member.fail("range", f"expected at most {MAX_ORDINALS} addresses, got {count}")
    return Run(first=first, count=count)


def _base(member: Fields, replicas: int | None, start: int) -> Run:
    base = member.required("base", parsers.ip_address)
    if replicas is None:
        raise member.fail("base", "needs the number of replicas", "set spec.statefulSet.replicas")
    if int(base) + start + replicas - 1 >= 1 << base.max_prefixlen:
        raise member.fail("base", f"{base} plus {start + replicas - 1} is beyond the last address")
    return Run(first=base + start, count=replicas)


def _ends(raw: object) -> tuple[Address, Address]:
    first, dash, last = raw.partition("-") if isinstance(raw, str) else ("", "", "")
    if not dash:
        raise ValueError(f"expected a range as '10.20.0.11-10.20.0.13', got {shown(raw)}")
    ends = parsers.ip_address(first.strip()), parsers.ip_address(last.strip())
    if ends[0].version != ends[1].version or int(ends[0]) > int(ends[1]):
        raise ValueError(f"expected the first and last address of one family, got {shown(raw)}")
    return ends


def _ordinals_document(ordinals: Ordinals) -> dict[str, object]:
    if isinstance(ordinals.addresses, Run) and len(ordinals.addresses) > 1:
        return {"range": f"{ordinals.addresses[0]}-{ordinals.addresses[-1]}"}
    return {"list": [str(address) for address in ordinals.addresses]}
