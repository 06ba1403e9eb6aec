"""Virtual functions come and go: the number of a PF, changed with all that takes; and what else hangs on the PF."""

from __future__ import annotations

from podberth.linux import pci
from podberth.linux.inventory import uses
from podberth.linux.namespaces import Namespaces
from podberth.linux.patience import awaited

_SETTLED = 10.0  # seconds that drivers have for their functions
_PAUSE = 0.05


def change(pf_address: str, now: int, count: int) -> None:
    """Go from `now` functions to `count`, over none; wait until they have drivers. OSError, with `now` made again."""
    if now:
        pci.set_vfs(pf_address, 0)
    if not count:
        return
    try:
        pci.set_vfs(pf_address, count)
    except OSError:
        if now:
            pci.set_vfs(pf_address, now)
        raise
    awaited(lambda: _settled(pf_address, count), _SETTLED, _PAUSE)


def _settled(pf_address: str, count: int) -> bool:
    made = [vf for vf in pci.vfs() if vf.pf_address == pf_address]
    return len(made) == count and all(vf.userspace or (vf.driver and vf.link) for vf in made)


def warning(link: str) -> str:
    """Return what the node uses the PF's link for; '' if for nothing."""
    namespaces = Namespaces()
    try:
        return uses(namespaces).get(link, "")
    finally:
        namespaces.close()
