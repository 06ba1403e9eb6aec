"""What the shim and the agent say to each other, as bytes. No I/O.

A call is one frame, over a stream socket of the Unix domain; numbers are little-endian:

    "pbC1"  length of the rest: 4 bytes
    the plugin's type, NUL
    KEY=VALUE, NUL                   each CNI_* variable, TRACEPARENT, TRACESTATE; none is said twice
    NUL                              the end of the variables
    what came on stdin

With its first byte travels, as SCM_RIGHTS, a descriptor of the network namespace at CNI_NETNS if there is one: the
agent may not see that path. The answer is one frame too, and then the end of the stream:

    "pbA1"  exit code: 4 bytes  length of the rest: 4 bytes
    what goes to stdout
"""

from __future__ import annotations

from struct import Struct

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SOCKET = "/run/podberth/agent.sock"  # where the shim looks, unless PODBERTH_SOCKET says otherwise
LIMIT = 1 << 20  # bytes of a call after its header: far more than a network configuration has
CALL_HEADER = Struct("<4sI")
ANSWER_HEADER = Struct("<4sII")
_CALL, _ANSWER = b"pbC1", b"pbA1"


class BadFrame(ValueError):
    """What came is no frame: not from a shim, or from one of another version."""


@value
class Call:
    """One call of a plugin."""

    plugin_type: str
    env: Mapping[str, str]
    stdin: bytes


def call_length(header: bytes) -> int:
    """Return how many bytes follow the header of a call. BadFrame if it is none, or too many follow."""
    magic, length = CALL_HEADER.unpack(header)
    if magic != _CALL:
        raise BadFrame(f"a call begins with {_CALL!r}, not {magic!r}")
    if length > LIMIT:
        raise BadFrame(f"a call of {length} bytes; {LIMIT} are the most")
    return int(length)


def parse_call(body: bytes) -> Call:
    """Read what follows the header of a call. BadFrame if it is cut short, or a variable is no variable."""
    head, end, stdin = body.partition(b"\0\0")
    plugin_type, *variables = head.split(b"\0")
    if not end:
        raise BadFrame("the variables of a call have no end")
    env: dict[str, str] = {}
    for variable in variables:
        key, equals, content = variable.decode(errors="surrogateescape").partition("=")
        if not equals or key in env:
            raise BadFrame(f"a call's variable is cut short, or there twice: {key[:60]!r}")
        env[key] = content
    return Call(plugin_type=plugin_type.decode(errors="surrogateescape"), env=env, stdin=stdin)


def call(said: Call) -> bytes:
    """Return the frame of a call."""
    variables = "".join(f"{key}={content}\0" for key, content in said.env.items())
    body = f"{said.plugin_type}\0{variables}\0".encode(errors="surrogateescape") + said.stdin
    return CALL_HEADER.pack(_CALL, len(body)) + body


def answer(code: int, stdout: str) -> bytes:
    """Return the frame of an answer."""
    body = stdout.encode()
    return ANSWER_HEADER.pack(_ANSWER, code, len(body)) + body
