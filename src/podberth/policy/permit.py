"""Who may do what: one function, asked at every door. Pure; the rest of the rules lies beneath it in this room.

Who asks is told by a role: the operator, or a tenant, whose word comes from a namespace. A door is the way by which a
change comes. One table has a row for each kind of change that a role may make by a door; what has no row is refused. So
a later role is rows in that table, and no door changes for it. docs/tenancy.md shows the same table.
"""

from __future__ import annotations

from podberth.cni.errors import Refused
from podberth.cni.value import replace, value
from podberth.policy.authorise import (
    authorise,
    beyond_own,
    beyond_quota,
    names,
    quota,
    refused,
    unasked,
    undeclared,
    unnamed,
)
from podberth.policy.standing import REMEDY
from podberth.policy.use import Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, TypeAlias

    from podberth.ipam.lease import Reservation
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.net.requests import Request
    from podberth.policy.documents import Document
    from podberth.policy.interfaces import Interfaces
    from podberth.policy.precedence import Question, Resolved

    Change: TypeAlias = "Declaring | Speaking | Using | Reserving | Releasing | Attaching | Selecting"
    Rule: TypeAlias = "Callable[[str, str, Any], Refused | None]"

OPERATOR, TENANT = "operator", "tenant"

APPLY, IMPORT, RESERVE, RELEASE = "apply", "import", "reserve", "release"  # commands
WEBHOOK, CONTROLLER, FEED = "webhook", "controller", "feed"  # of a cluster: before it is stored, and after
ANNOTATION, ADD = "annotation", "ADD"  # of a pod's start
DOORS = (APPLY, IMPORT, RESERVE, RELEASE, WEBHOOK, CONTROLLER, FEED, ANNOTATION, ADD)
_BY_HAND = (IMPORT, RESERVE)


@value
class Declaring:
    """A document. `pools` are all there are; `operators`: interfaces of which the operator speaks, None: not asked.

    `taken`: what older words of its namespace have reserved, by pool.
    """

    document: Document
    pools: Sequence[Pool]
    operators: Interfaces | None = None
    taken: Mapping[str, Collection[Address]] | None = None


@value
class Speaking:
    """A document, by name alone: whether anybody but the operator may speak of it at all."""

    document: Document


@value
class Using:
    """One attachment of a document, against the rules of its pool, whoever declares it."""

    pool: Pool
    use: Use


@value
class Reserving:
    """An address for a pod of the namespace. `taken`: how many of the pool the namespace's own word has reserved.

    `override`: why the operator gives it away against the pool's rules; '' if that is not meant.
    """

    pool: Pool
    namespace: str
    address: Address
    taken: int = 0
    override: str = ""


@value
class Releasing:
    """A reservation that is to end by hand."""

    kept: Reservation


@value
class Attaching:
    """A pod that starts. `declared_only`: its network takes declared pods only.

    `reserved`: how many addresses of the pool are reserved for its namespace, `more` how many would be by this. `kept`:
    what is reserved for a pod that nobody declares. `claimed`: addresses that the pod's IPAMClaim names, and that are
    not kept for it yet: they are the namespace's own word.
    """

    question: Question
    resolved: Resolved
    declared_only: bool = False
    reserved: int = 0
    more: int = 0
    kept: Sequence[Reservation] = ()
    claimed: Sequence[Address] = ()


@value
class Selecting:
    """What a pod's annotation asks of a network that it selects, where the operator has rules about that."""

    request: Request


def permit(who: str, role: str, door: str, change: Change) -> Refused | None:
    """Return why `who` may not make the change; None if it may be made. The refusal says what to do next.

    `who`: a tenant's namespace; an operator as the ledger names him, or where his document was read.
    """
    rule = RULES.get((role, door, type(change)))
    if rule is None:
        kind = type(change).__name__.lower()
        return Refused(f"{who or 'somebody'}, as {role or 'nobody'}, may change nothing by {door} ({kind})", REMEDY)
    return rule(who, door, change)


def role_of(namespace: str, home: str) -> str:
    """Return whose word a ConfigMap of the namespace is; `home` is podberth's own."""
    return OPERATOR if namespace == home else TENANT


def role_of_object(*, tenants: bool) -> str:
    """Return whose word a PodNetwork or an AddressReservation in the API is. `tenants`: as the operator has set."""
    return TENANT if tenants else OPERATOR


def door_of(resolved: Resolved) -> str:
    """Return by which door a pod's start comes: its own annotation, if anything of that counts."""
    from podberth.policy.precedence import ANNOTATION as BY_ANNOTATION

    return ANNOTATION if any(one.source == BY_ANNOTATION for one in resolved.provenance) else ADD


def limit(pool: Pool, namespace: str) -> int | None:
    """Return how many addresses of the pool the namespace's own word may reserve; None is any number.

    A door asks it to know whether it has to count.
    """
    return quota(pool, namespace)


def beyond(pool: Pool, namespace: str, taken: int, more: int) -> Refused | None:
    """Return the refusal of so many more addresses than are taken, if the namespace's own word may not reserve them."""
    most = quota(pool, namespace)
    return beyond_quota(pool, namespace, taken, more) if most is not None and more and taken + more > most else None


def beyond_own_pools(pool: Pool, namespace: str, taken: int, more: int) -> Refused | None:
    """Return why an application of the namespace may not have a pool of `more` addresses of this one; None if it may.

    `taken`: how many the namespace's other own pools have of it. It is asked where such a pool is made, or grows.
    """
    return beyond_own(pool, namespace, taken, more)


def _anything(who: str, door: str, change: Any) -> None:  # noqa: ARG001 - a rule like the others
    return None


def _operator_uses(who: str, door: str, change: Using) -> Refused | None:  # noqa: ARG001
    return refused(change.pool, change.use)


def _operator_reserves(who: str, door: str, change: Reserving) -> Refused | None:  # noqa: ARG001
    """An operator's word counts, but what a pool's `allow` keeps for others needs a reason."""
    if change.override:
        return None
    refusal = refused(change.pool, _named(change))
    if refusal is None or door not in _BY_HAND:
        return refusal
    return Refused(refusal.message, f'{refusal.details}; or say --override "REASON", which the ledger keeps')


def _tenant_reserves(who: str, door: str, change: Reserving) -> Refused | None:  # noqa: ARG001
    pool, namespace = change.pool, change.namespace
    if who != namespace:
        return Refused(f"namespace {who} can't reserve for pods of namespace {namespace}", REMEDY)
    if not any(names(grant, namespace) for grant in pool.grants):
        return Refused(unnamed(pool, namespace), REMEDY)
    refusal = refused(_for(pool, namespace), _named(change))
    most = quota(pool, namespace)
    if refusal is None and most is not None and change.taken + 1 > most:
        return beyond_quota(pool, namespace, change.taken, 1)
    return refusal


def _tenant_declares(who: str, door: str, change: Declaring) -> Refused | None:  # noqa: ARG001
    from podberth.policy.tenancy import refusal  # no ADD needs it

    return refusal(change.document, who, change.pools, change.operators, change.taken)


def _tenant_speaks(who: str, door: str, change: Speaking) -> Refused | None:  # noqa: ARG001
    from podberth.policy.tenancy import foreign

    complaint = next(foreign(change.document, who), None)
    return Refused(f"{change.document} {complaint[0]}", complaint[1]) if complaint else None


def _tenant_attaches(who: str, door: str, change: Attaching) -> Refused | None:  # noqa: ARG001
    question, resolved = change.question, change.resolved
    if change.declared_only and not resolved.declared:
        return undeclared(question, change.kept)
    try:
        authorise(question.pod, resolved)
    except Refused as refusal:
        if question.pod is not None or not question.lone_name:
            return refusal
        return Refused(
            f"the caller named the pod {question.lone_name} without a namespace, and {refusal.message}",
            f"say `podNamespace` in the network configuration, the namespace of such pods; or {refusal.details}",
        )
    namespace = question.pod.namespace if question.pod is not None else ""
    claims = _claims(namespace, change) if resolved.claim is not None else None
    return claims or beyond(resolved.pool, namespace, change.reserved, change.more)


def _claims(namespace: str, change: Attaching) -> Refused | None:
    """Return why the namespace may not have an address kept for an IPAMClaim; None if it may."""
    pool = change.resolved.pool
    if not any(names(grant, namespace) for grant in pool.grants):
        return Refused(f"an IPAMClaim is a namespace's own word, and {unnamed(pool, namespace)}", REMEDY)
    use = Use(who=f"namespace {namespace}", namespace=namespace, addresses=tuple(change.claimed))
    return refused(_for(pool, namespace), use) if change.claimed else None


def _tenant_selects(who: str, door: str, change: Selecting) -> Refused | None:  # noqa: ARG001
    return unasked(change.request)


def _for(pool: Pool, namespace: str) -> Pool:
    """Return the pool with those rules alone that name the namespace."""
    return replace(pool, grants=tuple(grant for grant in pool.grants if names(grant, namespace)))


def _named(change: Reserving) -> Use:
    namespace = change.namespace
    return Use(who=f"namespace {namespace}", namespace=namespace, addresses=(change.address,))


_OF_DOCUMENTS = (APPLY, WEBHOOK, CONTROLLER, FEED)  # doors that documents come by
_OF_RESERVATIONS = (WEBHOOK, CONTROLLER)  # doors that AddressReservations come by
_ROWS: tuple[tuple[str, tuple[str, ...], type[object], Rule], ...] = (
    (OPERATOR, _OF_DOCUMENTS, Declaring, _anything),  # against what is in force: `admission`
    (OPERATOR, _OF_DOCUMENTS, Speaking, _anything),
    (OPERATOR, _OF_DOCUMENTS, Using, _operator_uses),
    (OPERATOR, (*_BY_HAND, *_OF_RESERVATIONS), Reserving, _operator_reserves),
    (OPERATOR, (RELEASE,), Releasing, _anything),
    (TENANT, _OF_DOCUMENTS, Declaring, _tenant_declares),
    (TENANT, _OF_DOCUMENTS, Speaking, _tenant_speaks),
    (TENANT, _OF_DOCUMENTS, Using, _operator_uses),
    (TENANT, _OF_RESERVATIONS, Reserving, _tenant_reserves),
    (TENANT, (ANNOTATION, ADD), Attaching, _tenant_attaches),
    (TENANT, (ANNOTATION,), Selecting, _tenant_selects),
)
RULES: Mapping[tuple[str, str, type[object]], Rule] = {
    (role, door, kind): rule for role, doors, kind, rule in _ROWS for door in doors
}
