"""How an API server is reached: from inside a pod, or by a kubeconfig (Kubernetes: "Organizing Cluster Access Using
kubeconfig Files", "Accessing the Kubernetes API from a Pod").
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cni import parsers
from podberth.cni.errors import StoreFailed
from podberth.cni.fields import Fields, shown
from podberth.kube.credentials import Held, Plugin, Source, check_plugin_api
from podberth.kube.wire import Access

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.kube.credentials import Credentials

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def access(kubeconfig: str = "", context: str = "", environment: Mapping[str, str] = os.environ) -> Access:
    """Return the access that is named: the kubeconfig given, that of KUBECONFIG, the pod's own, or ~/.kube/config.

    StoreFailed names the file and the field at fault, or says where an access was looked for.
    """
    if kubeconfig:
        return from_kubeconfig(Path(kubeconfig), context)
    named = environment.get("KUBECONFIG", "")
    if named:
        return from_kubeconfig(Path(named.split(os.pathsep)[0]), context)
    if environment.get("KUBERNETES_SERVICE_HOST") and (SERVICE_ACCOUNT / "token").exists():
        return from_pod(environment)
    usual = Path(environment.get("HOME", "/root")) / ".kube" / "config"
    if usual.exists():
        return from_kubeconfig(usual, context)
    raise StoreFailed(
        f"no way to a Kubernetes API: KUBECONFIG is not set, this is no pod, and there is no {usual}",
        "name a kubeconfig",
    )


def from_pod(environment: Mapping[str, str]) -> Access:
    """Return what a pod is given; the token is read again as kubelet renews it."""
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT", "443")
    if ":" in host:
        host = f"[{host}]"
    namespace = SERVICE_ACCOUNT / "namespace"
    return Access(
        server=f"https://{host}:{port}",
        credentials=Held(token=Source(path=str(SERVICE_ACCOUNT / "token"), what="service account token")),
        authority=Source(path=str(SERVICE_ACCOUNT / "ca.crt"), what="service account CA"),
        namespace=namespace.read_text().strip() if namespace.exists() else "default",
    )


def from_kubeconfig(path: Path, context: str = "") -> Access:
    """Return the access of a kubeconfig's current context, or of the one named."""
    from podberth.policy import yamlfiles

    try:
        with path.open("rb") as stream:
            found = yamlfiles.load(stream, str(path))
    except OSError as wrong:
        raise StoreFailed(f"kubeconfig {path} can't be read: {wrong.strerror}") from None
    if len(found) != 1:
        raise StoreFailed(f"kubeconfig {path}: expected one document, got {len(found)}")
    document = Fields(found[0].raw, f"kubeconfig {path}", StoreFailed)
    name = context or document.required("current-context", parsers.text)
    chosen = _named(document, "contexts", name, "context")
    cluster = _named(document, "clusters", chosen.required("cluster", parsers.text), "cluster")
    user = _named(document, "users", chosen.required("user", parsers.text), "user")
    server = cluster.required("server", parsers.text)
    if not server.startswith("https://"):
        raise cluster.fail("server", f"expected https://HOST:PORT, got {shown(server)}")
    return Access(
        server=server,
        credentials=_credentials(user, path.parent),
        authority=_source(cluster, "certificate-authority", path.parent),
        verify=not cluster.get("insecure-skip-tls-verify", parsers.boolean, False),
        server_name=cluster.get("tls-server-name", parsers.text, ""),
        namespace=chosen.get("namespace", parsers.text, "default"),
    )


def _named(document: Fields, key: str, name: str, inside: str) -> Fields:
    for member in document.children(key):
        if member.raw.get("name") == name:
            found = member.child(inside)
            if found is None:
                raise member.fail(inside, "required field is missing")
            return found
    raise document.fail(key, f"none is called {shown(name)}")


def _credentials(user: Fields, folder: Path) -> Credentials:
    program = user.child("exec")
    if program is not None:
        command = program.required("command", parsers.text)
        if "/" in command and not command.startswith("/"):
            command = str(folder / command)
        given = {
            each.required("name", parsers.text): each.get("value", parsers.text, "") for each in program.children("env")
        }
        return Plugin(
            (command, *program.each("args", parsers.text)),
            given,
            program.required("apiVersion", check_plugin_api),
            None,
            program.get("installHint", parsers.text, ""),
        )
    for unknown in ("auth-provider", "username"):
        if user.raw.get(unknown):
            raise user.fail(unknown, "is not supported", "use a token, a client certificate, or a credential plugin")
    token = _source(user, "token", folder, file="tokenFile")
    return Held(
        token=token,
        certificate=_source(user, "client-certificate", folder),
        key=_source(user, "client-key", folder),
    )


def _source(fields: Fields, key: str, folder: Path, *, file: str = "") -> Source | None:
    """Return what stands at `key`-data in base64 (or at `key` itself, where `file` is the key of a path), or a file."""
    path = fields.optional(file or key, parsers.text)
    if path is not None:
        return Source(path=str(folder / path), what=fields.at(file or key))
    inline = fields.optional(key if file else f"{key}-data", parsers.text)
    if inline is None:
        return None
    if file:
        return Source(content=inline)
    try:
        return Source(content=base64.b64decode(inline, validate=True).decode("ascii"))
    except (binascii.Error, UnicodeDecodeError):
        raise fields.fail(f"{key}-data", "expected base64 of PEM") from None
