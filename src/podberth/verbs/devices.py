"""Which virtual function an attachment gets: the one the caller named, or a free one that fits; or several of them.

The claim is the record. It is written under the function's lock, after a look that no other record speaks of the
function; and it is taken away only when the function is as it was found. So whoever may claim one finds it clean.
Several are claimed by one record, under all their locks: all of them or none.
"""

from __future__ import annotations

from podberth.cni.errors import CniError, InvalidConfig, NoFreeDevice, Refused
from podberth.cni.value import replace, value
from podberth.net.ops import ConfigureVf
from podberth.net.vf import FunctionWanted
from podberth.verbs.delete import delete_locked
from podberth.verbs.gone import is_gone
from podberth.verbs.suiting import require_apart, require_met

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeVar

    from podberth.cni.pod import Attachment
    from podberth.net.endpoint import Endpoint
    from podberth.net.record import Record, RecordKey
    from podberth.net.vf import Selector, Vf
    from podberth.verbs.network import Network
    from podberth.verbs.node import Node

    T = TypeVar("T")

_SHOWN = 16  # how many functions an error names


def candidates(node: Node, wanted: FunctionWanted) -> tuple[Vf, ...]:
    """Return the functions that can be claimed: those nobody holds, then those whose holder is gone but not deleted.

    Raises NoFreeDevice with every function that would do and who has it.
    """
    fitting = _fitting(node, wanted)
    if not fitting:
        raise NoFreeDevice(
            f"this node has no virtual function that fits ({wanted})",
            "`podberth vf list` shows those there are, `podberth vf create` makes some",
        )
    held, named = _held(node), bool(wanted.device_ids)
    free = [vf for vf in fitting if vf.address not in held and not unusable(vf, named=named)]
    dead = [vf for vf in fitting if vf.address in held and is_gone(node, held[vf.address])]
    if not free and not dead:
        raise none_free(wanted, fitting, held)
    return (*free, *dead)


def foreseen(node: Node, wanted: FunctionWanted) -> tuple[Vf, ...]:
    """Return the functions that would be claimed now, as many as are wanted. Raises as `candidates`."""
    found = wanted.chosen(fitting := _fitting(node, wanted), candidates(node, wanted))
    if not found:
        raise none_free(wanted, fitting, _held(node))
    return found


def claim(node: Node, wanted: FunctionWanted, end: Endpoint, record: Callable[[tuple[Vf, ...]], T]) -> T:
    """Have `record` write down the claim of the first functions that are still to be had; return what it returns.

    The caller holds the lock of the container of the endpoint. Raises NoFreeDevice if others were faster everywhere, or
    what kept a dead holder's function from being given back, if there is nothing else; Refused for another's MAC.
    """
    if end.settings.mac is None:
        return _claim(node, wanted, end, record)
    with node.host.locked(f"mac:{end.settings.mac}"):
        for holder, op in _with_mac(node, end):
            if is_gone(node, holder):  # who lives may wait for this lock
                _take_from_the_dead(node, op.device, end.attachment, holder)
        return _claim(node, wanted, end, record)


def _claim(node: Node, wanted: FunctionWanted, end: Endpoint, record: Callable[[tuple[Vf, ...]], T]) -> T:
    stuck: CniError | None = None
    left = list(candidates(node, wanted))
    fitting = left if wanted.count == 1 else _fitting(node, wanted)
    while chosen := wanted.chosen(fitting, left):
        try:
            for vf in chosen:
                at = vf
                _take_from_the_dead(node, vf.address, end.attachment, node.attachments.holder(vf.address))
        except CniError as refused:
            stuck = refused
            left.remove(at)
            continue
        # In one order, so that no two wait for each other.
        outcome = _locked(
            node, sorted(vf.address for vf in chosen), lambda: _checked(node, wanted, chosen, end, record)
        )
        if not isinstance(outcome, _Lost):
            return outcome
        stuck = outcome.refused or stuck
        left = [vf for vf in left if vf.address not in outcome.addresses]
    if stuck is not None:
        raise stuck
    raise none_free(wanted, _fitting(node, wanted), _held(node))


@value
class _Lost:
    """Which functions others have by now, or can't be had; `refused`: for another's MAC."""

    addresses: tuple[str, ...]
    refused: Refused | None


def _locked(node: Node, addresses: Sequence[str], action: Callable[[], T]) -> T:
    if not addresses:
        return action()
    with node.host.locked(f"device:{addresses[0]}"):
        return _locked(node, addresses[1:], action)


def _checked(
    node: Node, wanted: FunctionWanted, chosen: tuple[Vf, ...], end: Endpoint, record: Callable[[tuple[Vf, ...]], T]
) -> T | _Lost:
    """Have the claim written down if each function is still to be had; the caller holds the locks of all."""
    now = tuple(vf for vf in (_still(node, wanted, vf) for vf in chosen) if vf is not None)
    refused = {vf.address: _mac_of_another(node, vf, end) for vf in now}
    if len(now) == len(chosen) and not any(refused.values()):
        return record(now)
    return _Lost(
        addresses=tuple(vf.address for vf in chosen if refused.get(vf.address, True)),
        refused=next(filter(None, refused.values()), None),
    )


def _still(node: Node, wanted: FunctionWanted, vf: Vf) -> Vf | None:
    """Return the function as it is now, under its lock; None if it is not to be had any more."""
    node.host.reclaim(vf.address)
    now, named = node.host.vf(vf.address), bool(wanted.device_ids)
    if now is None or node.attachments.holder(vf.address) is not None or unusable(now, named=named):
        return None
    return now if named or wanted.selector.fits(labelled(node, (now,))[0]) else None


def _with_mac(node: Node, end: Endpoint) -> tuple[tuple[Record, ConfigureVf], ...]:
    """Return who has the endpoint's MAC on a function, in the endpoint's VLAN."""
    mac, vlan = end.settings.mac, end.settings.vlan.id if end.settings.vlan is not None else 0
    return tuple(
        (record, step.op)
        for record in (node.attachments.all() if mac is not None else ())
        for step in record.steps
        if isinstance(step.op, ConfigureVf) and (step.op.mac, step.op.vlan) == (mac, vlan)
    )


def _mac_of_another(node: Node, vf: Vf, end: Endpoint) -> Refused | None:
    """Return the refusal of a MAC that another function of the card has: its frames would go to either."""
    for holder, op in _with_mac(node, end):
        if op.pf == vf.pf and op.device != vf.address:
            return Refused(
                f"mac: VF {op.index} of {op.pf} ({op.device}), {_holder(holder)}, has {op.mac} too, in the same VLAN",
                "give one of the two another MAC, or end that pod",
            )
    return None


def _take_from_the_dead(node: Node, device: str, mine: Attachment, holder: Record | None) -> None:
    """Do the DEL that the function's last holder never got, if its sandbox is gone; a live one keeps it."""
    if holder is None:
        return
    of = holder.attachment
    if of.container_id == mine.container_id:
        _bury(node, holder.key, device)
        return
    with node.host.locked(f"container:{of.container_id}"):
        _bury(node, holder.key, device)


def _bury(node: Node, of: RecordKey, device: str) -> None:
    record = node.attachments.find(of)  # under the lock: it may have been attached anew meanwhile
    if record is not None and device in record.devices and is_gone(node, record):
        delete_locked(node, of.attachment, f"its sandbox is gone, {device} is needed")


def give_back(node: Node, device: str, forfeited: Callable[[Record], bool], why: str, who: str) -> str:
    """Do the DEL that the function's holder never got; return why it is held all the same, '' once nobody holds it.

    That is done to a holder that is gone, and to one that has forfeited it. Nobody is waited for.
    """
    holder = node.attachments.holder(device)
    if holder is None:
        return ""
    told = f"{device} is {_holder(holder)}"
    try:
        if not is_gone(node, holder) and not forfeited(holder):
            return told
        with node.host.locked(f"container:{holder.attachment.container_id}", wait=False):
            record = node.attachments.find(holder.key)  # it may have been attached anew meanwhile
            if record == holder:
                delete_locked(node, record.attachment, why, who)
    except CniError as refused:
        return f"{told}: {refused.message}"
    return "" if node.attachments.holder(device) is None else told


def counted_for(node: Node, network: Network) -> tuple[int, int]:
    """Return how many functions fit the network's own selector, and how many of them are free."""
    wanted = FunctionWanted.of_pf(network.defaults.vf, network.defaults.device)
    fitting, held = _fitting(node, wanted), _held(node)
    return len(fitting), sum(vf.address not in held and not unusable(vf) for vf in fitting)


def unusable(vf: Vf, *, named: bool = False) -> str:
    """Return why nobody can have the function though no record speaks of it; '' if it is to be had.

    `named`: a device plugin, or an operator, has chosen it. An address that DHCP lent it keeps it from no such choice.
    """
    if vf.busy or (vf.lent and not named):
        return f"{vf.link} {vf.busy or vf.lent}"
    if vf.theirs:
        return f"sriov-cni has given it to {vf.theirs}"
    if not vf.driver:
        return "without a driver"
    if not vf.link and not vf.userspace:
        return "its interface is in another network namespace"
    return ""


def deaf(node: Node, link: str) -> str:
    """Return why the node's link carries nothing; '' if it is up and has a carrier.

    A link that is down has no such file that could be read (EINVAL).
    """
    try:
        said = node.host.lines(f"/sys/class/net/{link}/carrier")
    except CniError:
        said = ("0",)
    if said is None:
        return f"this node has no link {link}"
    return f"{link} is down, or has no carrier" if said == ("0",) else ""


def labelled(node: Node, found: Iterable[Vf]) -> tuple[Vf, ...]:
    """Return the functions with their labels, and those of their PFs."""
    known = node.attachments.labels() if node.stored() else {}
    return tuple(
        replace(vf, labels=(*known.get(vf.pf_address, ()), *known.get(vf.address, ()))) if known else vf for vf in found
    )


def none_free(wanted: FunctionWanted, fitting: Iterable[Vf], held: Mapping[str, Record]) -> NoFreeDevice:
    """Return the error that says who has what would do."""
    free = "free" if wanted.count > 1 else "taken"  # of one that was wanted it was taken meanwhile
    told = [
        f"{vf.address} {_holder(held[vf.address])}"
        if vf.address in held
        else f"{vf.address} {unusable(vf, named=bool(wanted.device_ids)) or free}"
        for vf in fitting
    ]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return NoFreeDevice(
        f"no virtual function is free ({wanted}): {'; '.join(told[:_SHOWN])}{more}",
        "`podberth vf list` shows who has which; a pod has to go, or `podberth vf create` to make more",
    )


def _fitting(node: Node, wanted: FunctionWanted) -> tuple[Vf, ...]:
    if not wanted.device_ids:
        return _that_fit(node, wanted.selector)
    named = labelled(node, [_named(node, address) for address in wanted.device_ids])
    for vf in named:
        require_met(vf, wanted)
    if wanted.count > 1:
        require_apart(named, wanted.ports(_that_fit(node, wanted.declared or wanted.selector)), wanted)
    return named


def _that_fit(node: Node, selector: Selector) -> tuple[Vf, ...]:
    return tuple(vf for vf in labelled(node, node.host.vfs()) if selector.fits(vf))


def _named(node: Node, address: str) -> Vf:
    found = node.host.vf(address)
    if found is None:
        raise InvalidConfig(
            f"deviceID: {address} is no virtual function of this node", "`podberth vf list` shows those there are"
        )
    return found


def _held(node: Node) -> dict[str, Record]:
    return {device: record for record in node.attachments.all() for device in record.devices}


def _holder(record: Record) -> str:
    return f"held by {record.pod or record.attachment} as {record.attachment.ifname}"
