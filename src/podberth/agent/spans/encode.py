"""Calls as spans, in the JSON of OTLP: IDs in hex, 64-bit numbers as strings, enums as numbers. No I/O.

The attributes are named by OpenTelemetry's semantic conventions where these have a name; what they have none for is
`cni.*`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from podberth import __version__
from podberth.agent.spans.context import SAMPLED, context
from podberth.cni.args import NAME, NAMESPACE, UID, readable
from podberth.net.ops import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from podberth.agent.calls import Served
    from podberth.agent.trace import Trace

    NewId = Callable[[int], str]  # so many random bytes, in hex

INTERNAL, SERVER = 1, 2  # SpanKind
_ERROR = 2  # StatusCode
_REMOTE_KNOWN, _REMOTE = 0x100, 0x200  # of a span's flags: whether its parent is another process's
_LONGEST = 1024  # characters of one value: a caller may say anything


def request(resource: Mapping[str, str], spans: Iterable[str]) -> bytes:
    """Return the body of a request that carries spans, each of them JSON already, of one agent."""
    about = json.dumps({"attributes": _attributes({**resource, "service.version": __version__})})
    scope = json.dumps({"name": "podberth.agent", "version": __version__})
    of_scope = f'{{"scope":{scope},"spans":[{",".join(spans)}]}}'
    return f'{{"resourceSpans":[{{"resource":{about},"scopeSpans":[{of_scope}]}}]}}'.encode()


def size(served: Served) -> int:
    """Return how many spans a call has."""
    return 1 + len(served.trace.ops) + len(served.trace.store)


def encode(served: Served, new_id: NewId) -> str:
    """Return a call's spans, JSON objects with commas between: its own, as a child of the caller's, and its parts'."""
    parent = context(served.call.env)
    trace_id, span_id = parent.trace_id if parent is not None else new_id(16), new_id(8)
    flags = parent.flags if parent is not None else SAMPLED
    own: dict[str, object] = {
        "traceId": trace_id,
        "spanId": span_id,
        "flags": flags | _REMOTE_KNOWN | (_REMOTE if parent is not None else 0),
        "name": f"CNI {_verb(served)}",
        "kind": SERVER,
        **_times(served.trace, served.trace.clock, served.seconds),
        "attributes": _attributes(_about(served)),
    }
    if parent is not None:
        own |= {"parentSpanId": parent.span_id} | ({"traceState": parent.state} if parent.state else {})
    if served.code:
        own["status"] = _failed(str(json.loads(served.stdout)["msg"]))
    common = {"traceId": trace_id, "parentSpanId": span_id, "flags": flags | _REMOTE_KNOWN, "kind": INTERNAL}
    if parent is not None and parent.state:
        common["traceState"] = parent.state
    parts = ({**common, "spanId": new_id(8), **part} for part in _parts(served.trace))
    return ",".join(json.dumps(span) for span in (own, *parts))


def _parts(trace: Trace) -> Iterator[dict[str, object]]:
    for did in trace.ops:
        name = type(did.step.op).__name__
        yield {
            "name": f"undo {name}" if did.verb == "undo" else name,
            **_times(trace, did.began, did.seconds),
            "attributes": _attributes({"cni.op": describe(did.step.op)}),
            **({"status": _failed(did.failure)} if did.failure else {}),
        }
    for wrote in trace.store:
        yield {
            "name": wrote.what,
            **_times(trace, wrote.began, wrote.seconds),
            "attributes": [],
            **({"status": _failed(wrote.failure)} if wrote.failure else {}),
        }


def _about(served: Served) -> dict[str, object]:
    told, env = served.about(), served.call.env
    args = readable(env.get("CNI_ARGS", ""))
    return {
        "k8s.namespace.name": args.get(NAMESPACE),
        "k8s.pod.name": args.get(NAME),
        "k8s.pod.uid": args.get(UID),
        "container.id": env.get("CNI_CONTAINERID"),
        "cni.command": served.verb,
        "cni.ifname": env.get("CNI_IFNAME"),
        "cni.netns": env.get("CNI_NETNS"),
        "cni.network": told["network"],
        "cni.plugin": told["plugin"],
        "cni.addresses": _addresses(served),
        "cni.code": served.code or None,
        "error.type": str(served.code) if served.code else None,
    }


def _verb(served: Served) -> str:
    """Return the verb for a name: these are few, whoever calls."""
    return served.verb if served.verb in ("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION") else "call"


def _addresses(served: Served) -> list[str]:
    result = json.loads(served.stdout) if served.stdout and not served.code else {}
    return [str(ip["address"]) for ip in result.get("ips", ())]


def _times(trace: Trace, began: float, seconds: float) -> dict[str, object]:
    start = trace.began + round((began - trace.clock) * 1e9)
    return {"startTimeUnixNano": str(start), "endTimeUnixNano": str(start + round(seconds * 1e9))}


def _failed(message: str) -> dict[str, object]:
    return {"code": _ERROR, "message": _text(message)}


def _attributes(said: Mapping[str, object]) -> list[dict[str, object]]:
    """Return what is said as key and value; nothing where there is nothing to say."""
    return [
        {"key": _text(key), "value": _any(content)} for key, content in said.items() if content not in (None, "", [])
    ]


def _any(content: object) -> dict[str, object]:
    if isinstance(content, list):
        return {"arrayValue": {"values": [_any(each) for each in content]}}
    if isinstance(content, int):
        return {"intValue": str(content)}
    return {"stringValue": _text(str(content))}


def _text(text: str) -> str:
    """Return text that is good UTF-8: one with half of a surrogate would cost the whole request."""
    return text[:_LONGEST].encode(errors="replace").decode()
