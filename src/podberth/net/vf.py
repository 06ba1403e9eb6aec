"""SR-IOV virtual functions as values: what a node has, and which of them a network or a pod may have."""

from __future__ import annotations

from fnmatch import fnmatchcase

from podberth.cni.value import fields, replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Drivers that hand a function to a process: it has no network interface then (Documentation/driver-api/vfio.rst).
USERSPACE_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")


@value
class Vf:
    """One virtual function. `address`, `pf_address`: PCI; `pf`: its physical function's link, '' if it has none here.

    `vendor`, `device`: PCI IDs, four hexadecimal digits. `numa`: the node, -1 if unknown. `link`: its own interface in
    the node's namespace, '' if it is elsewhere or has none, with `mac` and `up`. `busy`: why the node itself uses it.
    `lent`: which address it has by DHCP; who names it may have it all the same. `theirs`: the network namespace that
    sriov-cni has given it to.
    `representor`: the link that stands for it on a switchdev PF.
    """

    address: str
    pf: str
    pf_address: str
    index: int
    vendor: str
    device: str
    driver: str = ""
    numa: int = -1
    link: str = ""
    mac: str = ""
    up: bool = False
    busy: str = ""
    lent: str = ""
    theirs: str = ""
    rdma: bool = False
    switchdev: bool = False
    representor: str = ""
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"VF {self.index} of {self.pf or self.pf_address} ({self.address})"

    @property
    def userspace(self) -> bool:
        """Whether a process, not the kernel, drives it."""
        return self.driver in USERSPACE_DRIVERS


@value
class Counters:
    """What went through a function, as its pod sees it. `counted_by`: its 'interface', or its 'PF'."""

    counted_by: str
    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0
    multicast: int = 0


@value
class Selector:
    """Which virtual functions will do: for each property any of the values named; empty is any at all.

    `pfs` are links' names, with '#0-3' or '#1,5' behind one for those VFs of it only. `addresses` are patterns of PCI
    addresses ('0000:03:*'). `labels`: it has to have all of them.
    """

    pfs: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()
    numa: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()

    def fits(self, vf: Vf) -> bool:
        """Say whether the function will do."""
        named = ((self.vendors, vf.vendor), (self.devices, vf.device), (self.drivers, vf.driver), (self.numa, vf.numa))
        return (
            all(not wanted or found in wanted for wanted, found in named)
            and (not self.pfs or any(_of_pf(pf, vf) for pf in self.pfs))
            and (not self.addresses or any(fnmatchcase(vf.address, pattern) for pattern in self.addresses))
            and set(self.labels) <= set(vf.labels)
        )

    def __str__(self) -> str:
        said = ((name, getattr(self, name)) for name, _ in fields(Selector))
        return "; ".join(f"{name} {', '.join(map(str, wanted))}" for name, wanted in said if wanted) or "any"


@value
class FunctionWanted:
    """Which virtual function a plan is for: the one that the caller named (a device plugin), or one that fits.

    It is a question whose answer is claimed: nobody else may have the function from then on. `device_ids` are PCI
    addresses, which are `given` by somebody; () for any that fit. `declared`: what `by` asks for, whoever has chosen
    the function. Of several, `count`, it is all or none.
    """

    selector: Selector
    device_ids: tuple[str, ...] = ()
    given: str = ""
    declared: Selector | None = None
    by: str = ""
    count: int = 1

    @classmethod
    def of_pf(
        cls, selector: Selector | None, pf: str | None, device_ids: tuple[str, ...] = (), count: int = 1
    ) -> FunctionWanted:
        """Return what is wanted of a PF, unless the selector names PFs itself."""
        wanted = selector or Selector()
        if pf and not wanted.pfs:
            wanted = replace(wanted, pfs=(pf,))
        return cls(selector=wanted, device_ids=device_ids, count=count)

    def chosen(self, fitting: Iterable[Vf], usable: Sequence[Vf]) -> tuple[Vf, ...]:
        """Return as many as are wanted of the usable ones, those in front first; () if there are too few.

        Several are of as many PFs: one port that fails takes one of them with it. So it has to be wherever functions of
        as many PFs would do, be they usable now or not; else PFs have more than one, as evenly as can be.
        """
        if self.count == 1:
            return tuple(usable[:1])
        ports: dict[str, int] = {}
        turns = []
        for vf in usable:
            turns.append(ports.get(vf.pf_address, 0))
            ports[vf.pf_address] = turns[-1] + 1
        found = tuple(vf for _, vf in sorted(zip(turns, usable, strict=True), key=lambda pair: pair[0]))[: self.count]
        spread = self.ports(fitting)
        return found if len(found) == self.count and len({vf.pf_address for vf in found}) >= spread else ()

    def ports(self, fitting: Iterable[Vf]) -> int:
        """Return of how many PFs the functions have to be, where these would do."""
        return min(self.count, len({vf.pf_address for vf in fitting}))

    def __str__(self) -> str:
        several = f"{self.count} of different PFs: " if self.count > 1 else ""
        return several + (f"deviceID {', '.join(self.device_ids)}" if self.device_ids else str(self.selector))


def indices(text: str) -> frozenset[int]:
    """Read '0-3,5': indices of VFs of one PF. ValueError if it is anything else."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdecimal() and len(end) <= 4 for end in ends) or int(ends[0]) > int(ends[1]):
            raise ValueError(f"expected indices as '0-3,5', got {text!r}")
        found.update(range(int(ends[0]), int(ends[1]) + 1))
    return frozenset(found)


def _of_pf(pf: str, vf: Vf) -> bool:
    name, hash_sign, those = pf.partition("#")
    return name == vf.pf and (not hash_sign or vf.index in indices(those))
