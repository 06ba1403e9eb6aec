"""What may be declared from a namespace: one function, asked at every door. Pure.

A ConfigMap outside podberth's own namespace is its namespace's word, not the operator's: whoever may write ConfigMaps
there wrote it. It declares addresses for its namespace's pods, of pools whose `allow` names that namespace, and nothing
else. Of an interface that the operator declares it says nothing. Doors: the replica of each node and of the controller
(`stores.replica.standing`), and the webhook (`controller.judge`).
"""

from __future__ import annotations

from podberth.cni.errors import Refused
from podberth.cni.fields import joined
from podberth.cni.value import replace, value
from podberth.ipam.pool import FOREVER
from podberth.net.settings_document import settings_document
from podberth.policy.admission import declared_addresses
from podberth.policy.authorise import Use, matches, refused
from podberth.policy.podnetwork import PodNetwork
from podberth.policy.usable import contains

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.ipam.pool import Grant, Pool
    from podberth.net.ops import Address
    from podberth.policy.documents import Document
    from podberth.policy.interfaces import Interfaces
    from podberth.policy.podnetwork import AttachmentPolicy

REMEDY = (
    "an operator can declare it in podberth's own namespace or as a PodNetwork resource, "
    "or name the namespace under `allow` of the pool; of an interface that the operator declares, only the operator's "
    "document counts"
)


@value
class Standing:
    """A declaration from a namespace that needs the operator's eye.

    `bundle` is its ConfigMap ('db/web'), `document` its name, or the place that can't be read. `in_force`: from before
    namespaces had limits. `reason` says what is beyond the namespace's right, or what can't be read.
    """

    bundle: str
    document: str
    in_force: bool
    reason: str


def refusal(
    document: Document, namespace: str, pools: Sequence[Pool], operators: Interfaces | None = None
) -> Refused | None:
    """Return why `namespace` may not declare the document; None if it may. `pools` are all there are.

    `operators`: what the operator declares for the namespace's pods, and what was in force before namespaces had
    limits. None asks for the namespace's right alone.
    """
    complaints = (*foreign(document, namespace),) or (
        *_excess(document, namespace, pools),
        *(_spoken_of(document, operators) if operators is not None else ()),
    )
    return Refused(f"{document}: {joined(complaints)}", REMEDY) if complaints else None


def foreign(document: Document, namespace: str) -> Iterator[str]:
    """Yield the complaint about what is no namespace's to declare: pools, and pods of other namespaces."""
    if not isinstance(document.body, PodNetwork) or document.namespace != namespace:
        yield f"can't be declared in namespace {namespace}: its ConfigMaps declare PodNetworks of its own only"


def names(grant: Grant, namespace: str) -> bool:
    """Say whether a rule names the namespace: in full, or by a pattern that has a letter or digit ('team-*').

    A rule for '*' lets every namespace use the pool. That names none: it is no word about who may reserve.
    """
    return matches(replace(grant, namespaces=tuple(p for p in grant.namespaces if p.strip("*-"))), namespace)


def _excess(document: Document, namespace: str, pools: Sequence[Pool]) -> Iterator[str]:
    body = document.body
    assert isinstance(body, PodNetwork)
    if body.retention != FOREVER:
        yield "spec.retention is the operator's choice"
    for i, policy in enumerate(body.attachments):
        where = f"spec.attachments[{i}]"
        for field in _choices(policy):
            yield f"{where}.{field} is the operator's choice"
        addresses = tuple(address for _, address in declared_addresses(body, policy))
        if not addresses:
            yield f"{where} names no address"
            continue
        complaint = _addresses(policy, addresses, namespace, pools)
        if complaint:
            yield f"{where}: {complaint}"


def _spoken_of(document: Document, operators: Interfaces) -> Iterator[str]:
    body = document.body
    assert isinstance(body, PodNetwork)
    for i, other in operators.declared(document):
        ifname = body.attachments[i].ifname
        yield f"spec.attachments[{i}]: {other} ({other.source}) declares {ifname} of {other.target}, and goes before"


def _choices(policy: AttachmentPolicy) -> Iterator[str]:
    """Yield the fields that an attachment sets beside where it is and its addresses."""
    for field in ("sticky", "device", "vf"):
        if getattr(policy, field) is not None:
            yield field
    yield from settings_document(policy.settings)


def _addresses(policy: AttachmentPolicy, addresses: tuple[Address, ...], namespace: str, pools: Sequence[Pool]) -> str:
    """Return what is wrong with declaring the addresses, '' if nothing is."""
    if policy.pool is None:
        around = [pool for pool in pools if contains(pool, addresses[0])]
    else:
        around = [pool for pool in pools if pool.name == policy.pool]
    if len(around) != 1:
        return f"there is no pool {policy.pool!r}" if policy.pool else f"no single pool contains {addresses[0]}"
    (pool,) = around
    outside = next((address for address in addresses if not contains(pool, address)), None)
    if outside is not None:
        return f"{outside} is outside pool {pool.name}"
    grants = tuple(grant for grant in pool.grants if names(grant, namespace))
    if not grants:
        return f"no rule under `allow` of pool {pool.name} names namespace {namespace}"
    use = Use(who=f"namespace {namespace}", namespace=namespace, addresses=addresses)
    complaint = refused(replace(pool, grants=grants), use)
    return complaint.message if complaint is not None else ""
