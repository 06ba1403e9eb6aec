"""The life of one lease, as RFC 2131 section 4.4 has it: state, event and time give the next state and what to send.

Pure. Times are seconds of one clock that goes on while the machine sleeps, and over a restart of the daemon. Whoever
steps a client does so again at its `wake`, whatever has or has not come meanwhile.
"""

from __future__ import annotations

from enum import StrEnum

from podberth.cni.value import replace, value
from podberth.dhcp import message as messages
from podberth.dhcp.message import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address
    from typing import TypeAlias

LEAST_LEASE = 4  # seconds: a shorter one is kept as one of so many, or a server could have a pod ask all the time
DEFAULT_LEASE = 3600  # of a server that names none
OFFERED = 4  # how often an offer is asked for before another is looked for
KEPT = 2  # how often a server is asked whether a lease of before still holds
AGAIN = 10.0  # seconds between two questions for a renewal, at least
SOON = 1.0  # seconds from a refusal to the next attempt
_FIRST = 1.0  # seconds to wait for the first answer; then twice as long each time
_T1, _T2 = 0.5, 0.875  # RFC 2131 section 4.4.5


class State(StrEnum):
    """RFC 2131, figure 5."""

    INIT = "init"
    SELECTING = "selecting"
    REQUESTING = "requesting"
    BOUND = "bound"
    RENEWING = "renewing"
    REBINDING = "rebinding"
    REBOOTING = "rebooting"


HOLDING = frozenset((State.BOUND, State.RENEWING, State.REBINDING, State.REBOOTING))


@value
class Subject:
    """For whom: the link's MAC, the client identifier without its type, options to send and numbers to ask for.

    `longest` is the most seconds between two messages that nobody answers. `broadcast`: the server's answers have to
    be broadcast.
    """

    mac: bytes
    client: bytes
    provide: tuple[tuple[int, bytes], ...] = ()
    request: tuple[int, ...] = ()
    longest: float = 62.0
    broadcast: bool = False


@value
class Terms:
    """A lease as a server gave it: `options` are those of its ACK."""

    address: IPv4Address
    server: IPv4Address
    options: tuple[tuple[int, bytes], ...]
    t1: float
    t2: float
    end: float


@value
class Client:
    """`terms`: of the lease, None without one. `asked`: the address to ask for, with the `server` that offers it.

    `lost` says why an address that was given is not leased any more, '' if that is not so.
    """

    subject: Subject
    state: State = State.INIT
    wake: float = 0.0
    xid: int = 0
    tries: int = 0
    began: float = 0.0
    terms: Terms | None = None
    asked: IPv4Address | None = None
    server: IPv4Address | None = None
    lost: str = ""

    @property
    def listening(self) -> bool:
        """Whether an answer may come."""
        return self.state not in (State.INIT, State.BOUND)


@value
class Send:
    """A message; to a server by the pod's own address, or else to everybody."""

    message: Message
    to: IPv4Address | None = None


@value
class Moment:
    """The time, a number of 32 bits by chance, and a share by chance from -1 to 1."""

    now: float
    number: int
    share: float


if TYPE_CHECKING:
    Stepped: TypeAlias = tuple[Client, tuple[Send, ...]]


def kept(subject: Subject, terms: Terms, lost: str, at: float) -> Client:
    """Return the client of a lease of before a restart: at that time the server is asked whether it holds.

    One that was `lost` is asked for anew, with its address.
    """
    if lost:
        return Client(subject=subject, state=State.INIT, asked=terms.address, lost=lost, wake=at)
    return Client(subject=subject, state=State.REBOOTING, terms=terms, asked=terms.address, lost=lost, wake=at)


def heard(client: Client, message: Message, moment: Moment) -> Stepped:
    """Take a message. One that is not for this client, or not awaited, changes nothing."""
    ours = message.op == messages.REPLY and message.xid == client.xid and message.chaddr == client.subject.mac
    if not ours or not client.listening or not client.tries:
        return client, ()
    state, kind = client.state, message.kind
    if state is State.SELECTING:
        wanted = messages.address(message.yiaddr.packed)
        if kind != messages.OFFER or wanted is None or message.server is None:
            return client, ()
        offered = replace(client, state=State.REQUESTING, asked=wanted, server=message.server, tries=0)
        return _again(offered, moment)
    if kind == messages.ACK:
        return _bound(client, message, moment), ()
    if kind == messages.NAK and (state is not State.REQUESTING or message.server in (None, client.server)):
        return _refused(client, message, moment), ()
    return client, ()


def woken(client: Client, moment: Moment) -> Stepped:
    """Do what is due at this time; nothing before `wake`."""
    if moment.now < client.wake:
        return client, ()
    terms, state = client.terms, client.state
    if terms is not None and state in HOLDING and moment.now >= terms.end:
        return _begun(_without(client, "the lease ended, and no server renewed it"), moment)
    if state is State.INIT or (state is State.REQUESTING and client.tries >= OFFERED):
        return _begun(client, moment)
    if state is State.REBOOTING and client.tries >= KEPT and terms is not None:
        # Silence is no refusal: the lease holds until its end (RFC 2131 section 3.2).
        return replace(client, state=State.BOUND, wake=max(terms.t1, moment.now + SOON), tries=0), ()
    if terms is not None and state in (State.BOUND, State.RENEWING):
        later = State.REBINDING if moment.now >= terms.t2 else State.RENEWING
        if later is not state:
            client = _anew(client, later, moment)
    elif state is State.REBOOTING and not client.tries:
        client = _anew(client, state, moment)
    return _again(client, moment)


def released(client: Client, moment: Moment) -> Send | None:
    """Return what gives the lease back; None if there is none."""
    terms = client.terms
    if terms is None or moment.now >= terms.end:
        return None
    options = ((messages.KIND, bytes((messages.RELEASE,))), (messages.SERVER, terms.server.packed))
    message = Message(
        op=messages.REQUEST, xid=moment.number, chaddr=client.subject.mac, ciaddr=terms.address,
        options=(*options, (messages.CLIENT, _identifier(client.subject))),
    )  # fmt: skip
    return Send(message=message, to=terms.server)


def _without(client: Client, why: str) -> Client:
    """Return the client without its lease; it asks for the same address again."""
    had = client.terms.address if client.terms is not None else client.asked
    lost = f"{had}: {why}" if client.terms is not None else client.lost
    return replace(client, terms=None, asked=had, server=None, lost=lost)


def _refused(client: Client, message: Message, moment: Moment) -> Client:
    text = (message.option(messages.WORDS) or b"").decode("ascii", "replace")
    words = "".join(each for each in text if each.isprintable())[:100]
    without = _without(client, f"a server refused it{f' ({words})' if words else ''}")
    return replace(without, state=State.INIT, wake=moment.now + SOON, tries=0)


def _bound(client: Client, ack: Message, moment: Moment) -> Client:
    address = messages.address(ack.yiaddr.packed)
    server = ack.server or client.server or (client.terms.server if client.terms is not None else None)
    if address is None or server is None:
        return client
    length = ack.seconds(messages.LEASE_TIME)
    lease = max(length if length is not None else DEFAULT_LEASE, LEAST_LEASE)
    t1, t2 = ack.seconds(messages.RENEWAL), ack.seconds(messages.REBINDING)
    if t2 is None or not 1 < t2 < lease:
        t2 = int(lease * _T2)
    if t1 is None or not 0 < t1 < t2:
        t1 = min(int(lease * _T1), t2 - 1)
    # It runs from the question that was answered (RFC 2131 section 4.4.1), which was sent a moment ago.
    now = moment.now
    terms = Terms(
        address=address, server=server, options=ack.options, t1=now + t1, t2=now + t2, end=now + lease
    )  # fmt: skip
    return replace(
        client, state=State.BOUND, terms=terms, asked=address, server=server, lost="", tries=0, wake=terms.t1
    )


def _begun(client: Client, moment: Moment) -> Stepped:
    return _again(replace(_anew(client, State.SELECTING, moment), server=None), moment)


def _anew(client: Client, state: State, moment: Moment) -> Client:
    return replace(client, state=state, xid=moment.number, began=moment.now, tries=0)


def _again(client: Client, moment: Moment) -> Stepped:
    """Send what the state asks for, once more, and say when the next time is."""
    return replace(client, tries=client.tries + 1, wake=_next(client, moment)), (_question(client, moment),)


def _next(client: Client, moment: Moment) -> float:
    now, terms = moment.now, client.terms
    if terms is not None and client.state in (State.RENEWING, State.REBINDING):
        bound = terms.t2 if client.state is State.RENEWING else terms.end
        return min(bound, now + max((bound - now) / 2, AGAIN))
    pause: float = min(_FIRST * 2 ** min(client.tries, 16), client.subject.longest)
    return now + pause * (1 + moment.share / 4)


def _question(client: Client, moment: Moment) -> Send:
    """Return the message of the state (RFC 2131, table 4)."""
    subject, terms, state = client.subject, client.terms, client.state
    kind = messages.DISCOVER if state is State.SELECTING else messages.ASK
    options: list[tuple[int, bytes]] = [(messages.KIND, bytes((kind,)))]
    renews = terms is not None and state in (State.RENEWING, State.REBINDING)
    if not renews and client.asked is not None:
        options.append((messages.ADDRESS, client.asked.packed))
    if state is State.REQUESTING and client.server is not None:
        options.append((messages.SERVER, client.server.packed))
    options.append((messages.LONGEST, messages.LARGEST.to_bytes(2, "big")))
    said = {messages.CLIENT: _identifier(subject), **dict(subject.provide)}
    options += said.items()
    if subject.request:
        options.append((messages.WANTED, bytes(subject.request)))
    message = Message(
        op=messages.REQUEST,
        xid=client.xid,
        chaddr=subject.mac,
        secs=min(int(moment.now - client.began), 0xFFFF),
        flags=messages.BROADCAST if subject.broadcast and not renews else 0,
        ciaddr=terms.address if renews and terms is not None else messages.NOBODY,
        options=tuple(options),
    )
    return Send(message=message, to=terms.server if state is State.RENEWING and terms is not None else None)


def _identifier(subject: Subject) -> bytes:
    return dict(subject.provide).get(messages.CLIENT, b"\0" + subject.client)
