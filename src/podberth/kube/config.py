"""Which API server, and as whom: from a kubeconfig, or from what a pod's service account finds in its container.

Source: Kubernetes "Organizing Cluster Access Using kubeconfig Files", kubeconfig (v1), "Accessing the API from a Pod".
What kubectl knows and this does not is refused: auth-provider, user names and passwords, proxies, impersonation.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.cni.value import value
from podberth.kube.credentials import Held, Plugin, Source, check_plugin_api, stamp
from podberth.kube.wire import Access

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from podberth.kube.credentials import Credentials

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_NOT_OF_USERS = ("auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra")


def load(path: str = "", context: str = "", environ: Mapping[str, str] | None = None) -> Access:
    """Find the API server as kubectl does: `path`, $KUBECONFIG, ~/.kube/config, else the pod's service account.

    Raises InvalidConfig that names the file and field, or says where it looked.
    """
    environ = os.environ if environ is None else environ
    named = [path] if path else [each for each in environ.get("KUBECONFIG", "").split(":") if each]
    usual = os.path.join(environ.get("HOME", "/"), ".kube", "config")
    files = [each for each in named or [usual] if path or os.path.exists(each)]
    if files:
        return kubeconfig(files, context)
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster(environ)
    looked = " or ".join(named or [usual])
    raise InvalidConfig(
        f"no Kubernetes API is configured: there is no {looked}, and this is no pod",
        "set KUBECONFIG, or say --kubeconfig",
    )


def in_cluster(environ: Mapping[str, str], folder: str = SERVICE_ACCOUNT) -> Access:
    """Return what a pod's service account has; its token and CA are read again when kubelet renews them.

    InvalidConfig if the variables of a pod (KUBERNETES_SERVICE_HOST) are not there.
    """
    host, port = (environ.get(f"KUBERNETES_SERVICE_{what}", "") for what in ("HOST", "PORT"))
    if not host or not port.isdecimal():
        raise InvalidConfig(
            f"KUBERNETES_SERVICE_HOST and _PORT: expected a host and a port, got {shown(host)} and {shown(port)}",
            "a kubelet sets both in a pod; outside of one, name a kubeconfig",
        )
    what = "service account"
    return Access(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        credentials=Held(token=Source(path=os.path.join(folder, "token"), what=what)),
        authority=Source(path=os.path.join(folder, "ca.crt"), what=what, pem=True),
        namespace=Source(path=os.path.join(folder, "namespace"), what=what).read(),
    )


def kubeconfig(paths: list[str], context: str = "") -> Access:
    """Read kubeconfig files into one: of each name the first counts. Raises InvalidConfig, with the field's path.

    A token or certificate that stands in a file is read again when the file has changed, as files that it names are.
    """
    files = [_read(os.path.abspath(path), path) for path in paths]
    chosen = context or next(filter(None, (one.fields.get("current-context", parsers.text, "") for one in files)), "")
    if not chosen:
        raise files[0].fields.fail("current-context", "required field is missing", "or name a context")
    about, _ = _named(files, "context", "current-context", chosen)
    cluster, of_cluster = _named(files, "cluster", about.at("cluster"), about.required("cluster", parsers.text))
    user, of_user = _named(files, "user", about.at("user"), about.required("user", parsers.text))
    return Access(
        server=cluster.required("server", _server),
        credentials=_credentials(user, of_user, cluster),
        authority=_pem(cluster, "certificate-authority", of_cluster),
        verify=not cluster.get("insecure-skip-tls-verify", parsers.boolean, False),
        server_name=cluster.get("tls-server-name", parsers.dns_name, ""),
        namespace=about.get("namespace", parsers.label, "default"),
    )


@value
class _File:
    """One kubeconfig, and which file it was. `path` is absolute; `called` is how messages call it."""

    fields: Fields
    path: str
    called: str
    stamp: tuple[int, ...]

    def beside(self, path: str) -> str:
        """Return a path as the file means it: relative to its own folder."""
        return os.path.join(os.path.dirname(self.path), path)


@value
class _Place:
    """The user or cluster of a name in a file."""

    file: _File
    kind: str
    name: str

    def written(self, found: Fields, key: str, parse: Callable[[object], str]) -> Source | None:
        """Return what stands in the file under the key, and will; None if there is no such key."""
        content = found.optional(key, parse)
        if content is None:
            return None

        def pick() -> str:
            again, _ = _named([_read(self.file.path, self.file.called)], self.kind, found.path, self.name)
            return again.required(key, parse)

        return Source(content=content, path=self.file.path, what=found.at(key), pick=pick, at=self.file.stamp)


def _read(path: str, called: str) -> _File:
    from podberth.policy import yamlfiles  # half of this room's import, and a pod needs none

    try:
        at = stamp(path)
        with open(path, "rb") as stream:
            documents = yamlfiles.load(stream, called)
    except OSError as failure:
        raise InvalidConfig(
            f"{called} can't be read: {failure.strerror}", "name a kubeconfig that this user may read"
        ) from None
    if len(documents) != 1:
        count = len(documents)
        raise InvalidConfig(f"{called}: expected one kubeconfig, got {count} documents", "leave one in the file")
    return _File(fields=Fields(documents[0].raw, f"{called}: kubeconfig"), path=path, called=called, stamp=at)


def _named(files: list[_File], kind: str, asked_by: str, name: str) -> tuple[Fields, _Place]:
    """Return the context, cluster or user of a name, and where it stands."""
    for file in files:
        for member in file.fields.children(f"{kind}s"):
            if member.required("name", parsers.text) == name:
                found = member.child(kind)
                if found is None:
                    raise member.fail(kind, "required field is missing")
                return found, _Place(file=file, kind=kind, name=name)
    raise InvalidConfig(
        f"{asked_by}: there is no {kind} {shown(name)}", "`kubectl config view` shows those that there are"
    )


def _credentials(user: Fields, at: _Place, cluster: Fields) -> Credentials:
    for key in _NOT_OF_USERS:
        if user.raw.get(key) is not None:
            raise user.fail(key, "is not supported", "use a client certificate, token, tokenFile or exec")
    if cluster.raw.get("proxy-url") is not None:
        raise cluster.fail("proxy-url", "is not supported")
    plugin = user.child("exec")
    if plugin is not None:
        return _plugin(plugin, at.file, cluster)
    certificate, private_key = (_pem(user, f"client-{what}", at) for what in ("certificate", "key"))
    if (certificate is None) != (private_key is None):
        raise user.fail("client-key", "expected with client-certificate, and only with it")
    token_file = user.get("tokenFile", parsers.text, "")
    token = at.written(user, "token", parsers.text)
    if token_file:  # goes before `token`
        token = Source(path=at.file.beside(token_file), what=user.at("tokenFile"))
    return Held(token=token, certificate=certificate, key=private_key)


def _plugin(plugin: Fields, file: _File, cluster: Fields) -> Plugin:
    command = plugin.required("command", parsers.text)
    if "/" in command:
        command = file.beside(command)
    if plugin.get("interactiveMode", parsers.text, "") == "Always":
        raise plugin.fail("interactiveMode", "nobody is there to be asked")
    environment = {
        member.required("name", parsers.text): member.required("value", parsers.string(min=0, max=1 << 16))
        for member in plugin.children("env")
    }
    return Plugin(
        command=(command, *plugin.each("args", parsers.string(min=0, max=1 << 16))),
        environment=environment,
        api_version=plugin.required("apiVersion", check_plugin_api),
        cluster=dict(cluster.raw) if plugin.get("provideClusterInfo", parsers.boolean, False) else None,
        hint=plugin.get("installHint", str, ""),
    )


def _pem(fields: Fields, key: str, at: _Place) -> Source | None:
    """Read KEY-data, which goes before the file that KEY names."""
    inline = at.written(fields, f"{key}-data", _decoded)
    if inline is not None:
        return inline
    path = fields.optional(key, parsers.text)
    return Source(path=at.file.beside(path), what=fields.at(key), pem=True) if path is not None else None


def _decoded(raw: object) -> str:
    try:
        found = base64.b64decode(raw if isinstance(raw, str) else "", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        found = ""
    if "-----BEGIN " not in found:
        raise ValueError("expected PEM in base64")
    return found


def _server(raw: object) -> str:
    found = parsers.text(raw)
    try:
        url = urlsplit(found)
        good = url.scheme == "https" and bool(url.hostname) and url.port != 0 and "@" not in found and not url.query
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"expected https://HOST:PORT, got {shown(found)}")
    return found
