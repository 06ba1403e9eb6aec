"""A plugin's side of a connection, against a runtime as strict as the real one: it refuses what that refuses."""

from __future__ import annotations

import pytest

from podberth.nri.frames import DATA, REQUEST, RESPONSE, BadFrame, Decoder, Frame, encode
from podberth.nri.messages import OK, PLUGIN, UNIMPLEMENTED, Event, Pod, Request, Response, configured, mask
from podberth.nri.session import CALLED, MOST_PODS, SERVED, Kind, NotTaken, Session, Told
from podberth.protobuf.wire import Malformed, Message, encoded_bytes, encoded_number, encoded_text

KNOWN_TO_0_8 = 11  # events of NRI 0.8; a plugin that asks for more is not taken
EVENTS = {Kind.RUN: 1, Kind.STOP: 2, Kind.REMOVE: 3}


def pod(name: str) -> bytes:
    return encoded_text(1, f"id-{name}") + encoded_text(2, name) + encoded_text(3, f"uid-{name}") + encoded_text(4, "b")


class Runtime:
    """The other side; `per_event`: it has a method for each event, as later than 0.8."""

    def __init__(self, *, per_event: bool) -> None:
        self.session = Session("podberth", "05")
        self.per_event = per_event
        self.stream = 1
        self.decoder = Decoder()
        (asked,) = self.decoder.feed(self.session.begin(), (SERVED, CALLED))
        request = Request.read(asked.body)
        assert (asked.connection, asked.stream, asked.type) == (CALLED, 1, REQUEST)
        assert request.method == "RegisterPlugin"
        said = Message(request.payload)
        assert said.text(1)
        assert said.text(2).isdecimal()
        assert len(said.text(2)) == 2

    def register(self, code: int = OK, message: str = "") -> None:
        body = Response(code=code, message=message).encode()
        self.session.receive(encode(Frame(connection=CALLED, stream=1, type=RESPONSE, body=body)))

    def call(self, method: str, payload: bytes, service: str = PLUGIN) -> tuple[list[Response], tuple[Told, ...]]:
        """Make a call; return what was answered at once, and what the plugin is to serve."""
        body = Request(service=service, method=method, payload=payload, timeout=2_000_000_000).encode()
        sent = encode(Frame(connection=SERVED, stream=self.stream, type=REQUEST, body=body))
        self.stream += 2
        answers, told = self.session.receive(sent)
        return self.read(answers), told

    def read(self, answers: bytes) -> list[Response]:
        frames = self.decoder.feed(answers, (SERVED, CALLED))
        assert all((frame.connection, frame.type) == (SERVED, RESPONSE) for frame in frames)
        return [Response.read(frame.body) for frame in frames]

    def tell(self, kind: Kind, name: str) -> tuple[Told, ...]:
        if self.per_event or kind is Kind.CREATE:
            return self.call(kind.value, encoded_bytes(1, pod(name)))[1]
        return self.call("StateChange", encoded_number(1, EVENTS[kind]) + encoded_bytes(2, pod(name)))[1]


@pytest.fixture(params=[False, True], ids=["0.8", "later"])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return Runtime(per_event=bool(request.param))


def test_no_event_is_asked_for_that_an_older_runtime_does_not_know(runtime: Runtime) -> None:
    asked = encoded_text(2, "containerd") + encoded_text(3, "v2.1.9") + encoded_number(5, 2000)
    (answer,), (told,) = runtime.call("Configure", asked)

    events = Message(answer.payload).number(2)
    assert events == mask(tuple(Event))
    assert events < 1 << KNOWN_TO_0_8
    assert told.runtime is not None
    assert (told.runtime.name, told.runtime.version, told.runtime.patience) == ("containerd", "v2.1.9", 2000)
    assert runtime.session.answer(told) == b""


@pytest.mark.parametrize("kind", [Kind.RUN, Kind.STOP, Kind.REMOVE, Kind.CREATE])
def test_a_pod_is_told_of_in_the_words_of_either_version(runtime: Runtime, kind: Kind) -> None:
    (told,) = runtime.tell(kind, "db-0")

    assert (told.kind, told.pods) == (kind, (Pod(id="id-db-0", namespace="b", name="db-0", uid="uid-db-0"),))
    assert [each.code for each in runtime.read(runtime.session.answer(told))] == [OK]
    (failed,) = runtime.read(runtime.session.answer(told, "no link"))
    assert (failed.code != OK, failed.message) == (True, "no link")


def test_pods_that_come_in_pages_are_looked_at_together_and_each_page_is_answered_as_it_asks(runtime: Runtime) -> None:
    first = encoded_bytes(1, pod("a")) + encoded_bytes(1, pod("b")) + encoded_number(3, 1)
    (answer,), told = runtime.call("Synchronize", first)
    assert (Message(answer.payload).number(2), told) == (1, ())

    answers, (last,) = runtime.call("Synchronize", encoded_bytes(1, pod("c")))
    assert answers == []
    assert [each.name for each in last.pods] == ["a", "b", "c"]
    (answer,) = runtime.read(runtime.session.answer(last))
    assert Message(answer.payload).number(2) == 0


def test_more_pods_than_a_node_has_are_no_pods(runtime: Runtime) -> None:
    page = encoded_bytes(1, pod("a")) * 5000 + encoded_number(3, 1)
    for _ in range(2):
        runtime.call("Synchronize", page)
    with pytest.raises(Malformed, match=str(MOST_PODS)):
        runtime.call("Synchronize", page)


def test_a_method_that_there_is_not_is_answered_so_and_nothing_else_suffers(runtime: Runtime) -> None:
    (answer,), told = runtime.call("UpdatePodSandbox", b"")
    assert (answer.code, told) == (UNIMPLEMENTED, ())
    (answer,), told = runtime.call("RunPodSandbox", b"", "another.Service")
    assert (answer.code, told) == (UNIMPLEMENTED, ())
    assert len(runtime.tell(Kind.RUN, "db-0")) == 1


def test_an_event_that_nobody_asked_for_is_answered(runtime: Runtime) -> None:
    (answer,), told = runtime.call("StateChange", encoded_number(1, 7))
    assert (answer.code, told) == (OK, ())


def test_a_runtime_that_does_not_take_the_plugin_says_why(runtime: Runtime) -> None:
    with pytest.raises(NotTaken, match="podberth: invalid index"):
        runtime.register(2, "invalid index")
    assert not runtime.session.registered


def test_a_plugin_is_registered_once_the_runtime_says_so(runtime: Runtime) -> None:
    before = runtime.session.registered
    runtime.register()
    assert (before, runtime.session.registered) == (False, True)
    with pytest.raises(BadFrame):
        runtime.register()


@pytest.mark.parametrize(
    "frame",
    [
        Frame(connection=SERVED, stream=1, type=RESPONSE, body=b""),
        Frame(connection=SERVED, stream=1, type=DATA, body=b""),
        Frame(connection=CALLED, stream=3, type=RESPONSE, body=b""),
        Frame(connection=CALLED, stream=1, type=REQUEST, body=b""),
    ],
)
def test_a_frame_that_belongs_to_nothing_ends_the_connection(runtime: Runtime, frame: Frame) -> None:
    with pytest.raises(BadFrame):
        runtime.session.receive(encode(frame))


def test_a_call_that_is_no_message_ends_the_connection(runtime: Runtime) -> None:
    with pytest.raises(Malformed):
        runtime.call("RunPodSandbox", b"\x0a\x05ab")


def test_shutdown_is_answered(runtime: Runtime) -> None:
    _, (told,) = runtime.call("Shutdown", b"")
    assert [each.code for each in runtime.read(runtime.session.answer(told))] == [OK]


def test_what_is_configured_is_a_mask_of_the_events() -> None:
    assert configured((Event.RUN_POD_SANDBOX, Event.STOP_POD_SANDBOX)) == b"\x10\x03"
