"""Functions that sriov-cni has given to pods: brought back as its own DEL would, and left alone where they are others'.

sriov-cni notes for each function the network namespace that it went to (pkg/utils, PCIAllocator). podberth heeds these
notes and takes away those of namespaces that are gone, as sriov-cni itself does: so each of the two knows what is the
other's.
"""

from __future__ import annotations

import errno
import fcntl
import os
from functools import partial

from podberth.cni.errors import InvalidConfig, TryAgainLater
from podberth.linux import netns as namespaces_of
from podberth.linux import pci
from podberth.linux.effects import vf_links, vf_settings
from podberth.linux.patience import again
from podberth.net.ops import AdoptFunction, ConfigureVf, MoveVf
from podberth.net.sriov_cni import FOLDER, Remembered, read
from podberth.net.step import Drift, Step
from podberth.process import machine
from podberth.process.log import notice
from podberth.process.reason import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.linux.ground import Ground
    from podberth.net.facts import NetnsId
    from podberth.net.ops.sriov_cni import Op

_NOTES = f"{FOLDER}/pci"
_BUSY_SECONDS, _PAUSE = 5.0, 0.05  # for which sriov-cni may be at the function; between two looks
_MOST = 1 << 20  # bytes of a file
_UNREAD = ".unread"


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield nothing: an ADD makes none of it."""
    del at, op
    yield from ()


def do(at: Ground, op: Op) -> None:
    """Refuse: only sriov-cni makes it."""
    del at, op
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Give the function back as it was found, if the pod still has it; then take sriov-cni's files away."""
    remembered = _read(op.path)
    if remembered is None:
        return
    with _Locked(remembered.device):
        alive = at.alive(step, netns)
        if pci.exists(remembered.device) and _is_the_pods(at, op, remembered, alive=alive):
            _give_back(at, op, remembered, alive=alive)
            _unlink(f"{_NOTES}/{remembered.device}")
        _unlink(op.path)


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare where the interface is. sriov-cni compares nothing."""
    del step
    remembered = _read(op.path)
    if remembered is None:
        return (Drift(what=op.ifname, field="attachment", wanted="known", found="neither podberth's nor sriov-cni's"),)
    if not remembered.link or not op.netns:
        return ()
    if vf_links.inside(at.namespaces, op.netns, remembered.device, op.ifname) is not None:
        return ()
    return (Drift(what=f"{op.ifname} ({remembered.device})", field="netns", wanted=op.netns, found="elsewhere"),)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Refuse it, as `do`."""
    del step, netns
    do(at, op)


def holders(devices: Iterable[str]) -> dict[str, str]:
    """Return by device the path of the namespace that sriov-cni has given it to, if that is there.

    Nothing is opened where sriov-cni has never been.
    """
    if not os.path.isdir(_NOTES):
        return {}
    noted = {device: _noted(device) for device in devices}
    return {device: path for device, path in noted.items() if path and namespaces_of.identity(path) is not None}


def reclaim(at: Ground, device: str) -> None:
    """Do the DEL that sriov-cni's pod never got, if its namespace is gone: the next pod gets a clean function.

    Of several such pods the first found the function as it was.
    """
    if not os.path.isdir(_NOTES) or not _noted(device) or holders((device,)):
        return
    with _Locked(device):
        files = sorted(_files(device), key=lambda found: found[0])
        if files and pci.exists(device):
            _, path, remembered = files[0]
            _give_back(at, AdoptFunction(netns="", ifname="", path=path), remembered, alive=False)
        for _, path, _ in files:
            _unlink(path)
        _unlink(f"{_NOTES}/{device}")


def _files(device: str) -> Iterator[tuple[float, str, Remembered]]:
    """Yield each file that is about the device, with its time."""
    for entry in os.scandir(FOLDER):
        remembered = _read(entry.path) if entry.is_file() and not entry.name.endswith(_UNREAD) else None
        if remembered is not None and remembered.device == device:
            yield entry.stat().st_mtime, entry.path, remembered


def _is_the_pods(at: Ground, op: Op, remembered: Remembered, *, alive: bool) -> bool:
    """Say whether nobody has had the function since.

    It is the pod's where it is in its namespace, or where sriov-cni's note names that. A DEL without a namespace has
    only the note: then the one that it names must be gone.
    """
    if alive and vf_links.inside(at.namespaces, op.netns, remembered.device, op.ifname) is not None:
        return True
    noted = _noted(remembered.device)
    return bool(noted) and (noted == op.netns if op.netns else namespaces_of.identity(noted) is None)


def _give_back(at: Ground, op: Op, remembered: Remembered, *, alive: bool) -> None:
    namespaces, device = at.namespaces, remembered.device
    namespaces.changed()
    function = pci.vf(device)
    if function is None:
        return
    if remembered.link:
        inside = vf_links.inside(namespaces, op.netns, device, op.ifname) if alive else None
        move = MoveVf(device=device, link=remembered.link, netns=op.netns, ifname=op.ifname)
        link = vf_links.fetched(namespaces, move, remembered.link, alive=alive)
        names = (inside or link).altnames
        found = {"name": remembered.link, "altnames": " ".join(name for name in names if name != remembered.link)}
        found |= {"mtu": str(remembered.mtu or link.mtu), "queue": str(link.queue), "flags": str(link.sticky)}
        vf_links.restore(namespaces, link, found)
        namespaces.changed()
    told = ConfigureVf(device=device, pf=function.pf, index=function.index, userspace=not remembered.link)
    known = (("boot", machine.boot_id()), ("driver", pci.driver(device)), *remembered.found)
    vf_settings.give_back(namespaces, Step(op=told, before=known), told)
    namespaces.changed()


def _read(path: str) -> Remembered | None:
    """Return what sriov-cni remembers; None for nothing. A file that can't be read is put aside, for people."""
    try:
        with open(path, "rb") as file:
            return read(file.read(_MOST + 1), path)
    except FileNotFoundError:
        return None
    except (OSError, InvalidConfig) as wrong:
        notice(reason(wrong, f"it is put aside as {path}{_UNREAD}: put the function back by hand").within(path))
    try:
        os.replace(path, f"{path}{_UNREAD}")
    except OSError:
        pass  # it is looked at again by the next DEL
    return None


def _noted(device: str) -> str:
    try:
        with open(f"{_NOTES}/{device}", encoding="utf-8", errors="replace") as file:
            return file.read(4096).strip()
    except OSError:
        return ""


class _Locked:
    """Keeps sriov-cni from the function meanwhile, by its own lock. TryAgainLater while it is at it."""

    def __init__(self, device: str) -> None:
        self._device = device

    def __enter__(self) -> None:
        folder = f"{_NOTES}/vf_lock"
        os.makedirs(folder, 0o700, exist_ok=True)
        path = f"{folder}/{self._device}.lock"
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o600)
        try:
            take = partial(fcntl.flock, self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            again(take, (errno.EAGAIN,), _BUSY_SECONDS, _PAUSE)
        except BlockingIOError:
            os.close(self._descriptor)
            raise TryAgainLater(
                f"sriov-cni is at {self._device}", "it ends by itself; the runtime tries again"
            ) from None

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
