"""The programs that tests run and Debian 12 has no package for, or an old one: where each lies on this machine.

`python -m tests.programs` makes them ready before the tests; a test only asks where they are.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.programs import ready

ASSETS = "KUBEBUILDER_ASSETS"  # the folder of controller-runtime's envtest: kube-apiserver, etcd, kubectl
KUBERNETES = ("kube-apiserver", "kubelet", "kube-scheduler", "kube-controller-manager")
CURRENT = ("containerd", "containernetworking-plugins", "etcd-server", "kubectl")


def kubernetes(name: str, *, whole: bool = False) -> Path:
    """Return the path of a program of Kubernetes; `whole` where the test runs other programs of Kubernetes beside it.

    All programs of a cluster have one source and one version. An envtest folder has no kubelet: it serves tests that
    need an API server and nothing else, unless all four programs are in it.
    """
    assert name in KUBERNETES, f"no program {name!r}: there are {', '.join(KUBERNETES)}"
    assets = os.environ.get(ASSETS)
    if assets:
        complete = all((Path(assets) / each).exists() for each in KUBERNETES)
        if complete or (name == "kube-apiserver" and not whole):
            program = Path(assets) / name
            assert program.exists(), f"{ASSETS}={assets} has no {name}: unset it, or set it to a folder with one"
            return program
    assert ready.has_kubernetes(), (
        f"no {name} here: set {ASSETS} to a folder with one, of Kubernetes 1.20 or later,"
        f" or PODBERTH_SHARED to the folder that has kube/{name}.xz"
    )
    return ready.kubernetes(name)


def etcd() -> Path:
    """Return the etcd that a test's API server runs on: that of an envtest folder, else the one on the PATH."""
    beside = Path(os.environ.get(ASSETS, "")) / "etcd"
    if os.environ.get(ASSETS) and beside.exists():
        return beside
    installed = shutil.which("etcd")
    assert installed, "there is no etcd here: install Debian's package etcd-server"
    return Path(installed)


def current(package: str) -> Path:
    """Return the folder that a package newer than Debian 12's is unpacked into: its programs are in usr/ below it."""
    assert package in CURRENT, f"no package {package!r}: there are {', '.join(CURRENT)}"
    file = ready.package(package)
    assert file, f"no current {package} here: set PODBERTH_SHARED to the folder that has debs/{package}_*.deb"
    return ready.unpack_package(file)
