"""The life of a lease as a table: a state, what happens then, and what is next."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.value import replace
from podberth.dhcp import machine
from podberth.dhcp import message as messages
from podberth.dhcp.machine import HOLDING, Client, Moment, State, Subject, Terms
from podberth.dhcp.message import Message

MAC = bytes.fromhex("020000000001")
A, B, S, OTHER = (IPv4Address(f"10.9.0.{n}") for n in (20, 21, 1, 2))
SUBJECT = Subject(mac=MAC, client=b"c/n/eth0", provide=((12, b"mysql-1"),), request=(3, 1))
TERMS = Terms(address=A, server=S, options=(), t1=50.0, t2=80.0, end=100.0)
NEW = Client(subject=SUBJECT)
ASKED = replace(NEW, state=State.SELECTING, xid=5, tries=1, wake=1.0)
OFFERED = replace(ASKED, state=State.REQUESTING, asked=A, server=S)
BOUND = replace(NEW, state=State.BOUND, terms=TERMS, asked=A, server=S, wake=50.0)
RENEWING = replace(BOUND, state=State.RENEWING, xid=5, tries=1, wake=65.0)
REBINDING = replace(RENEWING, state=State.REBINDING, wake=90.0)
KEPT = machine.kept(SUBJECT, TERMS, "", 0.0)
REBOOTING = replace(KEPT, tries=1, xid=5, wake=1.0)


def at(now: float) -> Moment:
    return Moment(now=now, number=99, share=0.0)


def reply(kind: int, address: IPv4Address = A, *options: tuple[int, bytes], server: IPv4Address = S) -> Message:
    said = ((messages.KIND, bytes((kind,))), (messages.SERVER, server.packed), *options)
    return Message(op=2, xid=5, chaddr=MAC, yiaddr=address, options=said)


OFFER, ACK, NAK = (reply(kind) for kind in (messages.OFFER, messages.ACK, messages.NAK))
# A client, a message, then the state and the kind of what is sent, 0 for nothing.
HEARD = [
    (ASKED, OFFER, State.REQUESTING, messages.ASK),
    (ASKED, ACK, State.SELECTING, 0),
    (ASKED, reply(messages.OFFER, IPv4Address(0)), State.SELECTING, 0),
    (ASKED, replace(OFFER, xid=6), State.SELECTING, 0),
    (ASKED, replace(OFFER, chaddr=b"\2" * 6), State.SELECTING, 0),
    (ASKED, replace(OFFER, op=1), State.SELECTING, 0),
    (ASKED, replace(OFFER, options=OFFER.options[:1]), State.SELECTING, 0),
    (OFFERED, ACK, State.BOUND, 0),
    (OFFERED, OFFER, State.REQUESTING, 0),
    (OFFERED, NAK, State.INIT, 0),
    (OFFERED, reply(messages.NAK, server=OTHER), State.REQUESTING, 0),
    (BOUND, ACK, State.BOUND, 0),
    (BOUND, NAK, State.BOUND, 0),
    (RENEWING, ACK, State.BOUND, 0),
    (RENEWING, NAK, State.INIT, 0),
    (REBINDING, ACK, State.BOUND, 0),
    (REBINDING, reply(messages.NAK, server=OTHER), State.INIT, 0),
    (REBOOTING, ACK, State.BOUND, 0),
    (REBOOTING, NAK, State.INIT, 0),
    (KEPT, NAK, State.REBOOTING, 0),
    (NEW, OFFER, State.INIT, 0),
]
# A client, a time, then the same, and whether it is sent to everybody.
WOKEN = [
    (NEW, 0.0, State.SELECTING, messages.DISCOVER, True),
    (ASKED, 0.5, State.SELECTING, 0, True),
    (ASKED, 1.0, State.SELECTING, messages.DISCOVER, True),
    (OFFERED, 1.0, State.REQUESTING, messages.ASK, True),
    (replace(OFFERED, tries=machine.OFFERED), 9.0, State.SELECTING, messages.DISCOVER, True),
    (BOUND, 49.0, State.BOUND, 0, True),
    (BOUND, 50.0, State.RENEWING, messages.ASK, False),
    (BOUND, 85.0, State.REBINDING, messages.ASK, True),
    (BOUND, 100.0, State.SELECTING, messages.DISCOVER, True),
    (RENEWING, 65.0, State.RENEWING, messages.ASK, False),
    (RENEWING, 80.0, State.REBINDING, messages.ASK, True),
    (REBINDING, 90.0, State.REBINDING, messages.ASK, True),
    (REBINDING, 100.0, State.SELECTING, messages.DISCOVER, True),
    (KEPT, 0.0, State.REBOOTING, messages.ASK, True),
    (REBOOTING, 1.0, State.REBOOTING, messages.ASK, True),
    (replace(REBOOTING, tries=machine.KEPT), 3.0, State.BOUND, 0, True),
    (KEPT, 100.0, State.SELECTING, messages.DISCOVER, True),
]


@pytest.mark.parametrize(("client", "message", "state", "kind"), HEARD)
def test_a_message(client: Client, message: Message, state: State, kind: int) -> None:
    after, sends = machine.heard(client, message, at(0.5))
    assert (after.state, [each.message.kind for each in sends]) == (state, [kind] if kind else [])
    assert after.listening or not sends


@pytest.mark.parametrize(("client", "now", "state", "kind", "everybody"), WOKEN)
def test_a_time(client: Client, now: float, state: State, kind: int, everybody: bool) -> None:
    after, sends = machine.woken(client, at(now))
    assert (after.state, [each.message.kind for each in sends]) == (state, [kind] if kind else [])
    assert all((each.to is None) is everybody for each in sends)
    assert after.wake > now


def question(client: Client, now: float) -> Message:
    (sent,) = machine.woken(client, at(now))[1]
    return sent.message


def test_each_question_is_as_table_4_of_the_rfc_has_it() -> None:
    discover, offered = question(NEW, 0.0), question(OFFERED, 1.0)
    assert discover.option(messages.CLIENT) == b"\0c/n/eth0"
    assert (discover.option(12), discover.option(messages.WANTED)) == (b"mysql-1", b"\x03\x01")
    assert (discover.option(messages.ADDRESS), discover.ciaddr) == (None, messages.NOBODY)
    assert (offered.option(messages.ADDRESS), offered.option(messages.SERVER)) == (A.packed, S.packed)
    for held, now in ((BOUND, 50.0), (REBINDING, 90.0)):
        asked = question(held, now)
        assert (asked.ciaddr, asked.option(messages.ADDRESS), asked.option(messages.SERVER)) == (A, None, None)
    again = question(KEPT, 0.0)
    assert (again.option(messages.ADDRESS), again.option(messages.SERVER), again.ciaddr) == (
        A.packed,
        None,
        messages.NOBODY,
    )


def test_times_are_the_servers_or_parts_of_the_lease() -> None:
    def terms(*options: tuple[int, int]) -> tuple[float, float, float]:
        said = tuple((code, seconds.to_bytes(4, "big")) for code, seconds in options)
        bound, _ = machine.heard(OFFERED, reply(messages.ACK, A, *said), at(1000.0))
        assert bound.terms is not None
        return bound.terms.t1 - 1000, bound.terms.t2 - 1000, bound.terms.end - 1000

    assert terms() == (1800, 3150, 3600)
    assert terms((51, 100)) == (50, 87, 100)
    assert terms((51, 100), (58, 10), (59, 20)) == (10, 20, 100)
    assert terms((51, 100), (58, 90), (59, 20)) == (19, 20, 100)
    assert terms((51, 100), (59, 200)) == (50, 87, 100)
    assert terms((51, 0)) == (2, 3, 4)
    assert terms((51, 2**32 - 1))[2] == 2**32 - 1


def test_a_lease_that_is_lost_is_asked_for_again_until_there_is_one() -> None:
    lost, (sent,) = machine.woken(REBINDING, at(100.0))
    assert lost.lost == f"{A}: the lease ended, and no server renewed it"
    assert (lost.terms, sent.message.option(messages.ADDRESS)) == (None, A.packed)
    refused, _ = machine.heard(RENEWING, reply(messages.NAK, A, (messages.WORDS, b"wrong\x07 network")), at(60.0))
    assert refused.lost == f"{A}: a server refused it (wrong network)"
    back, _ = machine.heard(replace(lost, state=State.REQUESTING), replace(ACK, xid=99), at(101.0))
    assert (back.lost, back.terms is not None) == ("", True)


def test_a_lease_is_given_back_to_its_server() -> None:
    sent = machine.released(BOUND, at(10.0))
    assert sent is not None
    assert (sent.to, sent.message.kind, sent.message.ciaddr) == (S, messages.RELEASE, A)
    assert machine.released(BOUND, at(100.0)) is None
    assert machine.released(ASKED, at(0.0)) is None


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 50)), max_size=60))
def test_whatever_happens_a_lease_is_held_or_asked_for(events: list[tuple[int, float]]) -> None:
    client, now = NEW, 0.0
    for what, later in events:
        now += later
        if what == 0:
            client, _ = machine.woken(client, at(now))
        elif client.listening:
            message = (OFFER, ACK, NAK, reply(messages.ACK, B))[what - 1]
            client, _ = machine.heard(client, replace(message, xid=client.xid), at(now))
        assert (client.terms is not None) == (client.state in HOLDING)
        assert client.wake <= max(now, client.wake)
    client, sends = machine.woken(client, at(max(now, client.wake)))
    assert sends or client.state is State.BOUND
