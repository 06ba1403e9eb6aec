"""What a tenant may declare. Pure; `policy.permit` asks, and nobody else.

A ConfigMap outside podberth's own namespace is its namespace's word, not the operator's: whoever may write ConfigMaps
there wrote it. It declares addresses for its namespace's pods, of pools whose `allow` names that namespace, or pools
of its own where the rule lets it; and nothing else but a MAC that follows from the address or that the rule lists. Of
an interface that the operator declares it says nothing.
"""

from __future__ import annotations

from podberth.cni.errors import Refused
from podberth.cni.fields import joined
from podberth.cni.value import replace
from podberth.ipam.pool import FOREVER
from podberth.net.settings_document import settings_document
from podberth.policy.authorise import (
    beyond_own,
    beyond_quota,
    chosen,
    names,
    own_quota,
    quota,
    refused,
    unnamed,
)
from podberth.policy.podnetwork import PodNetwork
from podberth.policy.reserves import declared_addresses, pools_of, reserved_by
from podberth.policy.standing import CHOICE, ELSEWHERE, FOREIGN, NO_ADDRESS, REMEDY, SPOKEN_OF
from podberth.policy.usable import contains
from podberth.policy.use import Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.policy.documents import Document
    from podberth.policy.interfaces import Interfaces
    from podberth.policy.podnetwork import AttachmentPolicy, OwnPool

    Complaint: TypeAlias = tuple[str, str]  # what is wrong, and what to do about it


def refusal(
    document: Document,
    namespace: str,
    pools: Sequence[Pool],
    operators: Interfaces | None = None,
    taken: Mapping[str, Collection[Address]] | None = None,
) -> Refused | None:
    """Return why `namespace` may not declare the document; None if it may. `pools` are all there are.

    `operators`: what the operator declares for the namespace's pods, and what was in force before namespaces had
    limits. None asks for the namespace's right alone. `taken`: what older words of the namespace have reserved.
    """
    complaints = (*foreign(document, namespace),) or (
        *_excess(document, namespace, pools),
        *(_spoken_of(document, operators) if operators is not None else ()),
    )
    complaints = complaints or (*_beyond_quotas(document, namespace, pools, taken or {}),)
    if not complaints:
        return None
    remedies = dict.fromkeys(remedy for _, remedy in complaints)
    return Refused(f"{document}: {joined(what for what, _ in complaints)}", "; ".join(remedies))


def foreign(document: Document, namespace: str) -> Iterator[Complaint]:
    """Yield the complaint about what is no namespace's to declare: pools, and pods of other namespaces."""
    if not isinstance(document.body, PodNetwork) or document.namespace != namespace:
        what = f"can't be declared in namespace {namespace}: its ConfigMaps declare PodNetworks of its own only"
        yield what, FOREIGN


def _excess(document: Document, namespace: str, pools: Sequence[Pool]) -> Iterator[Complaint]:
    body = document.body
    assert isinstance(body, PodNetwork)
    if body.retention != FOREVER:
        yield "spec.retention is the operator's choice", CHOICE
    for i, policy in enumerate(body.attachments):
        where = f"spec.attachments[{i}]"
        for field in _choices(policy):
            yield f"{where}.{field} is the operator's choice", CHOICE
        if policy.own is not None:
            yield from (
                (f"{where}.ownPool: {what}", remedy) for what, remedy in _own_pool(policy.own, namespace, pools)
            )
            continue
        addresses = tuple(address for _, address in declared_addresses(body, policy))
        if not addresses:
            yield f"{where} names no address", NO_ADDRESS
            continue
        complaint, remedy = _addresses(policy, addresses, namespace, pools)
        if complaint:
            yield f"{where}: {complaint}", remedy


def _beyond_quotas(
    document: Document, namespace: str, pools: Sequence[Pool], taken: Mapping[str, Collection[Address]]
) -> Iterator[Complaint]:
    """Yield for each pool that the document reserves more of than the namespace has left."""
    by_name = {pool.name: pool for pool in pools}
    assert isinstance(document.body, PodNetwork)
    for name, own in reserved_by(document.body, pools).items():
        most = quota(by_name[name], namespace)
        if most is None:
            continue
        before = taken.get(name, ())
        more = len(own.difference(before))
        if len(before) + more > most:
            beyond = beyond_quota(by_name[name], namespace, len(before), more)
            yield beyond.message, beyond.details


def _spoken_of(document: Document, operators: Interfaces) -> Iterator[Complaint]:
    body = document.body
    assert isinstance(body, PodNetwork)
    for i, other in operators.declared(document):
        ifname = body.attachments[i].ifname
        what = f"spec.attachments[{i}]: {other} ({other.source}) declares {ifname} of {other.target}, and goes before"
        yield what, SPOKEN_OF


def _choices(policy: AttachmentPolicy) -> Iterator[str]:
    """Yield the fields that an attachment sets beside where it is and its addresses."""
    for field in ("sticky", "device", "vf"):
        if getattr(policy, field) is not None:
            yield field
    yield from (field for field in settings_document(policy.settings) if field != "mac")


def _own_pool(own: OwnPool, namespace: str, pools: Sequence[Pool]) -> Iterator[Complaint]:
    """Yield why the namespace may not ask for a pool of its own as large as that; there may be no room all the same."""
    parent = next((pool for pool in pools if pool.name == own.parent), None)
    if parent is None:
        yield f"there is no pool {own.parent!r}", ELSEWHERE
    elif own_quota(parent, namespace) is None:
        rule = f"no rule under `allow` of pool {parent.name} that names namespace {namespace}"
        yield f"{rule} has `ownPools`", REMEDY
    elif (beyond := beyond_own(parent, namespace, 0, own.addresses)) is not None:
        yield beyond.message, beyond.details


def _addresses(
    policy: AttachmentPolicy, addresses: tuple[Address, ...], namespace: str, pools: Sequence[Pool]
) -> Complaint:
    """Return what is wrong with declaring the addresses, and what to do; '' if nothing is."""
    around = pools_of(policy, addresses, pools)
    if len(around) != 1:
        none = f"there is no pool {policy.pool!r}" if policy.pool else f"no single pool contains {addresses[0]}"
        return none, ELSEWHERE
    (pool,) = around
    outside = next((address for address in addresses if not contains(pool, address)), None)
    if outside is not None:
        return f"{outside} is outside pool {pool.name}", ELSEWHERE
    grants = tuple(grant for grant in pool.grants if names(grant, namespace))
    if not grants:
        return unnamed(pool, namespace), REMEDY
    mac = chosen(policy.settings.mac)
    use = Use(who=f"namespace {namespace}", namespace=namespace, addresses=addresses, mac=mac)
    complaint = refused(replace(pool, grants=grants), use)
    return (complaint.message, complaint.details) if complaint is not None else ("", "")
