"""podberth on the cluster, put there as docs/install.md says: the one node's agent, and pods that come and go."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.checkout import ROOT
from tests.contract.install import manifests
from tests.image.cluster import health
from tests.image.cluster.worker import NAME
from tests.runtime import image
from tests.waiting import until

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from tests.image.cluster.worker import Worker

HOME = "podberth-system"
PODS = "payments"
AGENT = "podberth-agent"
OVERLAY = str(manifests.DEPLOY / "overlays/kubernetes")
PULLED = "docker.io/library/podberth:{}"  # as the runtime calls the image that the manifests name
NEXT = "next"  # the tag of the same image that a rollout changes to
_WEB = {
    "apiVersion": "podberth.io/v1alpha1",
    "kind": "PodNetwork",
    "metadata": {"namespace": PODS, "name": "web"},
    "spec": {"deployment": {"name": "web"}, "attachments": [{"pool": "bank"}]},
}
# What a node says for an ADD that came while its agent was away, or had not followed the cluster yet.
AGAIN = ("the podberth agent ", "try again later")


@dataclass
class Site:
    """podberth on a worker. `away`: the spans in which the agent was killed or replaced (ns, monotonic)."""

    worker: Worker
    folder: Path
    away: list[tuple[int, int]] = field(default_factory=list)
    kills: int = 0

    @property
    def record(self) -> Path:
        """The file of what /healthz said."""
        return self.folder / "health"

    def install(self, tag: str) -> None:
        """Do what the page says: definitions, overlay, network; then the node joins. Pools are asked of the webhook."""
        control = self.worker.control
        for name in (manifests_tag(), NEXT):
            self.worker.containerd.ctr("images", "tag", tag, PULLED.format(name))
        control.kubectl("apply", "-k", str(manifests.DEPLOY / "base/crds"))
        control.kubectl("wait", "--for=condition=Established", "crd", "--all")
        control.kubectl("apply", "-k", OVERLAY)
        control.apply(*manifests.example("network.yaml"))
        for each in control.objects("services", HOME):
            (port,) = each["spec"]["ports"]
            control.forward(each["spec"]["clusterIP"], port["port"], port["targetPort"])
        self.worker.start_kubelet()
        until(lambda: control.objects("nodes"), lambda: f"the node does not join: {control.tail()}")
        self.rolled_out()
        control.kubectl("wait", "--for=condition=Ready", f"node/{NAME}", "--timeout=300s")
        for name in ("webhook", "controller"):  # of two replicas a single node has room for one
            control.kubectl("wait", "-n", HOME, "--for=condition=Available", f"deployment/podberth-{name}",
                            "--timeout=300s")  # fmt: skip
        databases = manifests.example("mysql.yaml")
        declarations = [each for each in databases if each["kind"] in ("Namespace", "PodNetwork")]
        control.apply(*manifests.example("pool.yaml"), *declarations, _WEB)
        control.kubectl("wait", "-n", PODS, "--for=condition=InForce", "podnetwork", "--all", "--timeout=300s")
        control.apply(*(_runnable(each) for each in databases if each not in declarations), _runnable(_deployment()))

    def rolled_out(self) -> None:
        """Wait until the agent's pod is the newest, and ready."""
        self.worker.control.kubectl("rollout", "status", "-n", HOME, f"daemonset/{AGENT}", "--timeout=300s")

    def kill_agent(self) -> None:
        """SIGKILL it; kubelet starts it again."""
        begin = time.monotonic_ns()
        for line in self.worker.node.run("ps", "-eo", "pid=,args=").splitlines():
            if " agent --metrics" in line:
                self.worker.node.run("kill", "-KILL", line.split()[0])
                self.kills += 1
        self.away.append((begin, 0))

    def roll(self, *command: str) -> None:
        """Have the agent's pod be replaced, by a command of kubectl for its DaemonSet."""
        begin = time.monotonic_ns()
        self.worker.control.kubectl("-n", HOME, *command)
        self.away.append((begin, 0))

    def agent_back(self) -> None:
        """Wait until what was killed or replaced last is ready again."""
        self.rolled_out()
        now = time.monotonic_ns()
        until(
            lambda: [one for one in health.read(self.record) if one.asked > now and one.status == 200],
            lambda: f"nobody at /healthz: {health.read(self.record)[-1]}",
        )
        self.away[-1] = self.away[-1][0], time.monotonic_ns()

    def restarts(self) -> int:
        """Return how often kubelet has started the agent's container again, of the pod that is there now."""
        (pod,) = self.agents()
        return int(pod["status"]["containerStatuses"][0]["restartCount"])

    def agents(self) -> list[dict[str, Any]]:
        """Return the agent's pods, without those that end."""
        return [
            one
            for one in self.worker.control.objects("pods", HOME)
            if one["metadata"]["name"].startswith(AGENT) and "deletionTimestamp" not in one["metadata"]
        ]

    def exec(self, *argv: str) -> Any:
        """Run a command of podberth in the agent's pod, as an operator does; return its JSON."""
        (pod,) = self.agents()
        where = ("exec", "-n", HOME, pod["metadata"]["name"], "-c", "agent", "--")
        return json.loads(self.worker.control.kubectl(*where, "podberth", *argv, "--json"))

    def churn(self, chance: random.Random) -> list[str]:
        """Delete pods and scale; return the complaint that two live pods have one address."""
        control = self.worker.control
        live = [one for one in control.objects("pods", PODS) if "deletionTimestamp" not in one["metadata"]]
        control.kubectl("scale", "-n", PODS, "deployment/web", f"--replicas={chance.randint(1, 5)}")
        if live:
            gone = chance.sample([one["metadata"]["name"] for one in live], min(2, len(live)))
            control.kubectl("delete", "pod", "-n", PODS, "--wait=false", "--ignore-not-found", *gone)
        addresses = sorted(one["status"]["podIP"] for one in live if one["status"].get("podIP"))
        return [address for address in set(addresses) if addresses.count(address) > 1]

    def node_ready(self) -> tuple[str, str]:
        """Return the node's condition Ready, and since when it is as it is."""
        (one,) = self.worker.control.objects("nodes")
        (found,) = [each for each in one["status"]["conditions"] if each["type"] == "Ready"]
        return found["status"], found["lastTransitionTime"]

    def all_run(self, web: int) -> None:
        """Wait until each pod that is wanted runs, `web` of the Deployment's."""
        self.worker.control.kubectl("scale", "-n", PODS, "deployment/web", f"--replicas={web}")

        def run() -> bool:
            pods = self.worker.control.objects("pods", PODS)
            return len(pods) == 3 + web and all(_ready(one) for one in pods)

        until(run, lambda: f"not all run: {self.worker.control.kubectl('describe', 'pods', '-n', PODS)[-6000:]}")

    def leases(self) -> dict[str, str]:
        """Return the pod of each address that is leased."""
        return {one["address"]: one["pod"] for one in self.exec("leases")["leases"]}

    def end_all(self) -> None:
        """Delete what pods belong to; return once all of them have ended."""
        self.worker.control.kubectl("delete", "-n", PODS, "statefulset/mysql", "deployment/web")
        until(lambda: not self.worker.control.objects("pods", PODS), "pods do not end")

    def failed_adds(self) -> list[str]:
        """Return what kubelet said of sandboxes that got no network: others are the runtime's own trouble."""
        events = self.worker.control.objects("events", PODS)
        said = [one["message"] for one in events if one["reason"] == "FailedCreatePodSandBox"]
        return [message for message in said if "network" in message]


@contextlib.contextmanager
def watched(site: Site) -> Iterator[None]:
    """Have /healthz be asked all the time."""
    probe = manifests.one("overlays/kubernetes", "DaemonSet", AGENT)["spec"]["template"]["spec"]["containers"][0]
    page = probe["livenessProbe"]["httpGet"]
    url = f"http://{page['host']}:{page['port']}{page['path']}"
    enter = ("nsenter", f"--net=/proc/{site.worker.node.pid}/ns/net")
    command = [*enter, sys.executable, "-m", health.__name__, str(site.record), url]
    asking = subprocess.Popen(command, cwd=ROOT)
    try:
        until(lambda: site.record.exists() and health.read(site.record), "/healthz is not asked")
        yield
    finally:
        asking.kill()
        asking.wait()


def manifests_tag() -> str:
    """Return the tag of the image that the manifests name."""
    spec = manifests.one("overlays/kubernetes", "DaemonSet", AGENT)["spec"]["template"]["spec"]
    return str(spec["containers"][0]["image"]).rpartition(":")[2]


def _ready(pod: dict[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def _deployment() -> dict[str, Any]:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"namespace": PODS, "name": "web"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _runnable(one: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the image of the tests for its pods, which end at once."""
    if one["kind"] not in ("StatefulSet", "Deployment"):
        return one
    pod = one["spec"]["template"]["spec"]
    ours = [{"name": each["name"], "image": image.NAME, "imagePullPolicy": "Never"} for each in pod["containers"]]
    template = {**one["spec"]["template"], "spec": {**pod, "containers": ours, "terminationGracePeriodSeconds": 1}}
    return {**one, "spec": {**one["spec"], "template": template}}
