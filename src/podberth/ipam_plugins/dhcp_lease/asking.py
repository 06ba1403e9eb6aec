"""Asking the daemon: one connection, one line of JSON each way."""

from __future__ import annotations

import _socket
from struct import pack

from podberth.cni import strictjson
from podberth.cni.errors import CniError, Drifted, IOFailure, NotAvailable, TryAgainLater
from podberth.cni.fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SOCKET = "/run/cni/dhcp.sock"
MOST = 1 << 20  # bytes of a line
SECONDS = 90  # to wait for an answer; the daemon's own bound is shorter, and a caller's longer
AT_ONCE = 2  # seconds for an answer that waits for no server
START = "start it: `dhcp daemon` beside the CNI plugins, `podberth dhcp`, or systemd/podberth-dhcp.service"
_REFUSALS = {kind.code: kind for kind in (TryAgainLater, Drifted, NotAvailable)}


class NoDaemon(TryAgainLater):
    """Code 11: nobody listens at the socket."""


def ask(path: str, request: Mapping[str, object], seconds: int = SECONDS) -> Fields:
    """Return what the daemon answers within so many seconds.

    NoDaemon, IOFailure for another's daemon, TryAgainLater, or what the daemon refuses it with.
    """
    connection = _connected(path)
    try:
        # The kernel keeps the time: with a timeout of Python's each call would poll too.
        for which in (_socket.SO_RCVTIMEO, _socket.SO_SNDTIMEO):
            connection.setsockopt(_socket.SOL_SOCKET, which, pack("=qq", seconds, 0))
        line = _exchanged(connection, strictjson.dumps(dict(request)).encode() + b"\n")
    except BlockingIOError:
        raise TryAgainLater(f"the dhcp daemon at {path} did not answer within {seconds} s", "see its log") from None
    except OSError as wrong:
        raise TryAgainLater(
            f"the dhcp daemon at {path} was lost before it had answered: {wrong.strerror or wrong}", "see its log"
        ) from None
    finally:
        connection.close()
    if line.startswith(b"HTTP/"):
        raise IOFailure(
            f"the daemon at {path} is the CNI project's, which serves that project's plugin alone",
            "stop it and start podberth's, `dhcp daemon` of the same folder as this plugin; or name another"
            " ipam.daemonSocketPath for each. Pods with leases of the other keep them only while it runs",
        )
    if not line.endswith(b"\n"):
        raise TryAgainLater(f"the dhcp daemon at {path} was lost before it had answered", "the call can be repeated")
    answer = Fields(strictjson.loads(line, f"the answer of {path}", IOFailure), "", IOFailure)
    refused = answer.child("error")
    if refused is not None:
        raise _refusal(refused)
    return answer


def _connected(path: str) -> _socket.socket:
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        made.connect(path)
    except OSError as wrong:
        made.close()
        why = f"ipam.daemonSocketPath: no dhcp daemon listens at {path}: {wrong.strerror or wrong}"
        raise NoDaemon(why, START) from None
    return made


def _exchanged(connection: _socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    parts: list[bytes] = []
    size = 0
    while size <= MOST:
        part = connection.recv(1 << 16)
        parts.append(part)
        size += len(part)
        if not part or part.endswith(b"\n"):
            break
    return b"".join(parts)


def _refusal(said: Fields) -> CniError:
    code, message, details = said.raw.get("code"), said.raw.get("message"), said.raw.get("details")
    made = _REFUSALS.get(code if isinstance(code, int) else 0, CniError)(str(message), str(details or ""))
    if isinstance(code, int) and made.code != code:
        made.code = code  # type: ignore[misc] # of this one error: it is the daemon's
    return made
