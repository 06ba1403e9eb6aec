"""The certificate the webhook serves with where nobody gives it one: made here, and kept in a Secret.

One that is made here is its own authority. All replicas share the Secret; whoever finds it missing or ageing makes the
next, and the API server is told of both before anybody serves with the new one (the ValidatingWebhookConfiguration's
caBundle). Keys are made by the `openssl` program.
"""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cni.errors import IOFailure
from podberth.kube import errors
from podberth.kube.resources import Resource
from podberth.process.certificate import Pair

if TYPE_CHECKING:
    from podberth.kube.client import Client, Object

SECRETS = Resource(group="", version="v1", plural="secrets", kind="Secret", namespaced=True)
CONFIGURATIONS = Resource(
    group="admissionregistration.k8s.io", version="v1", plural="validatingwebhookconfigurations",
    kind="ValidatingWebhookConfiguration", namespaced=False,
)  # fmt: skip
DAYS = 365
RENEWED = 120 * 86400  # seconds before its end that the next one is made
CERTIFICATE, KEY, AUTHORITY = "tls.crt", "tls.key", "ca.crt"


class SelfSigned:
    """The pair in a Secret, for `SERVICE.NAMESPACE.svc`; the configuration's webhooks are told to trust it."""

    def __init__(self, client: Client, service: str, namespace: str, configuration: str) -> None:
        self._client = client
        self._secret = (f"{service}-tls", namespace)
        self._hosts = (f"{service}.{namespace}.svc", f"{service}.{namespace}.svc.cluster.local")
        self._configuration = configuration

    def pair(self) -> Pair:
        """Return the pair to serve with, made or renewed if need be; whom the API server trusts is seen to first."""
        secret = self._found()
        data = _decoded(secret) if secret is not None else {}
        if not data or not is_fresh(data[CERTIFICATE]):
            data = self._kept(secret, data)
        self._trust(data[AUTHORITY])
        return Pair(certificate=data[CERTIFICATE], key=data[KEY])

    def _found(self) -> Object | None:
        try:
            return self._client.get(SECRETS, *self._secret)
        except errors.NotFound:
            return None

    def _kept(self, secret: Object | None, before: dict[str, str]) -> dict[str, str]:
        """Keep a new pair; if somebody was faster, return theirs."""
        made = self_signed(self._hosts)
        # Replicas that have not read the new one yet are trusted for the old one.
        data = {CERTIFICATE: made.certificate, KEY: made.key, AUTHORITY: made.certificate + before.get(CERTIFICATE, "")}
        self._trust(data[AUTHORITY])
        body: Object = {
            "metadata": {"name": self._secret[0], "namespace": self._secret[1]},
            "data": {name: base64.b64encode(text.encode()).decode() for name, text in data.items()},
        }
        try:
            if secret is None:
                self._client.create(SECRETS, body, self._secret[1])
            else:
                body["metadata"]["resourceVersion"] = secret["metadata"]["resourceVersion"]
                self._client.replace(SECRETS, body)
        except (errors.AlreadyExists, errors.Conflict):
            return _decoded(self._client.get(SECRETS, *self._secret))
        return data

    def _trust(self, authority: str) -> None:
        bundle = base64.b64encode(authority.encode()).decode()
        found = self._client.get(CONFIGURATIONS, self._configuration)
        hooks = found.get("webhooks") or []
        if all(hook["clientConfig"].get("caBundle") == bundle for hook in hooks):
            return
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": found["metadata"]["resourceVersion"]}
        sets = [
            {"op": "add", "path": f"/webhooks/{i}/clientConfig/caBundle", "value": bundle} for i in range(len(hooks))
        ]
        self._client.json_patch(CONFIGURATIONS, self._configuration, [test, *sets])


def self_signed(hosts: tuple[str, ...], days: int = DAYS) -> Pair:
    """Make a key on P-256 and a certificate for the hosts that signs itself. IOFailure if openssl does not."""
    with tempfile.TemporaryDirectory(prefix="podberth-") as folder:
        certificate, key = Path(folder, CERTIFICATE), Path(folder, KEY)
        names = ",".join(f"DNS:{host}" for host in hosts)
        wanted = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days))
        subject = ("-subj", "/CN=podberth webhook", "-addext", f"subjectAltName={names}")
        done = _openssl("req", "-x509", *wanted, *subject, "-keyout", str(key), "-out", str(certificate))
        if done.returncode:
            raise IOFailure(
                f"openssl req: {done.stderr.strip()}", "see `openssl version`; or make a pair yourself: --cert, --key"
            )
        return Pair(certificate=certificate.read_text(encoding="ascii"), key=key.read_text(encoding="ascii"))


def is_fresh(certificate: str) -> bool:
    """Say whether the first certificate of a PEM text need not be renewed yet."""
    return not _openssl("x509", "-noout", "-checkend", str(RENEWED), given=certificate).returncode


def _openssl(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = ["openssl", *arguments]
    try:
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as wrong:
        raise IOFailure(f"openssl: {wrong.strerror}", "install openssl, or give --cert and --key") from None


def _decoded(secret: Object) -> dict[str, str]:
    found = secret.get("data") or {}
    data = {name: base64.b64decode(found.get(name, "")).decode() for name in (CERTIFICATE, KEY, AUTHORITY)}
    return data if all(data.values()) else {}
