"""Which endpoint a call goes to, under which token, and what follows when there is no answer; no requests made here.

An endpoint that answered is asked again; one that did not comes last. A read goes on to the next. A write does so only
if it certainly was never sent: else it ends as Unknown, and whoever made it finds out.
"""

from __future__ import annotations

import os
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

import grpc

from podberth.cni.errors import InvalidConfig, TryAgainLater
from podberth.process.reach import Door, diagnose
from podberth.stores.etcd import failures, messages
from podberth.stores.etcd.endpoint import Connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.process.reach import Cause
    from podberth.stores.etcd.endpoint import Endpoint

# The parts of a call's time that connecting, and each step of finding out why that failed, may take at all endpoints
# together: an endpoint's own share is left for the last of them. Connecting to one of many has some seconds at least. A
# call whose time is up can't tell whether it was sent; one whose connecting failed can.
_CONNECTING, _LEAST, _LOOKING = 0.8, 1.0, 0.2

Metadata = tuple[tuple[str, str], ...]


class Cluster:
    """The endpoints, connected to as need be, also anew in a process that was forked or whose cluster was closed."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        files: tuple[str | None, str | None, str | None],
        login: tuple[str, str] | None,
        timeout: float,
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._files = files  # of the CA, of our certificate and of its key
        self._login = login
        self.timeout = timeout
        self._lock = Lock()
        self._process = os.getpid()
        self._connections: dict[int, Connection] = {}
        self._preferred = 0
        self._token: Metadata | None = None

    def ask(self, call: str, request: Any, *, read: bool) -> Any:
        """Return the answer to a request; `call` names which of a connection's calls it is.

        TryAgainLater if no endpoint answers; Unknown if that leaves open whether a write was done; StoreFailed if etcd
        says no. `read` promises that the request changes nothing.
        """
        tried: list[tuple[str, Any, Cause | None]] = []
        deadline = monotonic() + self.timeout
        first = self._preferred
        count = len(self._endpoints)
        for turn in range(count):
            index = (first + turn) % count
            seconds = deadline - monotonic()
            if tried and seconds <= 0:
                break
            connection = self.connection(index)
            try:
                # A read leaves time to ask the others.
                return self._asked(connection, call, request, seconds / (count - turn) if read else seconds, read)
            except ValueError as closed:  # gRPC's word for a channel that another thread has closed
                raise TryAgainLater("this client of etcd was closed meanwhile", "do it again") from closed
            except failures.Unknown as failure:
                self.failed(index, failure.__cause__)
                raise
            except grpc.RpcError as failure:
                if not failures.lost(failure):
                    raise failures.translated(connection.url, failure, getattr(request, "revision", 0)) from failure
                self.failed(index, failure)
                tried.append((connection.url, failure, self._cause(index, failure)))
        raise failures.unreachable(tried) from tried[-1][1]

    def _cause(self, index: int, failure: Any) -> Cause | None:
        """Return why an endpoint can't be spoken to; gRPC tells little of that. None if it is not known."""
        if not failures.no_connection(failure):
            return None
        to = self._endpoints[index]
        ca, cert, key = (_contents(path) for path in self._files) if to.secure else (None, None, None)
        host, port = to.target.rpartition("/")[2].removeprefix("ipv4:").removeprefix("ipv6:").rsplit(":", 1)
        door = Door(host.strip("[]"), int(port), to.secure, ca, cert, key)
        return diagnose(door, _LOOKING * self.timeout / len(self._endpoints))

    def _asked(self, connection: Connection, call: str, request: Any, seconds: float, read: bool) -> Any:
        """Return the answer; RpcError if another endpoint may be asked, Unknown if it must not."""
        token = self.token(connection)
        renewed = False
        while True:
            try:
                return getattr(connection, call)(request, seconds, token)
            except grpc.RpcError as failure:
                if failures.lost(failure) and not read and not failures.never_sent(failure):
                    raise failures.unknown(connection.url, failure) from failure
                if renewed or not failures.stale_token(failure):
                    raise
            renewed, token = True, self.token(connection, instead_of=token)

    def token(self, connection: Connection, *, instead_of: Metadata | None = None) -> Metadata | None:
        """Return what tells etcd who asks, and is not `instead_of`, which it did not take. RpcError if refused."""
        if self._login is None:
            return None
        if self._token is None or self._token is instead_of:
            with self._lock:
                if self._token is None or self._token is instead_of:
                    self._token = self._authenticated(connection)
        return self._token

    def _authenticated(self, connection: Connection) -> Metadata:
        assert self._login is not None
        name, password = self._login
        try:
            answer = connection.authenticate(messages.AuthenticateRequest(name=name, password=password), self.timeout)
        except grpc.RpcError as failure:
            if failures.no_authentication(failure):
                return ()
            raise
        return (("token", answer.token),)

    @property
    def preferred(self) -> int:
        """The number of the endpoint to be asked first."""
        return self._preferred

    def failed(self, index: int, failure: Any) -> None:
        """Let the next endpoint be asked first from now on; read the certificates again, if it was for them."""
        with self._lock:
            if self._preferred == index:
                self._preferred = (index + 1) % len(self._endpoints)
            if failures.distrusted(failure):
                self._connections.pop(index, None)

    def connection(self, index: int) -> Connection:
        """Return the connection to an endpoint. InvalidConfig if a certificate can't be read."""
        if self._process == os.getpid():
            found = self._connections.get(index)
            if found is not None:
                return found
        with self._lock:
            if self._process != os.getpid():
                self._process, self._connections = os.getpid(), {}
            if index not in self._connections:
                self._connections[index] = self._connected(self._endpoints[index])
            return self._connections[index]

    def _connected(self, to: Endpoint) -> Connection:
        share = connecting(self.timeout, len(self._endpoints))
        if not to.secure:
            return Connection(to, None, share)
        ca, cert, key = (_contents(path) for path in self._files)
        credentials = grpc.ssl_channel_credentials(root_certificates=ca, private_key=key, certificate_chain=cert)
        return Connection(to, credentials, share)

    def close(self) -> None:
        """End the connections; the next use makes them again."""
        with self._lock:
            connections, self._connections = self._connections, {}
        for connection in connections.values():
            connection.close()


def connecting(timeout: float, endpoints: int) -> float:
    """Return for how many seconds one of so many endpoints may take a connection, in a call of `timeout` seconds."""
    every = _CONNECTING * timeout
    return min(every, max(_LEAST, every / endpoints))


def _contents(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as failure:
        raise InvalidConfig(
            f"etcd: {path} can't be read: {failure.strerror}", "it is named in etcd's settings"
        ) from None
