"""What a PF is told about a virtual function on the node, and the MAC that its interface has in the end.

Settings go out one by one, so that a refusal names the one refused. Drivers apply a MAC in their own way (see
docs/decisions): `_make_effective` finds out by looking.
"""

from __future__ import annotations

import errno
import os
import time

from podberth.cni.errors import KernelRefused, TryAgainLater
from podberth.linux import pci
from podberth.linux.effects import vf_links
from podberth.linux.netlink import links, vfs
from podberth.linux.patience import again
from podberth.net.step import Drift
from podberth.process import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.linux.netlink.vfs import VfInfo
    from podberth.net.ops import ConfigureVf
    from podberth.net.step import Step

_BUSY = (errno.EBUSY, errno.EAGAIN, errno.EINTR)
_BUSY_SECONDS = 5.0  # how long a driver that is busy is asked again
_MAC_SECONDS = 5.0  # how long a driver has for a MAC that it applies later
_PAUSE = 0.02
_NO_MAC = "00:00:00:00:00:00"
_TELL_WHEN_RESET = ("igbvf",)  # drivers that tell the PF a MAC that did not change only then: as they go down
_SETTINGS = ("vlan", "qos", "proto", "mac", "max_tx_rate", "min_tx_rate", "spoofchk", "trust", "link_state")
# How an operator names the setting, in a PodNetwork and in a network configuration of sriov-cni.
_SAID = {
    "vlan": "vlan.id (vlan)",
    "proto": "vlan.proto (vlanProto)",
    "mac": "mac",
    "max_tx_rate": "rates.egress (max_tx_rate)",
    "min_tx_rate": "rates.minEgress (min_tx_rate)",
    "spoofchk": "spoofchk",
    "trust": "trust",
    "link_state": "linkState (link_state)",
}


def before(namespaces: Namespaces, op: ConfigureVf) -> Iterator[tuple[str, str]]:
    """Yield everything the function has now that is to be given back."""
    yield "boot", machine.boot_id()
    yield "driver", pci.driver(op.device)
    live = _live(namespaces, op)
    for name in _SETTINGS:
        if (found := getattr(live, name)) is not None:
            yield name, _text(found)
    link = vf_links.on_node(namespaces, op.device)
    if link is not None:
        yield "effective_mac", link.mac
        yield "mac_chosen_by", pci.mac_chosen_by(link.name)
        yield "up", _text(link.up)


def configure(namespaces: Namespaces, op: ConfigureVf) -> None:
    """Bring every setting of the op about, and only what differs. KernelRefused names the setting and the driver."""
    _bring_about(namespaces, op, _wanted(op))
    if op.userspace:
        return
    if op.mac is not None:
        _make_effective(namespaces, op, op.mac)
    elif pci.driver(op.device) in _TELL_WHEN_RESET:
        _tell_again(namespaces, op)


def give_back(namespaces: Namespaces, step: Step, op: ConfigureVf) -> None:
    """Give the function what it had before; nothing is done for one of another boot, or that is gone.

    TryAgainLater until it is back on the node: taken off its VLAN any earlier, the pod would be in another one.
    """
    found = dict(step.before)
    if found.get("boot") != machine.boot_id() or not pci.exists(op.device):
        return
    if op.userspace:
        pci.reset(op.device)  # what it still does ends while it is in its VLAN
    else:
        vf_links.drive(op.device, found["driver"])
        if vf_links.on_node(namespaces, op.device) is None:
            raise TryAgainLater(
                f"the interface of {op.device} is not back on the node: its settings stay meanwhile",
                "it comes back when its network namespace ends; `podberth gc` tries again",
            )
    _restore_settings(namespaces, op, found)
    _restore_mac(namespaces, op, found)
    if not op.userspace:
        link = vf_links.on_node(namespaces, op.device)
        if link is not None and link.up != (found.get("up") == "yes"):
            change = links.set_up(link.index) if not link.up else links.set_down(link.index)
            namespaces.socket(None).do(links.NEW, change)


def check(namespaces: Namespaces, step: Step, op: ConfigureVf) -> tuple[Drift, ...]:
    """Compare the live settings, one by one, with the op's, or with those before it where it leaves them alone."""
    if not pci.exists(op.device):
        return (Drift(what=op.device, field="device", wanted="there", found="gone"),)
    live, what = _live(namespaces, op), f"{op.pf} vf {op.index}"
    return tuple(
        Drift(what=what, field=name, wanted=_text(wanted), found=_text(getattr(live, name)))
        for name, wanted in _expected(step, op, live).items()
        if wanted is not None and getattr(live, name) != wanted
    )


def repair(namespaces: Namespaces, step: Step, op: ConfigureVf) -> None:
    """Set what `check` finds different. The interface, in its pod, keeps its MAC: only the PF's word is put right."""
    _bring_about(namespaces, op, _expected(step, op, _live(namespaces, op)))


def _expected(step: Step, op: ConfigureVf, live: VfInfo) -> dict[str, object]:
    found, wanted = dict(step.before), _wanted(op)
    for name in _SETTINGS:
        if wanted[name] is None and name in found:
            wanted[name] = _value(found[name], getattr(live, name))
    if op.mac is None and live.mac != wanted["mac"] and "effective_mac" in found:
        wanted["mac"] = found["effective_mac"]  # what some drivers show as soon as the interface is up
    return wanted


def _wanted(op: ConfigureVf) -> dict[str, object]:
    return {name: getattr(op, name) for name in _SETTINGS}


def _live(namespaces: Namespaces, op: ConfigureVf) -> VfInfo:
    body = namespaces.socket(None).get(links.GET, vfs.ask(_pf(namespaces, op)))
    try:
        found = vfs.parse(body or b"")
    except (ValueError, KeyError) as torn:
        # A list of more than 64 KiB does not fit into the attribute that it comes in.
        raise OSError(errno.EMSGSIZE, f"the list of VFs of {op.pf} can't be read: {torn}") from torn
    if op.index not in found:
        raise OSError(errno.ENODEV, f"{op.pf} has no VF {op.index}")
    return found[op.index]


def _pf(namespaces: Namespaces, op: ConfigureVf) -> int:
    return namespaces.index(None, pci.pf_link(op.device) or op.pf)


def _bring_about(namespaces: Namespaces, op: ConfigureVf, wanted: Mapping[str, object]) -> None:
    for name, message in _messages(namespaces, op, _live(namespaces, op), wanted):
        _tell(namespaces, op, name, wanted[name], message)


def _messages(
    namespaces: Namespaces, op: ConfigureVf, live: VfInfo, wanted: Mapping[str, object]
) -> Iterator[tuple[str, bytes]]:
    """Yield (setting, message) for what is wanted and is not so; None is not wanted. The order is sriov-cni's."""
    pf, vf = _pf(namespaces, op), op.index

    def differs(*names: str) -> bool:
        return any(wanted.get(name) is not None and wanted[name] != getattr(live, name) for name in names)

    def number(name: str) -> int:
        said = wanted.get(name)
        found = getattr(live, name) if said is None else said
        return found if isinstance(found, int) else 0

    if differs("vlan", "qos", "proto"):
        proto = str(wanted.get("proto") or live.proto)
        yield "proto" if proto != live.proto else "vlan", vfs.set_vlan(pf, vf, number("vlan"), number("qos"), proto)
    if differs("mac"):
        yield "mac", vfs.set_mac(pf, vf, str(wanted["mac"]))
    if differs("max_tx_rate", "min_tx_rate"):
        name = "min_tx_rate" if differs("min_tx_rate") else "max_tx_rate"
        yield name, vfs.set_rate(pf, vf, number("min_tx_rate"), number("max_tx_rate"))
    if differs("spoofchk"):
        yield "spoofchk", vfs.set_spoofchk(pf, vf, on=bool(wanted["spoofchk"]))
    if differs("trust"):
        yield "trust", vfs.set_trust(pf, vf, on=bool(wanted["trust"]))
    if differs("link_state"):
        yield "link_state", vfs.set_link_state(pf, vf, str(wanted["link_state"]))


def _tell(namespaces: Namespaces, op: ConfigureVf, name: str, wanted: object, message: bytes) -> None:
    try:
        again(lambda: namespaces.socket(None).do(vfs.SET, message), _BUSY, _BUSY_SECONDS, _PAUSE)
    except OSError as refused:
        said = _SAID[name]
        driver = pci.driver(f"{op.device}/physfn") or "the driver"
        code = errno.errorcode.get(refused.errno or 0, "no errno")
        raise KernelRefused(
            f"{driver} refused {name} {_text(wanted)} for VF {op.index} of {op.pf} ({op.device}):"
            f" {os.strerror(refused.errno or 0)} ({code})",
            f"leave {said} out for pods on this card, or give them a VF of a card whose driver takes it",
        ) from refused


def _restore_settings(namespaces: Namespaces, op: ConfigureVf, found: Mapping[str, str]) -> None:
    live = _live(namespaces, op)
    wanted = {name: _value(found[name], getattr(live, name)) for name in _SETTINGS if name in found and name != "mac"}
    _bring_about(namespaces, op, wanted)


def _restore_mac(namespaces: Namespaces, op: ConfigureVf, found: Mapping[str, str]) -> None:
    """Put back both MACs: from the function's own side the interface's, then the administrative one.

    While an administrative MAC is set, no other is taken from the function's side. Where none was, some drivers show
    the interface's own; that one is not made administrative, or the interface could never have another again.
    """
    mac, own = found["mac"], found.get("effective_mac", "")
    link = vf_links.on_node(namespaces, op.device)
    unlocked = False
    if own and link is not None and link.mac != own:
        unlocked = _live(namespaces, op).mac != _NO_MAC
        if unlocked:
            _administrate(namespaces, op, _NO_MAC)
        _make_effective(namespaces, op, own)
    chosen_there = mac == own and found.get("mac_chosen_by") == "interface"
    if _live(namespaces, op).mac != mac or (unlocked and not chosen_there):
        _administrate(namespaces, op, mac)


def _administrate(namespaces: Namespaces, op: ConfigureVf, mac: str) -> None:
    _tell(namespaces, op, "mac", mac, vfs.set_mac(_pf(namespaces, op), op.index, mac))


def _make_effective(namespaces: Namespaces, op: ConfigureVf, mac: str) -> None:
    """See to it that the function's interface has the MAC; KernelRefused if its driver will not take it.

    Most drivers take it from the interface's side, some later than they say (i40e, iavf). igbvf refuses that until it
    has read the administrative one, which it does when its interface goes down; any driver does when it is bound anew.
    """
    end, tried = time.monotonic() + _MAC_SECONDS, 0
    while True:
        link = vf_links.on_node(namespaces, op.device)
        if link is None or link.mac == mac:
            return
        try:
            namespaces.socket(None).do(links.NEW, links.set_mac(link.index, mac))
        except OSError as refused:
            if time.monotonic() > end:
                raise _not_taken(op, link, mac, refused.strerror or str(refused)) from refused
            if tried == 0:
                vf_links.cycle(namespaces, None, link)
            elif tried == 1:
                vf_links.rebind(namespaces, op.device)
            else:  # a PF that is being reset listens to nobody for a while, and forgets what it was told
                time.sleep(5 * _PAUSE)
                vf_links.cycle(namespaces, None, link)
        else:
            if time.monotonic() > end:
                raise _not_taken(op, link, mac, f"it keeps {link.mac}")
            if tried:
                time.sleep(_PAUSE)
        tried += 1


def _tell_again(namespaces: Namespaces, op: ConfigureVf) -> None:
    """Have the function tell the PF its MAC once more, if the PF knows none: it would let no frame through to it.

    So it is once an administrative MAC was taken away while the interface was down.
    """
    link = vf_links.on_node(namespaces, op.device)
    if link is not None and _live(namespaces, op).mac == _NO_MAC:
        vf_links.cycle(namespaces, None, link)


def _not_taken(op: ConfigureVf, link: LinkInfo, mac: str, why: str) -> KernelRefused:
    return KernelRefused(
        f"{pci.driver(op.device)} does not take the MAC {mac} for {link.name} ({op.device}): {why}",
        "leave the MAC out for pods on this card",
    )


def _text(found: object) -> str:
    return "yes" if found is True else "no" if found is False else str(found)


def _value(text: str, like: object) -> object:
    """Return what `_text` wrote, as the kind of value that the live setting has."""
    return text == "yes" if isinstance(like, bool) else int(text) if isinstance(like, int) else text
