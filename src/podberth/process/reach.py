"""Why a server could not be reached, in words for whoever has to mend it: each cause has a remedy of its own.

`cause` reads an error of Python's sockets and of OpenSSL. `diagnose` makes the connection once more to find the cause,
for clients that do not tell it (gRPC). Nothing here decides what follows from a cause.
"""

from __future__ import annotations

import base64
import errno
import socket
import ssl
from datetime import UTC, datetime
from typing import NamedTuple

_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # RFC 9113, section 3.4
_HTTP1 = b"GET / HTTP/1.0\r\n\r\n"


class Cause(NamedTuple):
    """`what` is wrong, and what to do about it. `trust`: it is a matter of certificates or of TLS itself."""

    what: str
    remedy: str
    trust: bool = False


# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21, 27, 33})
_VERIFIED = {
    9: Cause(
        "its certificate is not yet valid",
        "compare the clocks of this machine and of the server's; or wait until it is",
        trust=True,
    ),
    10: Cause("its certificate has expired", "renew the server's certificate, or set this machine's clock", trust=True),
    62: Cause("its certificate is for another host name", "name the server as its certificate does", trust=True),
    64: Cause("its certificate is for another address", "name the server as its certificate does", trust=True),
}
_AUTHORITY = Cause(
    "its certificate is signed by an authority that is not known here",
    "caFile must have signed the endpoint's certificate; in a kubeconfig it is certificate-authority",
    trust=True,
)
_PLAIN = Cause("it speaks no TLS on that port", "say http:// instead of https://, or name the port for TLS", trust=True)
SECURE = Cause("it speaks TLS on that port", "say https:// instead of http://", trust=True)
_NO_CERTIFICATE = Cause(
    "it wants a client's certificate", "name one: certFile must be signed by the CA that etcd trusts", trust=True
)
_NOT_TRUSTED = Cause(
    "it does not accept this client's certificate",
    "certFile must be signed by the CA that etcd trusts; in a kubeconfig it is client-certificate",
    trust=True,
)
_OTHER_KEY = Cause("the client's key is not that of its certificate", "name the key that belongs to it", trust=True)
_ERRNOS = {
    errno.ECONNREFUSED: Cause("the connection was refused", "see whether the server runs there, and its port"),
    errno.EHOSTUNREACH: Cause("there is no route to the host", "see this machine's routes, and whether the host is up"),
    errno.ENETUNREACH: Cause("there is no route to the network", "see this machine's routes and addresses"),
    errno.ECONNRESET: Cause("the connection was broken off", "see the server's log, and what is between"),
    errno.ETIMEDOUT: Cause("no answer came in time", "see whether the host is up, and whether a firewall is between"),
}


def cause(failure: OSError | UnicodeError) -> Cause | None:
    """Return what an error of connecting, or of the first bytes, comes from; None if it tells nothing more.

    UnicodeError is Python's for a name that DNS can't have: a label of it is empty, or too long.
    """
    if isinstance(failure, socket.gaierror | UnicodeError):
        return Cause("its name can't be resolved", "see the name, and this machine's DNS: /etc/resolv.conf")
    if isinstance(failure, ssl.SSLCertVerificationError):
        if failure.verify_code in _UNKNOWN_AUTHORITY:
            return _AUTHORITY
        return _VERIFIED.get(failure.verify_code, Cause(failure.verify_message, "see its certificate", trust=True))
    if isinstance(failure, TimeoutError):
        return _ERRNOS[errno.ETIMEDOUT]
    if isinstance(failure, ssl.SSLError):
        return _of_tls(failure.reason or "")
    return _ERRNOS.get(failure.errno or 0)


def _of_tls(reason: str) -> Cause | None:
    """Return the cause for OpenSSL's name of it; alerts are what the server says of us (RFC 8446, section 6.2)."""
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        return _PLAIN
    if "KEY_VALUES_MISMATCH" in reason:
        return _OTHER_KEY
    if "CERTIFICATE_REQUIRED" in reason:
        return _NO_CERTIFICATE
    if "ALERT" in reason and any(word in reason for word in ("CERTIFICATE", "UNKNOWN_CA", "DECRYPT_ERROR")):
        return _NOT_TRUSTED
    return None


def dates(pem: bytes) -> tuple[datetime, datetime] | None:
    """Return from when until when the first certificate of a PEM text is valid; None if that can't be read."""
    try:
        body = pem.split(b"-----BEGIN CERTIFICATE-----", 1)[1].split(b"-----END", 1)[0]
        inner = _parts(_parts(_parts(base64.b64decode(body))[0][1])[0][1])
        fields = inner[1:] if inner[0][0] == 0xA0 else inner  # RFC 5280, section 4.1: the version is optional
        first, last = (_time(*each) for each in _parts(fields[3][1]))
    except (IndexError, ValueError):
        return None
    return first, last


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """Return the elements of a DER text, each as its tag and its content."""
    found, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size]), at + size
        found.append((tag, data[at : at + length]))
        at += length
    return found


def _time(tag: int, content: bytes) -> datetime:
    form = "%y%m%d%H%M%SZ" if tag == 0x17 else "%Y%m%d%H%M%SZ"  # UTCTime, GeneralizedTime
    return datetime.strptime(content.decode("ascii"), form).replace(tzinfo=UTC)


def own_certificate(pem: bytes, now: datetime | None = None) -> Cause | None:
    """Return what is wrong with the dates of this client's certificate; None if nothing is."""
    valid, now = dates(pem), now or datetime.now(UTC)  # noqa: TID251 - what this machine holds certificates against
    if valid is not None and now > valid[1]:
        what = f"this client's certificate has expired: it was valid until {valid[1]:%Y-%m-%d %H:%M}Z"
        return Cause(what, "renew the client's certificate", trust=True)
    if valid is not None and now < valid[0]:
        what = f"this client's certificate is not yet valid: it is from {valid[0]:%Y-%m-%d %H:%M}Z on"
        return Cause(what, "set this machine's clock, or wait", trust=True)
    return None


class Door(NamedTuple):
    """A server as a client reaches it; the certificates are texts in PEM, None where there is none."""

    host: str
    port: int
    secure: bool
    authority: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None


def diagnose(door: Door, seconds: float) -> Cause | None:
    """Connect once, as the client did, and return what keeps it from that; None if nothing does, or it can't be told.

    Each step takes `seconds` at most.
    """
    try:
        context = _context(door) if door.secure else None
        with socket.create_connection((door.host, door.port), seconds) as plain:
            if context is None:
                return SECURE if _speaks_tls(door, seconds) else _silent(plain)
            with context.wrap_socket(plain, server_hostname=door.host) as secure:
                secure.sendall(_HTTP2)  # a server of TLS 1.3 refuses a certificate only after the handshake
                return _ERRNOS[errno.ECONNRESET] if not secure.recv(1) else None
    except (OSError, UnicodeError) as failure:
        found = cause(failure)
        if found is _NOT_TRUSTED:
            return _NO_CERTIFICATE if door.certificate is None else own_certificate(door.certificate) or found
        if found in (None, _ERRNOS[errno.ECONNRESET]) and door.secure and _speaks_plainly(door, seconds):
            return _PLAIN
        return found


def _context(door: Door) -> ssl.SSLContext:
    import os

    # What is not ASCII is a comment beside the certificates (RFC 7468, section 2).
    authority = door.authority.decode("ascii", "ignore") if door.authority else None
    context = ssl.create_default_context(cadata=authority)
    context.set_alpn_protocols(["h2"])
    if door.certificate is not None:
        # OpenSSL reads files only; this one is nowhere but in memory.
        with os.fdopen(os.memfd_create("podberth-identity"), "wb") as file:
            file.write(door.certificate + b"\n" + (door.key or b""))
            file.flush()
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context


def _silent(plain: socket.socket) -> Cause | None:
    plain.sendall(_HTTP2)
    return None if plain.recv(1) else _ERRNOS[errno.ECONNRESET]


def _speaks_tls(door: Door, seconds: float) -> bool:
    """Say whether a port answers a TLS handshake, whatever certificate it shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((door.host, door.port), seconds) as plain,
            context.wrap_socket(plain, server_hostname=door.host),
        ):
            return True
    except ssl.SSLError as failure:
        return "ALERT" in (failure.reason or "")
    except OSError:
        return False


def _speaks_plainly(door: Door, seconds: float) -> bool:
    """Say whether a port answers without TLS."""
    try:
        with socket.create_connection((door.host, door.port), seconds) as plain:
            plain.settimeout(seconds)
            plain.sendall(_HTTP1)
            return bool(plain.recv(1))
    except OSError:
        return False
