"""Reading TRACEPARENT and TRACESTATE, whatever they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.agent.spans.context import Context, context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def read(parent: str, state: str | None = None) -> Context | None:
    return context({"TRACEPARENT": parent, **({} if state is None else {"TRACESTATE": state})})


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_the_ids_are_the_callers_and_the_flag_says_whether_it_records(flags: str, sampled: bool) -> None:
    found = read(f"00-{TRACE}-{SPAN}-{flags}")
    assert found is not None
    assert (found.trace_id, found.span_id, found.sampled) == (TRACE, SPAN, sampled)
    assert found.flags in range(4)  # the others are reserved


@pytest.mark.parametrize("more", ["", "-", "-what-comes-later"])
def test_a_later_version_is_read_as_far_as_it_is_known(more: str) -> None:
    assert read(f"cc-{TRACE}-{SPAN}-01{more}") == Context(trace_id=TRACE, span_id=SPAN, flags=1)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE}-{SPAN}-0",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0x",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"0-{TRACE}-{SPAN}-01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE[:-1]}٣-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\x00",
        "00-" * 100_000,
    ],
)
def test_what_is_no_context_begins_a_new_trace(parent: str) -> None:
    assert read(parent) is None
    assert context({}) is None


@given(st.text() | st.text(alphabet="0123456789abcdefF-", min_size=50, max_size=60))
def test_no_text_is_too_much_for_it(text: str) -> None:
    found = read(text, text)
    if found is not None:
        assert text.startswith(f"{text[:2]}-{found.trace_id}-{found.span_id}-")


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ("vendor=opaque", "vendor=opaque"),
        ("a=1, b=2 ,\t,c=3", "a=1,b=2,c=3"),
        ("fw529a3039@dt=FfAA,ot=th:c;rv:1", "fw529a3039@dt=FfAA,ot=th:c;rv:1"),
        (",".join(f"k{n}=v" for n in range(32)), ",".join(f"k{n}=v" for n in range(32))),
        (",".join(f"k{n}=v" for n in range(33)), ""),
        ("a=1,a=2", ""),
        ("a=1,B=2", ""),
        ("a=1,b", ""),
        ("a=x=y", ""),
        ("a=ü", ""),
        ("a=1\n", ""),
        (f"a={'x' * 257}", ""),
        (f"{'a' * 257}=x", ""),
        ("," * 100_000, ""),
        ("", ""),
    ],
)
def test_a_state_is_passed_on_whole_or_not_at_all(state: str, kept: str) -> None:
    found = read(f"00-{TRACE}-{SPAN}-01", state)
    assert found is not None
    assert found.state == kept
