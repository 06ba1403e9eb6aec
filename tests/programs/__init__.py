"""The programs that tests run and Debian 12 has no package for, or an old one: where each lies on this machine.

`python -m tests.programs` makes them ready before the tests; a test only asks where they are.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.programs import ready, sid, source

ASSETS = "KUBEBUILDER_ASSETS"  # the folder of controller-runtime's envtest: kube-apiserver, etcd, kubectl
KUBERNETES = ("kube-apiserver", "kubelet", "kube-scheduler", "kube-controller-manager")
CURRENT = ("containerd", "containernetworking-plugins", "etcd-server", "kubectl")
# Which of them the tests of a tier ask for: these are made ready before the tier runs, and no others.
NEEDS: dict[str, tuple[str, ...]] = {
    "contract": ("kube-apiserver", "kubectl"),
    "netns": ("kube-apiserver", "containernetworking-plugins"),
    "vm": ("containernetworking-plugins", *KUBERNETES),
    "runtime": ("containerd", "kube-apiserver"),
    "image": KUBERNETES,
}
MAKE = "run `.venv/bin/python -m tests.programs {}`, as `make test` does: it fetches what is missing"


def kubernetes(name: str, *, whole: bool = False) -> Path:
    """Return the path of a program of Kubernetes; `whole` where the test runs other programs of Kubernetes beside it.

    All programs of a cluster have one source and one version. An envtest folder has no kubelet: it serves tests that
    need an API server and nothing else, unless all four programs are in it.
    """
    assert name in KUBERNETES, f"no program {name!r}: there are {', '.join(KUBERNETES)}"
    _assert_announced(name)
    folder = assets(name, whole=whole)
    if folder:
        return folder / name
    if ready.has_kubernetes():
        return ready.kubernetes(name)
    program = source.programs() / name
    assert program.exists(), f"no {name} here: {MAKE.format(name)}"
    return program


def assets(name: str, *, whole: bool = False) -> Path | None:
    """Return the folder that KUBEBUILDER_ASSETS names where it serves this program, else nothing."""
    named = os.environ.get(ASSETS)
    if not named:
        return None
    folder = Path(named)
    if all((folder / each).exists() for each in KUBERNETES):
        return folder
    if whole or name != "kube-apiserver":
        return None
    assert (folder / name).exists(), f"{ASSETS}={folder} has no {name}: unset it, or set it to a folder with one"
    return folder


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
    _assert_announced(package)
    file = ready.package(package)
    if file:
        return ready.unpack(file)
    folder = sid.folder(package)
    assert folder, f"no current {package} here: {MAKE.format(package)}"
    return folder


def _assert_announced(name: str) -> None:
    """Fail for a test that asks for what its tier does not name: where it is ready by chance, nobody would notice."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split("/")
    tier = test[1] if len(test) > 1 else ""
    assert tier in ("", "unit") or name in NEEDS.get(tier, ()), (
        f"NEEDS[{tier!r}] in tests/programs lacks {name}: add it"
    )
