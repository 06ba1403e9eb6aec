"""The `host-local` type: addresses of ranges that are this node's alone, each kept as a file.

Its keys, its files and its results are those of the plugin of that name (github.com/containernetworking/plugins,
plugins/ipam/host-local): both may give addresses of one folder at a time, and each takes back what the other gave.
"""

from __future__ import annotations

import os

from podberth.cni import parsers
from podberth.cni.errors import (
    AddressTaken,
    CniError,
    Drifted,
    InvalidEnvironment,
    IOFailure,
    NotAvailable,
    PoolExhausted,
)
from podberth.cni.fields import shown
from podberth.cni.keys import LIST, TEXT, Key
from podberth.cni.result import Dns, IPConfig, Result, Route
from podberth.ipam_plugins.address_files import ranges
from podberth.ipam_plugins.address_files.folder import LINE, Folder, owner_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.parsers import Address
    from podberth.ipam_plugins.address_files.ranges import RangeSet

TYPES: tuple[str, ...] = ("host-local",)
DATA_DIR = "/var/lib/cni/networks"


def _path(raw: object) -> str:
    """Return an absolute path: a relative one would depend on which process serves the call."""
    found = parsers.string(max=parsers.MAX_PATH)(raw)
    if not found.startswith("/"):
        raise ValueError(f"expected an absolute path, got {shown(found)}")
    return found


KEYS: tuple[Key, ...] = (
    Key(
        name="ranges",
        kind=LIST,
        read=parsers.members,
        what="Sets of ranges. An interface gets one address of each set.",
    ),
    Key(name="subnet", kind=TEXT, read=parsers.ip_network, what="The subnet of a range: of the first set, said flat."),
    Key(name="rangeStart", kind=TEXT, read=parsers.ip_address, what="The first address that is given of `subnet`."),
    Key(name="rangeEnd", kind=TEXT, read=parsers.ip_address, what="The last address that is given of `subnet`."),
    Key(name="gateway", kind=TEXT, read=parsers.ip_address, what="The gateway of `subnet`; else its first address."),
    Key(
        name="routes",
        kind=LIST,
        read=parsers.members,
        what="Routes: `dst`, `gw` and the numbers of the result's routes.",
    ),
    Key(name="dataDir", kind=TEXT, read=_path, what="Has a folder for each network.", default=DATA_DIR),
    Key(name="resolvConf", kind=TEXT, read=_path, what="A resolv.conf, for the result's `dns`."),
)
_MOST = 1 << 20  # bytes of a resolv.conf


def add(call: Call, ipam: Fields) -> Result:
    """Give an address of each range set, all or none. AddressTaken, PoolExhausted, DiskFull; InvalidConfig."""
    sets = ranges.read(call, ipam)
    asked = ranges.requested(call, sets)
    routes = tuple(Route.parse(member) for member in ipam.children("routes"))
    dns = _dns(ipam)
    owner = owner_text(call.container_id, call.ifname)
    given: list[Address] = []
    found: list[IPConfig] = []
    with Folder(_data_dir(ipam), call.name, make=True) as folder:
        held = folder.held(call.container_id, call.ifname)
        try:
            for index, (each, wanted) in enumerate(zip(sets, asked, strict=True)):
                had = wanted is not None and (wanted, owner) in held
                if wanted is None:
                    address = _next(folder, each, index, owner, held)
                else:
                    address = wanted if had else _requested(folder, each, wanted, owner)
                if not had:
                    given.append(address)
                    folder.remember(index, address)
                found.append(IPConfig(address=each.interface(address), gateway=each.of(address).gateway))
        except BaseException:
            for address in given:
                folder.free(address, owner)
            raise
    return Result(ips=tuple(found), routes=routes, dns=dns)


def delete(call: Call, ipam: Fields) -> None:
    """Take back what the interface has; without any, what the container has without an interface's name."""
    try:
        directory = _data_dir(ipam)
    except CniError:
        return  # the ADD with it was refused
    owner = owner_text(call.container_id, call.ifname)
    with Folder(directory, call.name) as folder:
        held = folder.held(call.container_id, call.ifname) if folder.there else []
        of_interface = [(address, whose) for address, whose in held if whose == owner]
        for address, whose in of_interface or held:
            folder.free(address, whose)


def check(call: Call, ipam: Fields) -> None:
    """Raise Drifted if the interface has no address, or prevResult one of the ranges that is not given to it."""
    sets = ranges.read(call, ipam)
    with Folder(_data_dir(ipam), call.name) as folder:
        held = {address for address, _ in folder.held(call.container_id, call.ifname)} if folder.there else set()
    stated = [ip.address.ip for ip in call.previous.ips] if call.previous is not None else []
    lost = [str(address) for address in stated if address not in held and any(address in each for each in sets)]
    if lost or not held:
        what = f"{', '.join(lost)}: not given" if lost else "nothing is given"
        raise Drifted(f"{folder.path}: {what} to {call.container_id} {call.ifname}", "restart the pod")


def collect(call: Call, ipam: Fields) -> None:
    """Take back what is given to no valid attachment, and what a writer that died has left empty."""
    valid = frozenset(call.valid)
    owners = {owner_text(*pair) for pair in valid} | {container for container, _ in valid}
    with Folder(_data_dir(ipam), call.name) as folder:
        if folder.there:
            folder.sweep(lambda owner: LINE.join(owner.split()) in owners or len(owner.split()) > 2)


def status(call: Call, ipam: Fields) -> None:
    """Raise NotAvailable if nothing can be written to the folder; InvalidConfig if what is said is wrong."""
    ranges.read(call, ipam)
    path = directory = _data_dir(ipam)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path) or not os.access(path, os.W_OK | os.X_OK):
        raise NotAvailable(f"ipam.dataDir: {directory}: can't be written to", "mount it writable")


def _next(folder: Folder, each: RangeSet, index: int, owner: str, held: list[tuple[Address, str]]) -> Address:
    """Give the next address of the set, round from the last one. InvalidEnvironment if the interface has one of it."""
    for address, _ in held:
        if address in each:
            raise InvalidEnvironment(
                f"CNI_CONTAINERID, CNI_IFNAME: {address} is given to them already",
                "DEL it first: an ADD is not repeated for the same container and interface",
            )
    found = folder.claim_first(each.after(folder.last(index)), each.version, owner)
    if found is None:
        raise PoolExhausted(
            f"{each.path}: no address is free of {each}", f"the files in {folder.path} name who has them"
        )
    return found


def _requested(folder: Folder, each: RangeSet, wanted: Address, owner: str) -> Address:
    """Give the address that is asked for. AddressTaken if somebody has it."""
    if wanted in each.gateways:
        raise AddressTaken(f"{wanted} is asked for, but it is the gateway of {each.of(wanted).subnet}", "ask another")
    if not folder.claim(wanted, owner) and not folder.reclaim(wanted, owner):
        whose = " ".join((folder.owner(wanted) or "?").split())
        raise AddressTaken(f"{wanted} is asked for, but it is given to {whose}", f"see {folder.path}/{wanted}")
    return wanted


def _data_dir(ipam: Fields) -> str:
    return ipam.get("dataDir", _path, DATA_DIR)


def _dns(ipam: Fields) -> Dns:
    """Return what a resolv.conf says (resolv.conf(5)). IOFailure if it can't be read."""
    path = ipam.optional("resolvConf", _path)
    if path is None:
        return Dns()
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            lines = stream.read(_MOST).splitlines()
    except OSError as wrong:
        raise IOFailure(f"ipam.resolvConf: {path}: {wrong.strerror}", "name a file that is there") from None
    said: dict[str, list[str]] = {"nameserver": [], "domain": [], "search": [], "options": []}
    for line in lines:
        key, *words = line.split() or [""]
        if words and key in said:
            said[key] += words if key in ("search", "options") else words[:1]
    return Dns(
        nameservers=tuple(said["nameserver"]),
        domain=(said["domain"] or [""])[-1],
        search=tuple(said["search"]),
        options=tuple(said["options"]),
    )
