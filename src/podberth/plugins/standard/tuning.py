"""The `tuning` type: sysctls of the pod's namespace and attributes of its interface, behind the plugin that made it.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/meta/tuning).
Pure.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import CniError, InvalidConfig, Refused
from podberth.cni.fields import shown
from podberth.cni.keys import BOOLEAN, NUMBER, OBJECT, TEXT, Key
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.plan import Plan
from podberth.net.seen import Lines
from podberth.net.settings import Standalone
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Op
    from podberth.net.seen import Query, Seen

TYPES: tuple[str, ...] = ("tuning",)
ALLOWED = Lines(path="/etc/cni/tuning/allowlist.conf")
_MAX_INT32 = 2**31 - 1
SYSCTL = Key(
    name="sysctl", kind=OBJECT, read=parsers.mapping, what="Sysctls below `net`; IFNAME in a key is the interface."
)
MAC_ADDRESS = Key(name="mac", kind=TEXT, read=parsers.mac, what="The interface's MAC.")
PROMISC = Key(name="promisc", kind=BOOLEAN, read=parsers.boolean, what="The interface takes every frame, or not.")
MTU = Key(name="mtu", kind=NUMBER, read=parsers.integer(1, _MAX_INT32), what="The interface's MTU.")
QUEUE = Key(
    name="txQLen", kind=NUMBER, read=parsers.integer(0, _MAX_INT32), what="How many packets wait to be sent at most."
)
ALLMULTI = Key(
    name="allmulti", kind=BOOLEAN, read=parsers.boolean, what="The interface takes every multicast frame, or not."
)
DATA_DIR = Key(
    name="dataDir",
    kind=TEXT,
    read=parsers.string(min=0, max=parsers.MAX_PATH),
    what="Has no effect: the store keeps the values of before.",
)
KEYS: tuple[Key, ...] = (SYSCTL, MAC_ADDRESS, PROMISC, MTU, QUEUE, ALLMULTI, DATA_DIR)
ADDRESSES = Addresses.PREVIOUS
SETTINGS = False
MAC = True
# Classes of POSIX, which the allowlist's regular expressions may have and Python's have not.
_POSIX = {
    "[:alnum:]": "0-9A-Za-z",
    "[:alpha:]": "A-Za-z",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:space:]": r"\s",
    "[:word:]": r"\w",
    "[:xdigit:]": "0-9A-Fa-f",
}


@value
class Conf(Standalone):
    """What is to be changed; None is left alone. `said` has the sysctls by their keys as they are written.

    `args_mac` is that of `args.cni`, which counts more than the runtime's wish.
    """

    said: tuple[tuple[str, str], ...] = ()
    mac: str | None = None
    args_mac: str | None = None
    promisc: bool | None = None
    mtu: int | None = None
    queue: int | None = None
    allmulti: bool | None = None


def configure(fields: Fields) -> Conf:
    """Return the configuration, with what `args.cni` says instead."""
    args = fields.child("args")
    cni = args.child("cni") if args is not None else None
    places = (fields,) if cni is None else (cni, fields)

    def said(key: Key) -> object:
        return next((found for place in places if (found := key.of(place)) is not None), None)

    sysctls = dict(fields.pairs(SYSCTL.name, parsers.sysctl_key, _sysctl_value))
    if cni is not None:
        sysctls |= dict(cni.pairs(SYSCTL.name, parsers.sysctl_key, _sysctl_value))
    DATA_DIR.of(fields)
    return Conf(
        said=tuple(sysctls.items()),
        mac=MAC_ADDRESS.of(fields),
        args_mac=MAC_ADDRESS.of(cni) if cni is not None else None,
        promisc=said(PROMISC),  # type: ignore[arg-type] # as the key's reader returns it
        mtu=said(MTU),  # type: ignore[arg-type]
        queue=said(QUEUE),  # type: ignore[arg-type]
        allmulti=said(ALLMULTI),  # type: ignore[arg-type]
    )


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return the list of the sysctls that the operator allows, where there are any to be written."""
    del call, endpoint, seen
    return (ALLOWED,) if conf.said else ()


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be changed. Refused for a sysctl that the operator does not allow."""
    if conf.said:
        _require_allowed(conf.said, seen.lines(ALLOWED.path))
    ifname, netns = endpoint.attachment.ifname, endpoint.netns
    paths = _by_path(conf.said, ifname)
    sysctls = tuple(ops.WriteSysctl(netns=netns, key=path, value=content) for path, content in paths.items())
    mac = conf.args_mac or call.mac or conf.mac
    return Plan(
        ops=(*sysctls, *_attributes(conf, mac, netns, ifname)),
        readdressed=((ifname, netns),) if mac is not None else (),
    )


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did: its file has what was."""
    if not call.netns:
        return ()
    steps: tuple[Step, ...] = ()
    try:
        conf = configure(call.conf.fields)
        mac = conf.args_mac or call.mac or conf.mac
        sysctls = _by_path(conf.said, call.ifname).items()
    except CniError:
        pass  # a DEL does without it
    else:
        said = tuple(ops.WriteSysctl(netns=call.netns, key=path, value=content) for path, content in sysctls)
        made = (*said, *_attributes(conf, mac, call.netns, call.ifname))
        steps = tuple(Step(op=op, before=theirs.KEPT) for op in made) if call.previous is not None else ()
    path = theirs.backup(call.attachment, str(call.conf.raw.get("dataDir") or ""))
    return (Step(op=ops.AdoptBackup(netns=call.netns, ifname=call.ifname, path=path)), *steps)


def sysctl_path(key: str, ifname: str) -> str:
    """Return a sysctl's path below /proc/sys.

    A key that begins as a path is one, dots and all. In any other both dots and slashes part the names, but for the
    dots of the interface's own name.
    """
    dot, slash = key.find("."), key.find("/")
    if slash >= 0 and (dot < 0 or slash < dot):
        return key.replace("IFNAME", ifname, 1)
    if "." in ifname:
        key = f"{key}.".replace(f".{ifname}.", ".IFNAME.")[:-1]
    return key.replace(".", "/").replace("IFNAME", ifname, 1)


def _sysctl_value(raw: object) -> str:
    """Return a sysctl's value; tabs between numbers, as the kernel shows them, are spaces to it."""
    return parsers.sysctl_value(raw.replace("\t", " ") if isinstance(raw, str) else raw)


def _by_path(said: tuple[tuple[str, str], ...], ifname: str) -> dict[str, str]:
    """Return values by path. InvalidConfig if two keys are one sysctl: which of them counts would be chance."""
    found: dict[str, tuple[str, str]] = {}
    for key, content in said:
        path = sysctl_path(key, ifname)
        if path in found:
            raise InvalidConfig(
                f"sysctl: {shown(found[path][0])} and {shown(key)} are one sysctl for {ifname}", "leave one of them out"
            )
        found[path] = key, content
    return {path: content for path, (_, content) in found.items()}


def _require_allowed(said: tuple[tuple[str, str], ...], lines: tuple[str, ...] | None) -> None:
    """Refuse a sysctl that no line of the operator's list matches anywhere in it; without a list all are allowed."""
    if lines is None:
        return
    from re import compile as compiled
    from re import error

    patterns = []
    for line in filter(None, lines):
        try:
            patterns.append(compiled(_pythons(line)))
        except error as wrong:
            raise InvalidConfig(
                f"{ALLOWED.path}: {shown(line)} is no regular expression: {wrong}", "correct the line"
            ) from None
    for key, _ in said:
        if not any(pattern.search(key) for pattern in patterns):
            raise Refused(f"sysctl: {shown(key)} is not allowed on this node", f"{ALLOWED.path} lists what is")


def _pythons(pattern: str) -> str:
    """Return a regular expression of Go in Python's words."""
    for go, ours in (*_POSIX.items(), (r"\z", r"\Z")):
        pattern = pattern.replace(go, ours)
    return pattern


def _attributes(conf: Conf, mac: str | None, netns: str, ifname: str) -> Iterator[Op]:
    said = (
        ("address", mac),
        ("promisc", _switch(conf.promisc)),
        ("mtu", conf.mtu),
        ("allmulticast", _switch(conf.allmulti)),
        ("txqueuelen", conf.queue),
    )
    for attribute, content in said:
        if content is not None:
            yield ops.SetAttribute(netns=netns, ifname=ifname, attribute=attribute, value=str(content))


def _switch(on: bool | None) -> str | None:
    return None if on is None else "on" if on else "off"
