"""What a client shows of itself to an API server, and where it is read from, again whenever that changes.

Source: Kubernetes "Authenticating" (bearer tokens, X.509 client certificates, client-go credential plugins).
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from podberth.cni.errors import CniError, StoreFailed
from podberth.cni.fields import Fields, shown
from podberth.cni.parsers import text
from podberth.cni.value import value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLUGIN_SECONDS = 60  # that a credential plugin may take
_PLUGIN_API = "client.authentication.k8s.io"


@value
class Secret:
    """A bearer token, a client certificate with its key as PEM, or both; '' is none."""

    token: str = ""
    certificate: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return "Secret(...)"


class Credentials(Protocol):
    """Where a client's secret comes from; any thread may ask."""

    def current(self) -> Secret:
        """Return the secret as it stands now. Raises StoreFailed if it can't be had."""

    def refused(self, secret: Secret) -> bool:
        """Take note that the server did not know `secret`; return whether it is worth asking with another."""


def stamp(path: str) -> tuple[int, ...]:
    """Return what a file does not keep once it is another or has changed. OSError."""
    status = os.stat(path)  # of what links lead to: kubelet swaps a link to renew a token
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


class Source:
    """A text that is given, or is the content of a file and read again when the file is another or has changed.

    In PEM (`pem`) what is not ASCII is a comment beside the certificates (RFC 7468, section 2). `pick` reads the text
    out of a file that has more; `content` is what it was when the file had the stamp `at`.
    """

    def __init__(
        self,
        *,
        content: str = "",
        path: str = "",
        what: str = "",
        pem: bool = False,
        pick: Callable[[], str] | None = None,
        at: tuple[int, ...] | None = None,
    ) -> None:
        self._errors = "ignore" if pem else "strict"
        self._content = content
        self._path = path
        self._what = what
        self._pick = pick
        self._stamp = at

    def read(self) -> str:
        """Return the text. Raises StoreFailed, which names the file."""
        if not self._path:
            return self._content
        try:
            now = stamp(self._path)
            if now != self._stamp:
                self._content = self._whole() if self._pick is None else self._pick()
                self._stamp = now
        except CniError as wrong:
            raise StoreFailed(wrong.message, wrong.details) from None
        except (OSError, ValueError) as failure:
            raise StoreFailed(
                f"{self._what}: {self._path} can't be read: {failure}",
                "the file has to be there, and readable by this user",
            ) from None
        return self._content

    def forget(self) -> None:
        """Read the file again, whatever it looks like."""
        self._stamp = None

    def _whole(self) -> str:
        with open(self._path, encoding="ascii", errors=self._errors) as file:
            return file.read().strip()


class Held:
    """Credentials that are written down: in the configuration, or in files it names."""

    def __init__(self, *, token: Source | None = None, certificate: Source | None = None, key: Source | None = None):
        none = Source()
        self._sources = (token or none, certificate or none, key or none)

    def current(self) -> Secret:
        """Return the secret as its files have it now."""
        token, certificate, key = self._sources
        return Secret(token=token.read(), certificate=certificate.read(), key=key.read())

    def refused(self, secret: Secret) -> bool:
        """Read the files again; return whether they say something else now."""
        for source in self._sources:
            source.forget()
        return self.current() != secret


class Plugin:
    """Credentials that a program makes; it is run anew once they expire, or the server no longer knows them."""

    def __init__(
        self, command: tuple[str, ...], environment: Mapping[str, str], api_version: str, cluster: object, hint: str
    ) -> None:
        self._command = command
        self._environment = environment
        self._api_version = api_version
        self._cluster = cluster
        self._hint = hint
        self._lock = threading.Lock()
        self._secret: Secret | None = None
        self._expires = float("inf")  # seconds since the epoch

    def current(self) -> Secret:
        """Return what the program made, after running it if need be. Raises StoreFailed with what it said."""
        with self._lock:
            if self._secret is None or time.time() >= self._expires:  # noqa: TID251
                self._secret, self._expires = self._run()
            return self._secret

    def refused(self, secret: Secret) -> bool:
        """Have the program run before the next call, unless another thread did so already."""
        with self._lock:
            if self._secret == secret:
                self._secret = None
        return True

    def _run(self) -> tuple[Secret, float]:
        spec = {"interactive": False} | ({"cluster": self._cluster} if self._cluster is not None else {})
        info = {"apiVersion": self._api_version, "kind": "ExecCredential", "spec": spec}
        environment = {**os.environ, **self._environment, "KUBERNETES_EXEC_INFO": json.dumps(info)}
        what = f"credential plugin {self._command[0]}"
        try:
            done = subprocess.run(  # noqa: S603 - what the kubeconfig names
                self._command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PLUGIN_SECONDS,
                check=False,
            )
        except (OSError, ValueError) as failure:
            raise StoreFailed(f"{what} can't be run: {failure}", self._hint) from None
        except subprocess.TimeoutExpired:
            raise StoreFailed(f"{what} did not end within {PLUGIN_SECONDS} s", self._hint) from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[-500:]
            raise StoreFailed(f"{what} ended with status {done.returncode}: {said}", self._hint)
        return self._parse(done.stdout, what)

    def _parse(self, output: bytes, what: str) -> tuple[Secret, float]:
        try:
            answer: Any = json.loads(output)
        except ValueError as wrong:
            raise StoreFailed(
                f"{what}: expected JSON, got {wrong}", "it has to print an ExecCredential alone"
            ) from None
        fields = Fields(answer, what, StoreFailed)
        if fields.required("apiVersion", text) != self._api_version:
            raise fields.fail("apiVersion", f"expected {self._api_version!r}, got {shown(answer['apiVersion'])}")
        status = fields.child("status")
        if status is None:
            raise fields.fail("status", "required field is missing")
        found = Secret(
            token=status.get("token", text, ""),
            certificate=status.get("clientCertificateData", _pem, ""),
            key=status.get("clientKeyData", _pem, ""),
        )
        if not found.token and not found.certificate:
            raise status.fail("token", "expected a token or a clientCertificateData")
        if bool(found.certificate) != bool(found.key):
            raise status.fail("clientKeyData", "expected with clientCertificateData, and only with it")
        return found, status.get("expirationTimestamp", _moment, float("inf"))


def _pem(raw: object) -> str:
    if not isinstance(raw, str) or "-----BEGIN " not in raw:
        raise ValueError(f"expected PEM, got {shown(raw) if not isinstance(raw, str) else 'other text'}")
    return raw


def _moment(raw: object) -> float:
    try:
        return datetime.fromisoformat(text(raw)).timestamp()
    except ValueError:
        raise ValueError(f"expected a time as '2026-01-31T12:00:00Z', got {shown(raw)}") from None


def check_plugin_api(raw: object) -> str:
    """Return the API version of a credential plugin, one of those that are spoken here."""
    if raw not in (f"{_PLUGIN_API}/v1", f"{_PLUGIN_API}/v1beta1"):
        raise ValueError(f"expected {_PLUGIN_API}/v1 or {_PLUGIN_API}/v1beta1, got {shown(raw)}")
    return str(raw)
