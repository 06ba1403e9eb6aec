"""Who may use a pool, and how: the pool's `allow` rules. Pure; `policy.permit` asks, and nobody else.

A use is allowed if one rule allows the whole of it. Without rules a pool is open to every namespace for dynamic
addresses and for what operators declare, and closed to what pods ask for themselves.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from podberth.cni.errors import Refused
from podberth.cni.fields import joined
from podberth.cni.strictjson import dumps
from podberth.cni.value import replace
from podberth.ipam.owner import deployment_of
from podberth.net.requests import ANY
from podberth.net.settings_document import FROM_ADDRESS
from podberth.policy.precedence import BUILT_IN, BY_THE_POD, NETWORK, POOL, REQUEST
from podberth.policy.use import Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Reservation
    from podberth.ipam.pool import Grant, Pool
    from podberth.net.requests import Request
    from podberth.policy.layer import Provenance
    from podberth.policy.precedence import Question, Resolved

# Which wire a pod is on and whom it may pass for: no rule of a pool covers that, so it is never a pod's own choice.
_OPERATORS = {
    "device": "which link a pod stands on",
    "vf": "which virtual function a pod gets",
    "trust": "whether a virtual function is trusted",
    "spoofchk": "whether a virtual function's sender addresses are checked",
    "anti_spoofing": "whether a pod's sender addresses are checked",
}
SYSCTLS_OF_PODS = ("net.ipv4.", "net.ipv6.", "net.core.")


def authorise(pod: PodRef | None, resolved: Resolved) -> None:
    """Refuse what no rule of the pool allows. Raises Refused with what was asked, the rules, and how to allow it."""
    requested = tuple(p for p in resolved.provenance if p.source in BY_THE_POD and not _is_the_networks(p, resolved))
    _check_sysctls(pod, requested)
    _check_operators(pod, requested)
    vlan = resolved.settings.vlan
    use = Use(
        who=f"pod {pod}" if pod else "a container without a pod's name",
        namespace=pod.namespace if pod else "",
        addresses=(*resolved.addresses, *(a for share in resolved.shares for a in share.addresses)),
        vlan=vlan.id if vlan is not None else 0,
        vlan_chosen=resolved.origin("vlan").source not in (POOL, NETWORK, BUILT_IN),
        requested=tuple(f"{p.field} (by {p.source})" for p in requested),
        mac=next((chosen(str(p.value)) for p in requested if p.field == "mac"), ""),
    )
    refusal = refused(resolved.pool, use)
    if refusal is not None:
        raise refusal


def undeclared(question: Question, kept: Sequence[Reservation] = ()) -> Refused:
    """Return the refusal of a pod without a PodNetwork, for a network that takes declared pods only.

    `kept`: what is reserved for the pod's name, which is no declaration.
    """
    pod = question.pod
    if pod is None and question.lone_name:
        return Refused(
            f"network {question.network} takes declared pods only, and the caller named the pod {question.lone_name}"
            " without a namespace",
            "say `podNamespace` in the network configuration, the namespace that such pods are declared in; or pass"
            " K8S_POD_NAMESPACE in CNI_ARGS",
        )
    if pod is None:
        return Refused(
            f"network {question.network} takes declared pods only, and the caller named no pod",
            "pass K8S_POD_NAMESPACE and K8S_POD_NAME in CNI_ARGS",
        )
    others = ", ".join(str(document) for document in question.declared)
    owner = deployment_of(pod)
    theirs = f"`deployment: {{name: {owner.name.partition('/')[2]}}}`" if owner is not None else "its StatefulSet"
    own = [each for each in kept if each.ifname == question.ifname]
    dynamic = any(each.pool in question.defaults.preferred for each in own)
    reserved = ", ".join(f"{each.address} of pool {each.pool}" for each in own)
    counts = f", `pool: {own[0].pool}` and `addresses: [{', '.join(str(a.address) for a in own)}]`" if own else ""
    return Refused(
        f"network {question.network} takes declared pods only, and no PodNetwork declares {question.ifname} of {pod}"
        + (f" ({others} declares other interfaces)" if others else "")
        + (f"; {reserved} is reserved for it, which is no declaration" if own else ""),
        f"declare it: `podberth apply` a PodNetwork in namespace {pod.namespace} with `pod: {pod.name}` (or "
        f"{theirs}) and an attachment with `ifname: {question.ifname}`{counts}"
        + (
            "; or say `undeclared: dynamic` in the network configuration: then the reservation counts"
            if dynamic
            else ""
        ),
    )


def _is_the_networks(origin: Provenance, resolved: Resolved) -> bool:
    """Without a pool there is no rule: the network lets the runtime choose a MAC by declaring the capability."""
    return origin.source == REQUEST and origin.field == "mac" and not resolved.pool.name


def refused(pool: Pool, use: Use) -> Refused | None:
    """Return why the pool's rules do not allow the use; None if they do."""
    what = f"pool {pool.name} does not let {use.who}"
    if not pool.grants:
        if not use.requested:
            return None
        return Refused(
            f"{what} choose {', '.join(use.requested)}: it has no `allow` rule, so pods may request nothing themselves",
            _how(pool, use, "podRequests: true"),
        )
    own = pool.settings.vlan.id if pool.settings.vlan is not None else 0
    complaints = []
    for i, grant in enumerate(pool.grants):
        complaint = _complaint(grant, use, own)
        if complaint is None:
            return None
        if complaint:
            complaints.append(f"allow[{i}] {complaint}")
    if not complaints:
        names = ", ".join(sorted({name for grant in pool.grants for name in grant.namespaces}))
        whom = f"namespace {use.namespace}" if use.namespace else "every namespace, `namespaces: ['*']`,"
        return Refused(
            f"{what} use it: its `allow` rules name the namespaces {names}, not {use.namespace or '*'!r}",
            f"the operator can add a rule for {whom} under `allow` of pool {pool.name}, and apply it",
        )
    return Refused(f"{what} have what was asked: {'; '.join(complaints)}", _how(pool, use, "what is missing"))


def unasked(request: Request) -> Refused | None:
    """Return why the pod may not ask this of a network by its annotation; None if each key is let by a rule."""
    namespace = request.pod.namespace
    rules = [
        rule.requests
        for rule in request.rules
        if any(fnmatchcase(namespace, pattern) for pattern in rule.namespaces)
        and any(fnmatchcase(request.network, pattern) for pattern in rule.networks)
    ]
    refused_keys = [key for key in request.keys if not any(ANY in keys or key in keys for keys in rules)]
    if not refused_keys:
        return None
    asked = ", ".join(f"`{key}`" for key in refused_keys)
    rule = dumps({"namespaces": [namespace], "networks": [request.network], "requests": refused_keys})
    return Refused(
        f"{request.network}: the annotation of pod {request.pod} asks for {asked}, which no rule under `allow` of the"
        " network's configuration lets it",
        f"take it out of the annotation; or the operator adds {rule} under `allow`",
    )


def chosen(mac: str | None) -> str:
    """Return a MAC that somebody chose, in lower case; '' for none, and for one that follows from the address."""
    return mac.lower() if mac and mac != FROM_ADDRESS else ""


def names(grant: Grant, namespace: str) -> bool:
    """Say whether a rule names the namespace: in full, or by a pattern that has a letter or digit ('team-*').

    A rule for '*' lets every namespace use the pool. That names none: it is no word about who may reserve or request.
    """
    return matches(replace(grant, namespaces=tuple(p for p in grant.namespaces if p.strip("*-"))), namespace)


def quota(pool: Pool, namespace: str) -> int | None:
    """Return how many addresses of the pool the namespace may have reserved by its own word; None is any number.

    Of several rules that name it the most generous counts. A pool that no rule opens to it has none for it.
    """
    said = [grant.reservations for grant in pool.grants if names(grant, namespace)]
    return None if not said or None in said else max(one for one in said if one is not None)


def own_quota(pool: Pool, namespace: str) -> int | None:
    """Return how many addresses of each family the namespace's own pools may have of the pool; None: no rule says.

    Of several rules that name it the most generous counts.
    """
    said = [grant.own_pools for grant in pool.grants if names(grant, namespace) and grant.own_pools is not None]
    return max(said, default=None)


def beyond_own(pool: Pool, namespace: str, taken: int, more: int) -> Refused | None:
    """Return why the namespace's own pools may not have so many addresses more than others of them have; or None."""
    most = own_quota(pool, namespace)
    if most is None or taken + more <= most:
        return None
    return Refused(
        f"namespace {namespace} may have {most} addresses of pool {pool.name} in pools of its own (`ownPools`): its"
        f" others have {taken}, and {more} are wanted",
        f"say fewer addresses, or an operator raises `ownPools` under `allow` of pool {pool.name}",
    )


def unnamed(pool: Pool, namespace: str) -> str:
    """Say that no rule of the pool names the namespace."""
    every = any(not one.strip("*-") for grant in pool.grants for one in grant.namespaces)
    nobody = " (`*` names nobody)" if every else ""
    return f"no rule under `allow` of pool {pool.name} names namespace {namespace}{nobody}"


def beyond_quota(pool: Pool, namespace: str, taken: int, more: int) -> Refused:
    """Return the refusal of reservations beyond what the pool's rules let the namespace have."""
    return Refused(
        f"namespace {namespace} may have {quota(pool, namespace)} addresses of pool {pool.name} reserved "
        f"(`reservations`), has {taken} and asks for {more} more",
        f"take an older reservation back, or an operator raises `reservations` under `allow` of pool {pool.name}",
    )


def matches(grant: Grant, namespace: str) -> bool:
    """Say whether the rule is for the namespace; a container without one ('') is matched by '*' only."""
    return any(fnmatchcase(namespace, pattern) for pattern in grant.namespaces)


def _complaint(grant: Grant, use: Use, own_vlan: int) -> str | None:
    """Return None if the rule allows the use, '' if it is not for the namespace, otherwise what it lacks."""
    if not matches(grant, use.namespace):
        return ""
    if use.requested and use.namespace and not names(grant, use.namespace):
        return f"names every namespace (`*` names nobody), which is no word about {', '.join(use.requested)}"
    if use.requested and not grant.pod_requests:
        return f"has no `podRequests: true` for {', '.join(use.requested)}"
    if use.vlan is not None and grant.vlans and not any(first <= use.vlan <= last for first, last in grant.vlans):
        return f"lets VLANs {_vlans(grant)} be used, not {_tag(use.vlan)}"
    if use.vlan is not None and not grant.vlans and use.vlan_chosen and use.vlan != own_vlan:
        return f"has no `vlans`, so none but the pool's own ({_tag(own_vlan)}) can be chosen, not {_tag(use.vlan)}"
    if use.mac and not any(use.mac == mac or use.mac.startswith(f"{mac}:") for mac in grant.macs):
        macs = f"lets MACs {', '.join(grant.macs)} be chosen" if grant.macs else "has no `macs`, so `fromAddress` alone"
        return f"{macs}, not {use.mac}"
    outside = [a for a in use.addresses if grant.addresses and not any(a in span for span in grant.addresses)]
    if outside:
        spans = ", ".join(f"{span.first}-{span.last}" for span in grant.addresses)
        return f"lets addresses {spans} be named, not {joined(map(str, outside), ', ')}"
    return None


def _check_sysctls(pod: PodRef | None, requested: tuple[Provenance, ...]) -> None:
    for origin in requested:
        if origin.field != "sysctls" or not isinstance(origin.value, tuple):
            continue
        for key, _ in origin.value:
            if not key.replace("/", ".").startswith(SYSCTLS_OF_PODS):
                raise Refused(
                    f"sysctls: pod {pod} asks for {key}; a pod may set net.ipv4.*, net.ipv6.* and net.core.* only",
                    "an operator can set it in a PodNetwork, the pool or the network configuration",
                )


def _check_operators(pod: PodRef | None, requested: tuple[Provenance, ...]) -> None:
    for origin in requested:
        if origin.field in _OPERATORS:
            raise Refused(
                f"{origin.field}: pod {pod} asks for {origin.value}",
                f"{_OPERATORS[origin.field]} is the operator's choice: set it in a PodNetwork",
            )


def _how(pool: Pool, use: Use, missing: str) -> str:
    name = use.namespace or "*"
    return (
        f"the operator can add {missing} to a rule for namespace {name} under `allow` of pool {pool.name}, and apply it"
    )


def _vlans(grant: Grant) -> str:
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in grant.vlans)


def _tag(vlan: int) -> str:
    return str(vlan) if vlan else "untagged"
