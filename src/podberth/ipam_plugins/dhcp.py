"""The `dhcp` type: addresses of a DHCP server, which a daemon on the node asks and keeps the leases with.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/ipam/dhcp).
Nothing of the daemon is loaded here: what it is asked, and what it answers, goes over its socket.
"""

from __future__ import annotations

from _thread import allocate_lock
from ipaddress import IPv4Interface

from podberth.cni import parsers
from podberth.cni.errors import CniError, InvalidConfig, IOFailure, TryAgainLater
from podberth.cni.fields import Fields, shown
from podberth.cni.keys import LIST, NUMBER, TEXT, Key
from podberth.cni.result import IPConfig, Result
from podberth.ipam_plugins.dhcp_lease import asking, options
from podberth.ipam_plugins.dhcp_lease.asking import NoDaemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call

TYPES: tuple[str, ...] = ("dhcp",)
KEYS: tuple[Key, ...] = (
    Key(
        name="daemonSocketPath",
        kind=TEXT,
        read=parsers.absolute_path,
        default=asking.SOCKET,
        what="Where the daemon listens.",
    ),
    Key(
        name="request",
        kind=LIST,
        read=parsers.members,
        what="Options to ask the server for: `option`, or `skipDefault`.",
    ),
    Key(
        name="provide",
        kind=LIST,
        read=parsers.members,
        what="Options to send: `option`, and `value` or `fromArg` of CNI_ARGS.",
    ),
    Key(name="priority", kind=NUMBER, read=parsers.integer(0, 2**31 - 1), what="The metric of the routes."),
)
# What is asked for unless `skipDefault` says so: as the CNI project's plugin does, and what a result has a place for.
DEFAULT = (options.ROUTERS, options.MASK, options.SERVERS, options.DOMAIN, options.SEARCH)
MOST_WAITING = 4  # ADDs of one process: half of an agent's workers
_LONGEST = 255  # bytes of an option's value
_MOST_SAID = 1024  # bytes of all values: a message has 1472, with the rest of it
_CLIENT = 254  # bytes of a client identifier behind its type
_TEXT = parsers.string(min=0, max=4096)


def add(call: Call, ipam: Fields) -> Result:
    """Return the lease's address, routes and DNS. NoDaemon, TryAgainLater without a server; InvalidConfig."""
    priority = ipam.get("priority", parsers.integer(0, 2**31 - 1), 0)
    provided = _provided(call, ipam)
    document = {
        "provide": [[code, content.hex()] for code, content in provided],
        "request": list(_requested(ipam)),
        "client": client_of(call).hex(),
        "netns": call.netns,
    }
    answer = _ask(call, ipam, document)
    address = answer.required("address", parsers.ip_address)
    said = _options(answer)
    length = options.prefix(said)
    if length is None:
        _ask(call, ipam, {}, "DEL")
        raise InvalidConfig(
            f"the DHCP server leases {address} without a subnet mask", "have it send option 1, and ask for that"
        )
    return Result(
        ips=(IPConfig(address=IPv4Interface((int(address), length)), gateway=options.gateway(said)),),
        routes=options.routes(said, priority),
        dns=options.dns(said),
    )


def delete(call: Call, ipam: Fields) -> None:
    """Give the lease back. Without a daemon nothing is to be done: it forgets leases of links that are gone."""
    try:
        _ask(call, ipam, {})
    except (NoDaemon, InvalidConfig, IOFailure):
        pass


def check(call: Call, ipam: Fields) -> None:
    """Raise Drifted unless the address is leased just now, and is that of prevResult; NoDaemon."""
    given = call.previous.ips if call.previous is not None else ()
    _ask(call, ipam, {"addresses": [str(ip.address.ip) for ip in given]})


def collect(call: Call, ipam: Fields) -> None:
    """Have the daemon give back what is leased for no valid attachment of the network."""
    try:
        _ask(call, ipam, {"valid": [list(pair) for pair in call.valid]})
    except NoDaemon:
        pass  # it looks for its pods' links when it starts


def status(call: Call, ipam: Fields) -> None:
    """Tell of a daemon that does not answer, and succeed: pods that run are not to be moved for its restart.

    InvalidConfig for a wrong configuration.
    """
    _requested(ipam)
    try:
        _ask(call, ipam, {}, seconds=asking.AT_ONCE)
    except InvalidConfig:
        raise
    except CniError as wrong:
        from podberth.process.log import notice
        from podberth.process.reason import reason

        notice(reason(wrong).within("STATUS of dhcp"))


def client_of(call: Call) -> bytes:
    """Return the client identifier, without its type: that of the CNI project's plugin."""
    return f"{call.container_id}/{call.name}/{call.ifname}".encode()[:_CLIENT]


def _ask(
    call: Call, ipam: Fields, document: dict[str, object], verb: str = "", seconds: int = asking.SECONDS
) -> Fields:
    path = ipam.get("daemonSocketPath", parsers.absolute_path, asking.SOCKET)
    whose = {"network": call.name, "containerID": call.container_id, "ifname": call.ifname}
    request = {"verb": verb or str(call.verb), **whose, **document}
    if request["verb"] != "ADD":
        return asking.ask(path, request, seconds)
    with _Waiting():
        return asking.ask(path, request, seconds)


class _Waiting:
    """An ADD that waits for a server. An agent has a few workers: they must not all wait. TryAgainLater beyond that."""

    now = 0
    _guard = allocate_lock()

    def __enter__(self) -> None:
        with self._guard:
            if _Waiting.now >= MOST_WAITING:
                raise TryAgainLater(
                    f"{MOST_WAITING} pods of this node wait for DHCP servers already", "see whether the servers answer"
                )
            _Waiting.now += 1

    def __exit__(self, *_: object) -> None:
        with self._guard:
            _Waiting.now -= 1


def _requested(ipam: Fields) -> tuple[int, ...]:
    """Return the numbers of the options to ask for. InvalidConfig names a wrong one."""
    found: list[int] = []
    skip = False
    for each in ipam.children("request"):
        skip |= each.get("skipDefault", parsers.boolean, default=False)
        code = each.from_go().optional("option", options.option)
        found += [code] if code is not None else []
    # None at all is a server's own choice. As with the CNI project's plugin, the default is asked for then.
    if skip and not found:
        return DEFAULT
    return tuple(dict.fromkeys((*found, *(() if skip else DEFAULT))))


def _provided(call: Call, ipam: Fields) -> tuple[tuple[int, bytes], ...]:
    """Return the options to send; of two values for one the last counts. InvalidConfig names a wrong one."""
    found: dict[int, bytes] = {}
    args = dict(call.args)
    for each in ipam.children("provide"):
        code = each.required("option", options.own)
        values = {"value": each.get("value", _TEXT, ""), "fromArg": args.get(each.get("fromArg", _TEXT, ""), "")}
        for key, text in values.items():
            content = text.encode()
            if len(content) > _LONGEST:
                raise each.fail(key, f"expected at most {_LONGEST} bytes, got {shown(text)}")
            if content:
                found[code] = content
    if sum(map(len, found.values())) > _MOST_SAID:
        raise ipam.fail("provide", f"expected at most {_MOST_SAID} bytes in all: they go into one message")
    return tuple(found.items())


def _options(answer: Fields) -> dict[int, bytes]:
    said = answer.child("options")
    found = said.raw if said is not None else {}
    return {int(code): bytes.fromhex(str(content)) for code, content in found.items()}
