"""The control plane: etcd, kube-apiserver, scheduler and controller-manager, as a cluster runs them, on the node.

Service accounts are admitted as in a cluster: a pod has a token, or it is not made. Services' addresses lead to the
node by a rule for each, which is kube-proxy's part.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from tests import programs
from tests.servers.asking import kubectl
from tests.servers.authority import Authority
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.node import Node

ADDRESS = "192.0.2.10"  # the node's: RFC 5737, of documentation
SERVICES = "10.96.0.0/16"
API = "10.96.0.1"
PORT = 6443
ETCD = "http://127.0.0.1:2379"
ISSUER = "https://kubernetes.default.svc"
_FOR_EVER = 'name=$1; shift; while :; do "$@"; echo "$name ended with $?"; sleep 1; done'  # as systemd's Restart=always
_DEATH = re.compile(r"panic:|fatal error:|F\d{4} |\S+ ended with \d+$")  # a line of a program of Go, or of the loop's


class ControlPlane:
    """What runs beside the node's kubelet, with its files in `folder`; it ends with the node."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.folder = folder
        self.authority = Authority(folder)
        names = f"IP:{ADDRESS},IP:{API},IP:127.0.0.1,DNS:kubernetes.default.svc"
        self._serving = self.authority.issue("server", "kube-apiserver", hosts=names)
        self._kubelets = self.authority.issue("kubelets-client", "kube-apiserver", "system:masters")
        self._signing = self.authority.issue("service-accounts", "service-accounts")
        self._running: list[subprocess.Popen[bytes]] = []
        self._admin = self.kubeconfig("admin", "system:masters")

    def start(self) -> None:
        """Start all of it; return when it serves."""
        for command in (
            ("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "switch"),
            ("ip", "address", "add", f"{ADDRESS}/24", "dev", "uplink"),
            ("ip", "link", "set", "switch", "up"),
            ("ip", "link", "set", "uplink", "up"),
            ("ip", "route", "add", SERVICES, "dev", "uplink"),
        ):
            self.node.run(*command)
        self.forward(API, 443, PORT)
        self.run("etcd", str(programs.etcd()), "--data-dir=/run/etcd",
                 f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}")  # fmt: skip
        self.run("kube-apiserver", *self._api_server())
        self._until("kube-apiserver", "kubectl", *self._options(), "get", "--raw", "/readyz")
        signing = str(self._signing[1])
        for name, more in (
            ("kube-scheduler", ()),
            ("kube-controller-manager", (
                f"--service-account-private-key-file={signing}", "--use-service-account-credentials=true",
                f"--root-ca-file={self.authority.certificate}",
            )),
        ):  # fmt: skip
            config = self.kubeconfig(f"system:{name}")
            program = str(programs.kubernetes(name, whole=True))
            self.run(name, program, f"--kubeconfig={config}", "--leader-elect=false", "--port=0", "--secure-port=0",
                     *more)  # fmt: skip

    def run(self, name: str, *command: str) -> None:
        """Start a program on the node; its log is in a file of its name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(self.node.command(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._running.append(started)

    def run_for_ever(self, name: str, *command: str) -> None:
        """Start a program that is started again whenever it ends, as a host does it with its kubelet."""
        self.run(name, "sh", "-c", _FOR_EVER, "sh", name, *command)

    def wait(self) -> None:
        """Wait for the end of all that was started here."""
        for each in self._running:
            each.wait()

    def forward(self, service: str, port: int, to: int) -> None:
        """Lead a service's address to a port of the node."""
        for chain in ("OUTPUT", "PREROUTING"):
            rule = ("-d", f"{service}/32", "-p", "tcp", "--dport", str(port), "-j", "DNAT")
            self.node.run("iptables", "-t", "nat", "-A", chain, *rule, "--to-destination", f"{ADDRESS}:{to}")

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Return what kubectl, as the cluster's administrator, prints; it must succeed."""
        command = self.node.command("kubectl", *self._options(), *arguments)
        done = kubectl(command, stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}{self.tail()}"
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Have these objects be as they are here."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def objects(self, kind: str, namespace: str = "") -> list[dict[str, Any]]:
        """Return the objects of a kind, of one namespace or of all."""
        where = ("-n", namespace) if namespace else ("-A",)
        return list(json.loads(self.kubectl("get", kind, *where, "-o", "json"))["items"])

    def kubeconfig(self, user: str, *groups: str) -> Path:
        """Return the kubeconfig of a user with a client certificate."""
        name = user.replace(":", "-")
        certificate, key = self.authority.issue(name, user, *groups)
        cluster = {"server": f"https://{ADDRESS}:{PORT}", "certificate-authority": str(self.authority.certificate)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"client-certificate": str(certificate), "client-key": str(key)}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        file = self.folder / f"{name}.kubeconfig"
        file.write_text(json.dumps(document))
        return file

    def tail(self) -> str:
        """Return the ends of all logs, and why a program died before."""
        return "".join(f"\n--- {path.stem}\n{_end_of(path.read_text())}" for path in sorted(self.folder.glob("*.log")))

    def _options(self) -> tuple[str, ...]:
        return f"--kubeconfig={self._admin}", f"--cache-dir={self.folder / 'cache'}"

    def _until(self, name: str, *command: str) -> None:
        until(lambda: self.node.succeeds(*command), lambda: f"{name} does not serve: {self.tail()}")

    def _api_server(self) -> list[str]:
        return [
            str(programs.kubernetes("kube-apiserver", whole=True)),
            f"--etcd-servers={ETCD}",
            "--bind-address=0.0.0.0",
            f"--advertise-address={ADDRESS}",
            f"--secure-port={PORT}",
            "--insecure-port=0",
            f"--tls-cert-file={self._serving[0]}",
            f"--tls-private-key-file={self._serving[1]}",
            f"--client-ca-file={self.authority.certificate}",
            f"--kubelet-client-certificate={self._kubelets[0]}",
            f"--kubelet-client-key={self._kubelets[1]}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-key-file={self._signing[0]}",
            f"--service-account-signing-key-file={self._signing[1]}",
            f"--service-account-issuer={ISSUER}",
            f"--service-cluster-ip-range={SERVICES}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
        ]


def _end_of(log: str) -> str:
    """Return the end of a log after its lines on deaths: a program of Go prints thousands of lines after its last."""
    deaths = [line for line in log.splitlines() if _DEATH.match(line)]
    return "\n".join([*deaths, log[-1500:]])
