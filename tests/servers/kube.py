"""A real kube-apiserver on a real etcd, both on the loopback interface, for the time of one test run.

Which kube-apiserver and etcd these are, tests/programs says.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import urllib.request
import weakref
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from podberth.kube.resources import Resource
from tests import programs
from tests.checkout import ROOT
from tests.servers import audit
from tests.servers.asking import fetched, kubectl
from tests.servers.authority import Authority
from tests.servers.child import DIES_WITH_US, SELDOM_COLLECTING, freeze
from tests.servers.operator import Operator, objects, rendered
from tests.servers.ports import free_ports
from tests.waiting import until

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

_REVIEWS = Resource(
    group="authorization.k8s.io", version="v1", plural="subjectaccessreviews", kind="SubjectAccessReview",
    namespaced=False,
)  # fmt: skip
TOOLS = {"kubectl": "kubernetes-client", "openssl": "openssl"}
ADMIN = "admin"
CRDS = ROOT / "deploy/base/crds"
OURS = "podberth.io/v1alpha1"
# Of versions that a newer server does not serve by default either, only that of flow control: each costs a server time.
_BETA = "api/beta=false,flowcontrol.apiserver.k8s.io/v1beta1=true"
# In memory where that can be had: every write is synced.
_SHM = Path("/dev/shm")


class KubeServer:
    """One kube-apiserver with its etcd. All of it but etcd's data is in `root`; nothing of it outlives the test run.

    `hosts`: other names of the machine in its certificate, as 'IP:10.0.2.2'. `beta`: versions that others of its
    programs ask for, as 'policy/v1beta1'.
    """

    def __init__(self, root: Path, hosts: Sequence[str] = (), beta: Sequence[str] = ()) -> None:
        missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
        assert not missing, f"install these packages of Debian: {' '.join(missing)}"
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self._served = ",".join((_BETA, *(f"{each}=true" for each in beta)))
        self.binary = programs.kubernetes("kube-apiserver")
        self.authority = Authority(root)
        self.port, etcd_port, peer_port = free_ports(3)
        self.url = f"https://127.0.0.1:{self.port}"
        self._etcd_url = f"http://127.0.0.1:{etcd_port}"
        self._peer_url = f"http://127.0.0.1:{peer_port}"
        names = ",".join(("IP:127.0.0.1", "DNS:localhost", *hosts))
        self._serving = self.authority.issue("server", "kube-apiserver", hosts=names)
        self._signing = self.authority.issue("service-accounts", "service-accounts")
        self.kubeconfig = self.user(ADMIN, "system:masters")
        self._data = Path(tempfile.mkdtemp(prefix="podberth-etcd-", dir=_SHM if _SHM.is_dir() else root))
        self._forget = weakref.finalize(self, shutil.rmtree, self._data, ignore_errors=True)
        self._etcd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it; `with` stops it at the end, also one that did not start whole."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()
        self._forget()

    @cached_property
    def operator(self) -> Operator:
        """The cluster's administrator, without kubectl."""
        return Operator(self.kubeconfig)

    def start(self) -> None:
        """Start what does not run, and return when the server is ready."""
        if self._etcd is None:
            self._etcd = self._run("etcd", self._etcd_command())
            _await(lambda: _answers(f"{self._etcd_url}/health", None), self._etcd, self.root / "etcd.log")
        if self._server is None:
            self._server = self._run("kube-apiserver", self._server_command())
            log = self.root / "kube-apiserver.log"
            _await(lambda: _answers(f"{self.url}/readyz", self._context), self._server, log)

    @property
    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        context.load_cert_chain(self.root / f"{ADMIN}.crt", self.root / f"{ADMIN}.key")
        return context

    def requests(self) -> Counter[tuple[str, str]]:
        """Return how often the user `audit.COUNTED` was answered, by verb and resource ('pods/status'); no watch."""
        return audit.requests(self.root)

    def kill(self) -> None:
        """kill -9 the kube-apiserver; etcd stays. `start` brings it back."""
        _end(self._server, signal.SIGKILL)
        self._server = None

    def save(self) -> None:
        """Keep a copy of etcd's data, as a snapshot of its disk is; both servers go on."""
        assert self._etcd is not None
        shutil.rmtree(self._data / "saved", ignore_errors=True)
        freeze(self._etcd.pid)
        shutil.copytree(self._data / "now", self._data / "saved")
        self._etcd.send_signal(signal.SIGCONT)

    def put_back(self) -> None:
        """Have both servers go on with the copy of etcd's data."""
        self.stop()
        shutil.rmtree(self._data / "now")
        shutil.copytree(self._data / "saved", self._data / "now")
        self.start()

    def freeze(self) -> None:
        """Stop the kube-apiserver with its connections open: it says nothing until `thaw`."""
        assert self._server is not None
        freeze(self._server.pid)

    def thaw(self) -> None:
        """Let a frozen kube-apiserver go on."""
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End both servers."""
        if "operator" in vars(self):
            self.operator.client.close()
            del self.operator
        self.kill()
        _end(self._etcd, signal.SIGKILL)
        self._etcd = None

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Return what kubectl, as the cluster's administrator, prints; it must succeed."""
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.root / 'cache'}", *arguments]
        done = kubectl(command, stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def serve_our_resources(self) -> None:
        """Have the server know podberth's custom resources; return when its discovery lists them all.

        A CRD is Established a moment before that, and kubectl keeps for hours what discovery has told it.
        """
        ours = objects(rendered(CRDS))
        self.operator.apply(*ours)
        plurals = {one["spec"]["names"]["plural"] for one in ours}

        def listed() -> set[str]:
            return {one.plural for one in self.operator.resources(OURS)}

        until(lambda: plurals <= listed(), lambda: f"discovery lists {sorted(listed())} of {sorted(plurals)}")
        shutil.rmtree(self.root / "cache", ignore_errors=True)

    def user(self, name: str, *groups: str, url: str = "") -> Path:
        """Return the kubeconfig of a user with a client certificate in files of its own. `url`: of the server."""
        certificate, key = self.authority.issue(name, name, *groups)
        return self.write_kubeconfig(name, {"client-certificate": str(certificate), "client-key": str(key)}, url)

    def write_kubeconfig(self, name: str, user: dict[str, Any], url: str = "") -> Path:
        """Return a kubeconfig for this server with `user` as it stands; JSON is YAML."""
        file = self.root / f"{name}.kubeconfig"
        cluster = {"server": url or self.url, "certificate-authority": str(self.authority.certificate)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "current-context": "test",
        }
        file.write_text(json.dumps(document, indent=1), encoding="utf-8")
        return file

    def allow(self, user: str, *rules: tuple[str, str, Sequence[str]]) -> None:
        """Give a user, or 'NAMESPACE:SERVICEACCOUNT', exactly these rights: (API group, resource, verbs) each."""
        namespace, _, account = user.rpartition(":")
        subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        if not namespace:
            subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
        name = user.replace(":", "-")
        api = "rbac.authorization.k8s.io/v1"
        role = {
            "apiVersion": api,
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": [{"apiGroups": [group], "resources": [of], "verbs": list(verbs)} for group, of, verbs in rules],
        }
        binding = {
            "apiVersion": api,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [subject],
        }
        self.operator.apply(role, binding)
        who = f"system:serviceaccount:{namespace}:{account}" if namespace else user
        until(lambda: all(self._may(who, *rule) for rule in rules), f"{user} has not its rights yet")

    def _may(self, who: str, group: str, of: str, verbs: Sequence[str]) -> bool:
        """Say whether the server grants these rights by now: it hears of roles as anybody does, some time after."""
        plural, _, subresource = of.partition("/")
        asked = {"group": group, "resource": plural, "subresource": subresource}
        reviews = ({"spec": {"user": who, "resourceAttributes": {**asked, "verb": verb}}} for verb in verbs)
        return all(self.operator.client.create(_REVIEWS, review)["status"]["allowed"] for review in reviews)

    def token(self, namespace: str, account: str) -> str:
        """Return a token of a service account, which is made if there is none, as a kubelet would get it for a pod."""
        made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": account}}
        self.operator.apply(made)
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        }
        answer = json.loads(self.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(request)))
        return str(answer["status"]["token"])

    def clear(self, *below: str) -> None:
        """Delete all that the API server keeps below these folders of its registry ("pods/"), finalizers or not."""
        for folder in below:
            start = f"/registry/{folder}".encode()
            assert start.endswith(b"/")
            end = start[:-1] + b"0"  # the character after the slash
            self._etcd_call("kv/deleterange", {"key": _base64(start), "range_end": _base64(end)})

    def compact(self) -> None:
        """Make etcd forget every revision but the latest."""
        latest = self._etcd_call("kv/range", {"key": "AA=="})["header"]["revision"]
        self._etcd_call("kv/compaction", {"revision": latest, "physical": True})

    def _etcd_call(self, method: str, body: dict[str, object]) -> Any:
        return json.loads(fetched(f"{self._etcd_url}/v3/{method}", json.dumps(body).encode()))

    def _etcd_command(self) -> list[str]:
        return [
            str(programs.etcd()),
            f"--data-dir={self._data / 'now'}",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={self._peer_url}",
            f"--initial-advertise-peer-urls={self._peer_url}",
            f"--initial-cluster=default={self._peer_url}",
        ]

    def _server_command(self) -> list[str]:
        certificate, key = self._serving
        signing_certificate, signing_key = self._signing
        return [
            str(self.binary),
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            *([] if _newer(self.binary) else ["--insecure-port=0", f"--runtime-config={self._served}"]),
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self.authority.certificate}",
            f"--service-account-key-file={signing_certificate}",
            f"--service-account-signing-key-file={signing_key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            *audit.options(self.root),
        ]

    def _run(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **SELDOM_COLLECTING}
        if os.uname().machine == "aarch64":
            environment["ETCD_UNSUPPORTED_ARCH"] = "arm64"
        with (self.root / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*DIES_WITH_US, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )


@cache
def _newer(program: Path) -> bool:
    """Whether the kube-apiserver is of 1.24 or later, which has no insecure port any more."""
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split(".")[1]) >= 24


def _answers(url: str, context: ssl.SSLContext | None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _await(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    def serves() -> bool:
        assert process.poll() is None, f"{log.stem} ended by itself:\n{log.read_text()[-4000:]}"
        return ready()

    until(serves, lambda: f"{log.stem} is not ready:\n{log.read_text()[-4000:]}")


def _end(process: subprocess.Popen[bytes] | None, with_signal: signal.Signals) -> None:
    if process is not None:
        process.send_signal(with_signal)
        process.wait()


def _base64(of: bytes) -> str:
    return base64.b64encode(of).decode()
