"""What the runtimes that run here send for a pod, from its start to its end: the recorded part of the corpus.

`python -m tests.runtime.callers` writes tests/golden/callers anew from them.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.checkout import ROOT
from tests.runtime import recording
from tests.runtime.podman import podman
from tests.runtime.site import site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.runtime.podman import Podman
    from tests.runtime.release import Release
    from tests.runtime.site import Site

GOLDEN = ROOT / "tests" / "golden" / "callers"
ANNOTATIONS = "io.kubernetes.cri.pod-annotations"
CAPABILITIES = dict.fromkeys(("portMappings", "bandwidth", "dns", "ips", "mac", "aliases", ANNOTATIONS), True)
POD = "mysql-1"
Calls = list[dict[str, Any]]


def of_containerd(on: Site) -> Calls:
    """Have containerd start and end a pod of kubelet's, with a host port, limits and a resolver; return its calls."""
    on.use(capabilities=CAPABILITIES)
    with on.containerd.recording() as folder:
        on.containerd.network_condition()
        pod = on.run(
            POD,
            annotations={"kubernetes.io/ingress-bandwidth": "10M"},
            port_mappings=[{"container_port": 80, "host_port": 8080}],
            dns_config={"servers": ["10.0.0.53"], "searches": ["bank.example"]},
        )
        netns = on.netns(pod)
        on.stop(pod)
        on.remove(pod)
        names = {
            pod.id: "@container@",
            netns: "@netns@",
            pod.config["metadata"]["uid"]: "@uid@",
            on.network: "@network@",
        }
        own = {str(on.state): "@state@", str(on.containerd.root / "bin"): "@bin@", on.bridge: "@bridge@"}
        return recording.recorded(folder, {**names, **own})


def of_podman(on: Podman) -> Calls:
    """Have podman start and end a container with a host port and an alias; return its calls."""
    on.network("recorded", capabilities=CAPABILITIES)
    already = set(on.calls.iterdir())
    container = on.start(POD, "--network", "recorded:alias=db", "--publish", "8080:80")
    netns = on.inspect(POD)["NetworkSettings"]["SandboxKey"]
    on.remove(POD)
    for file in already:
        file.unlink()
    names = {container: "@container@", container[:12]: "@short@", netns: "@netns@", "recorded": "@network@"}
    own = {str(on.state): "@state@", str(on.root / "bin"): "@bin@", "br-recorded": "@bridge@"}
    return recording.recorded(on.calls, {**names, **own})


def program(release: Release) -> str:
    """Return the name and version of a release of containerd, as its program says them."""
    said = subprocess.run(
        ["containerd", "--version"], env={"PATH": release.path("/usr/bin")}, capture_output=True, text=True, check=True
    )
    return f"containerd {re.split('[+~-]', said.stdout.split()[2])[0]}"


def golden(name: str) -> dict[str, Any]:
    """Return an entry of the corpus."""
    return dict(json.loads((GOLDEN / f"{name}.json").read_text()))


def write(name: str, recorded: str, pod: str, calls: Sequence[dict[str, Any]]) -> None:
    """Write an entry of the corpus; `recorded` is the program with its version, `pod` the one that it names."""
    whole = {"recorded": recorded, "pod": pod, "calls": list(calls)}
    (GOLDEN / f"{name}.json").write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")


def main() -> int:
    """Record every caller that runs here."""
    from tests.runtime.conftest import DOCUMENTS, running
    from tests.runtime.release import debian_12, newest

    for name, release in (("containerd-1.6", debian_12()), ("containerd-2.1", newest())):
        with running(release) as runtime, TemporaryDirectory() as folder, contextlib.ExitStack() as held:
            calls = of_containerd(held.enter_context(site(runtime, Path(folder), DOCUMENTS)))
        write(name, f"{program(release)}, called by the CRI as kubelet calls it", f"bank/{POD}", calls)
    with podman(DOCUMENTS) as on:
        write("podman-4.3", f"podman {on.run('--version').split()[-1]}", POD, of_podman(on))
    return 0


if __name__ == "__main__":
    sys.exit(main())
