"""Files of Debian's archive, by an apt configuration of its own: nothing is installed, no list of the machine changes.

The mirror is the one that the machine's apt uses. apt checks each file as always: by hashes that Debian's keys sign.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.programs import folders
from tests.programs.commands import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SUITES = ("bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable")
INSTEAD = "set KUBEBUILDER_ASSETS to an envtest folder, and PODBERTH_SHARED to a folder with kube/*.xz and debs/*.deb"
FORM = "$(ORIGIN)|$(RELEASE)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)"


@contextmanager
def archive(suite: str) -> Iterator[Archive]:
    """Give a suite of Debian's archive with package lists of this hour, which go when the block ends."""
    root = folders.cache() / "apt" / suite
    with folders.lock(f"apt-{suite}"):
        shutil.rmtree(root, ignore_errors=True)
        for folder in ("lists/partial", "cache/archives/partial"):
            (root / folder).mkdir(parents=True)
        (root / "status").touch()
        try:
            yield Archive(root, f"[signed-by={KEYRING}] {mirror()} {suite} main")
        finally:
            shutil.rmtree(root)


class Archive:
    """One suite of Debian's archive, by apt's files in `root`; `suite` is as in a line of a sources.list."""

    def __init__(self, root: Path, suite: str) -> None:
        self._root = root
        self._suite = suite
        self._fetch_lists("deb")

    def packages(self, folder: Path, *names: str) -> list[Path]:
        """Download the newest .deb files of these packages into the folder, and return their paths in this order."""
        self._apt("download", *names, cwd=folder)
        return [next(folder.glob(f"{name}_*.deb")) for name in names]

    def source(self, folder: Path, name: str) -> None:
        """Download the files of a source package into the folder; they stay packed."""
        self._fetch_lists("deb", "deb-src")
        self._apt("source", "--download-only", name, cwd=folder)

    def _fetch_lists(self, *types: str) -> None:
        (self._root / "sources.list").write_text("".join(f"{kind} {self._suite}\n" for kind in types))
        self._apt("update", cwd=self._root)

    def _apt(self, *arguments: str, cwd: Path) -> None:
        run(["apt-get", *self._options(), "-qq", *arguments], cwd=cwd)

    def _options(self) -> list[str]:
        settings = {
            "Dir::Etc::sourcelist": self._root / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": self._root / "lists",
            "Dir::State::status": self._root / "status",
            "Dir::Cache": self._root / "cache",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        if os.geteuid() == 0:
            settings["APT::Sandbox::User"] = "root"  # apt's own user cannot write into root's cache
        return [f"-o{name}={value}" for name, value in settings.items()]


def mirror() -> str:
    """Return the address of Debian's archive that this machine's apt uses."""
    missing = [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]
    assert not missing, f"this machine has no {missing[0]} to fetch programs with: {INSTEAD}"
    assert KEYRING.exists(), f"there is no {KEYRING}: install Debian's package debian-archive-keyring, or {INSTEAD}"
    address = debian(run(["apt-get", "indextargets", "--format", FORM, "Created-By: Packages"]).splitlines())
    assert address, f"this machine's apt has no source of Debian's archive: add one, or {INSTEAD}"
    return address


def debian(targets: Sequence[str]) -> str | None:
    """Return the address of Debian's archive among apt's index targets, each written as in FORM."""
    rows = [target.split("|") for target in targets]
    suites = [row for row in rows if (row[1] in SUITES or row[2] in SUITES) and row[3] == "main"]
    # Other archives have suites of the same names. Whose it is, apt knows once it has fetched their lists.
    suites.sort(key=lambda row: row[0] != "Debian")
    return suites[0][4] if suites else None
