"""Resources of the kubelet's, and which virtual functions are of each. Pure."""

from __future__ import annotations

import re

from podberth.cni.value import value
from podberth.net.vf import Selector, indices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podberth.net.vf import Vf


@value
class Named:
    """Which PFs are meant, by link or PCI address: `text`, or what matches it as a `pattern` (re.search).

    `those`: indices of their functions as '0-3,5'; '' for all.
    """

    text: str
    pattern: bool = False
    those: str = ""

    def means(self, name: str, index: int) -> bool:
        """Say whether a function is meant: of the PF with that name, by its index."""
        if not name or (self.those and index not in indices(self.those)):
            return False
        if self.pattern:
            return re.search(self.text, name) is not None
        return self.text.lower() == name.lower()


@value
class Choice:
    """Some functions: those that a selector fits, of the PFs that `pfs` name by link and `roots` by PCI address."""

    selector: Selector = Selector()
    pfs: tuple[Named, ...] = ()
    roots: tuple[Named, ...] = ()

    def fits(self, vf: Vf) -> bool:
        """Say whether the function is one of them."""
        return (
            self.selector.fits(vf)
            and (not self.pfs or any(each.means(vf.pf, vf.index) for each in self.pfs))
            and (not self.roots or any(each.means(vf.pf_address, vf.index) for each in self.roots))
        )


@value
class Resource:
    """Functions that pods ask the kubelet for by one `name`, 'DOMAIN/NAME': those of any of the `choices`.

    `topology`: the kubelet is told the NUMA nodes. `apart`: those of one container are of different PFs, for bonds.
    `cdi`: character devices are named by CDI. `info`: what containers are told besides, by PCI address, '*' for each.
    """

    name: str
    choices: tuple[Choice, ...] = (Choice(),)
    topology: bool = True
    cdi: bool = False
    apart: bool = False
    info: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable that names a container's devices of it."""
        return f"PCIDEVICE_{re.sub('[^A-Za-z0-9]', '_', self.name).upper()}"

    def fits(self, vf: Vf) -> bool:
        """Say whether the function is one of its."""
        return any(choice.fits(vf) for choice in self.choices)


def shares(
    resources: Iterable[Resource], functions: Iterable[Vf], before: Mapping[str, str] | None = None
) -> dict[str, tuple[Vf, ...]]:
    """Return each resource's functions, by its name. A function is of the first resource that it fits.

    `before`: the resource of each function's address as it was last. A function without a driver keeps it: one that is
    given to a pod, or comes back, may be between two drivers.
    """
    every = tuple(resources)
    found: dict[str, list[Vf]] = {one.name: [] for one in every}
    for vf in functions:
        last = (before or {}).get(vf.address, "")
        name = last if not vf.driver and last in found else next((one.name for one in every if one.fits(vf)), "")
        if name:
            found[name].append(vf)
    return {name: tuple(those) for name, those in found.items()}
