"""Connections to one API server: HTTP/1.1 over TLS, kept open between calls, any number of threads.

A failure says how far the request got: `NotSent` if the server can't have seen all of it, `Lost` if it may have. What
an answer means is `client`'s business. http.client reads the answers; requests are one write each.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
from collections import deque
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from podberth import __version__
from podberth.cni.errors import StoreFailed
from podberth.cni.value import value
from podberth.process.reach import cause, own_certificate

if TYPE_CHECKING:
    from podberth.kube.credentials import Credentials, Secret, Source

READ = 1 << 16  # bytes asked for at once from a stream


class _Broken(Exception):
    """`remedy`: what to do about it, where that is known."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


class NotSent(_Broken):
    """The server can't have acted on the request: it never got all of it."""


class Lost(_Broken):
    """The request was sent and no whole answer came."""


@value
class Access:
    """An API server and how to reach it.

    `server`: 'https://HOST:PORT', a path may follow. `server_name`: what stands in its certificate instead of HOST.
    `authority`: the certificates of its CA as PEM, None for the system's; `verify` False: any certificate will do.
    """

    server: str
    credentials: Credentials
    authority: Source | None = None
    verify: bool = True
    server_name: str = ""
    namespace: str = "default"


@value
class Answer:
    """Status code, headers in lower case, body."""

    status: int
    retry_after: str
    body: bytes
    date: str = ""  # the server's clock (RFC 9110, section 6.6.1)


class Stream:
    """An answer without an end, as it comes. Only `close` may be called from another thread."""

    def __init__(self, connection: ssl.SSLSocket, response: HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self.status = response.status

    def read(self) -> bytes:
        """Return the next bytes, b'' at the end. Raises Lost."""
        try:
            return self._response.read1(READ)
        except (OSError, HTTPException, ValueError, AttributeError) as failure:  # the last two: closed meanwhile
            raise Lost(str(failure) or type(failure).__name__) from None

    def rest(self) -> bytes:
        """Return all there is, of an answer that has an end. Raises Lost."""
        try:
            return self._response.read()
        except (OSError, HTTPException) as failure:
            raise Lost(str(failure) or type(failure).__name__) from None

    def hang_up(self) -> None:
        """Have a `read` in another thread end now."""
        try:
            # Not SSLSocket.shutdown, which takes the session away from under the reader.
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)
        except OSError:
            pass  # the server was faster

    def close(self) -> None:
        """Give the connection up; by the thread that reads."""
        self._response.close()
        self._connection.close()


class Wire:
    """The way to one API server. `timeout` is in seconds, for each step: connect, send, each read."""

    def __init__(self, access: Access, timeout: float) -> None:
        url = urlsplit(access.server)
        self._host, self._port = url.hostname or "", url.port or 443
        self._prefix = url.path.rstrip("/")
        self._access = access
        self._timeout = timeout
        self._head = f"\r\nHost: {url.netloc}\r\nUser-Agent: podberth/{__version__}\r\nAccept: application/json\r\n"
        self._lock = threading.Lock()
        self._idle: deque[ssl.SSLSocket] = deque()
        self._identity: tuple[str, str, str] | None = None  # what the connections and the context were made with
        self._context: ssl.SSLContext | None = None
        self._closed = False

    def exchange(self, secret: Secret, method: str, target: str, body: bytes, content_type: str) -> Answer:
        """Send a request, return the whole answer. Raises NotSent, Lost."""
        connection = self._send(secret, method, target, body, content_type)
        response = HTTPResponse(connection, method=method)
        try:
            response.begin()
            answer = Answer(
                status=response.status,
                retry_after=response.getheader("Retry-After") or "",
                body=response.read(),
                date=response.getheader("Date") or "",
            )
        except (OSError, HTTPException) as failure:
            connection.close()
            raise self._lost(secret, failure) from None
        except BaseException:
            connection.close()
            raise
        finally:
            response.close()
        with self._lock:
            kept = not self._closed and not response.will_close and connection.context is self._context
            if kept:
                self._idle.append(connection)
        if not kept:
            connection.close()
        return answer

    def stream(self, secret: Secret, target: str, seconds: float) -> Stream:
        """Send a GET, return its answer as it comes; `seconds` of silence make a `read` Lost. Raises NotSent, Lost."""
        connection = self._send(secret, "GET", target, b"", "")
        response = HTTPResponse(connection, method="GET")
        try:
            response.begin()
            connection.settimeout(seconds)
        except (OSError, HTTPException) as failure:
            response.close()
            connection.close()
            raise self._lost(secret, failure) from None
        return Stream(connection, response)

    def close(self) -> None:
        """Close the connections that nobody uses; one of a call under way, or of a later one, is closed after it."""
        with self._lock:
            self._closed = True
            self._give_up()

    def _give_up(self) -> None:
        while self._idle:
            self._idle.popleft().close()

    def _send(self, secret: Secret, method: str, target: str, body: bytes, content_type: str) -> ssl.SSLSocket:
        head = f"{method} {self._prefix}{target} HTTP/1.1{self._head}"
        if secret.token:
            head += f"Authorization: Bearer {secret.token}\r\n"
        if body:
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        request = head.encode("ascii") + b"\r\n" + body
        connection = self._kept(secret)
        if connection is not None:
            try:
                connection.sendall(request)
            except OSError:
                connection.close()  # closed by the server meanwhile: it has not got the whole request
            else:
                return connection
        connection = self._connect(secret)
        try:
            connection.sendall(request)
        except OSError as failure:
            connection.close()
            raise self._not_sent(failure) from None
        return connection

    def _kept(self, secret: Secret) -> ssl.SSLSocket | None:
        """Return an open connection that was made as `secret`, if there is one."""
        self._context_for(secret)
        while True:
            try:
                connection = self._idle.pop()  # the one used last: the others may end
            except IndexError:
                return None
            waiting = select.poll()
            waiting.register(connection, select.POLLIN)
            if not waiting.poll(0):
                return connection
            connection.close()  # what can be read between two calls is its end

    def _connect(self, secret: Secret) -> ssl.SSLSocket:
        context = self._context_for(secret)
        try:
            plain = socket.create_connection((self._host, self._port), self._timeout)
        except (OSError, UnicodeError) as failure:
            raise self._not_sent(failure) from None
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A watch has nothing to say for minutes: the kernel asks whether the server is still there.
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
            return context.wrap_socket(plain, server_hostname=self._access.server_name or self._host)
        except OSError as failure:
            plain.close()
            raise self._not_sent(failure) from None

    def _not_sent(self, failure: OSError | UnicodeError) -> NotSent:
        found = cause(failure)
        if found is None:
            return NotSent(f"{self._access.server}: {failure}", "see whether the API server runs there")
        return NotSent(f"{self._access.server}: {found.what} ({failure})", found.remedy)

    def _lost(self, secret: Secret, failure: OSError | HTTPException) -> Lost:
        """Return the failure in words; TLS 1.3 tells only after the handshake that a certificate is not accepted."""
        found = cause(failure) if isinstance(failure, OSError) else None
        if found is not None and found.trust and secret.certificate:
            found = own_certificate(secret.certificate.encode()) or found
        said = str(failure) or type(failure).__name__
        return Lost(said) if found is None else Lost(f"{found.what} ({said})", found.remedy)

    def _context_for(self, secret: Secret) -> ssl.SSLContext:
        """Return the TLS context of an identity; connections made as another are given up."""
        authority = self._access.authority.read() if self._access.authority is not None else ""
        identity = (authority, secret.certificate, secret.key)
        with self._lock:
            if self._context is None or identity != self._identity:
                self._context, self._identity = _context(self._access, *identity), identity
                self._give_up()
            return self._context


def _context(access: Access, authority: str, certificate: str, key: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=authority or None)
    except ssl.SSLError as failure:
        raise StoreFailed(
            f"the certificate authority of {access.server} can't be used: {failure}", "it has to be certificates in PEM"
        ) from None
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        # OpenSSL reads files only; this one is nowhere but in memory.
        with os.fdopen(os.memfd_create("podberth-identity"), "w", encoding="ascii") as file:
            file.write(f"{certificate}\n{key}\n")
            file.flush()
            try:
                context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
            except (OSError, ssl.SSLError) as failure:
                found = cause(failure)
                raise StoreFailed(
                    f"the client certificate for {access.server} can't be used: "
                    + (f"{found.what} ({failure})" if found is not None else str(failure)),
                    found.remedy if found is not None else "see client-certificate and client-key in the kubeconfig",
                ) from None
    return context
