"""The image, built by Debian's buildah from the Containerfile as it is, with storage of its own in the user's cache.

Nothing is pulled: the name after FROM is a bare Debian that debootstrap made (tools/debian_base.sh). Layers stay from
one run to the next, so that only the changed ones are built again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import podberth
from tests.checkout import ROOT
from tests.image import surroundings
from tests.programs import folders

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = f"podberth.invalid/podberth:{podberth.__version__}"  # as the runtime has it; pulled from nowhere
MOST = 6 << 30  # bytes of kept layers, after which all are made anew
_OVERLAY = "mkdir l u w m && mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What was built: an archive of the OCI layout, and the image's configuration (image-spec, config.md)."""

    archive: Path
    config: dict[str, Any]
    size: str  # unpacked, with its unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildah:
    """buildah with nothing of this machine's configuration; `scratch` is for one run, `cache` stays."""

    cache: Path
    scratch: Path
    driver: str

    def __call__(self, *words: str) -> str:
        """Run it and return its stdout; AssertionError with the end of what it wrote if it fails."""
        where = [
            f"--root={self.cache / 'storage'}", f"--runroot={self.scratch / 'run'}",
            f"--storage-driver={self.driver}", f"--registries-conf={self.scratch / 'registries.conf'}",
            f"--registries-conf-dir={self.scratch / 'none'}",
            f"--short-name-alias-conf={self.scratch / 'aliases.conf'}",
        ]  # fmt: skip
        done = subprocess.run(
            ["buildah", *where, *words], env=self._environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"buildah {' '.join(words)}: {(done.stdout + done.stderr)[-4000:]}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        return {
            **proxies,
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "HOME": str(self.scratch),
            "TMPDIR": str(self.scratch),
            "XDG_RUNTIME_DIR": str(self.scratch),
            "CONTAINERS_CONF": "/dev/null",
            "CONTAINERS_STORAGE_CONF": str(self.scratch / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }

    @property
    def policy(self) -> str:
        """The option of every command that takes an image."""
        return f"--signature-policy={self.scratch / 'policy.json'}"


def folder() -> Path:
    """Return the folder of the cache."""
    return folders.cache() / "image"


@contextlib.contextmanager
def buildah() -> Iterator[Buildah]:
    """Have buildah, alone in its cache until the end."""
    assert shutil.which("buildah"), "install buildah"
    cache = folder()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock, TemporaryDirectory(prefix="build-", dir=cache) as name:
        fcntl.flock(lock, fcntl.LOCK_EX)
        scratch = Path(name)
        tool = Buildah(cache=cache, scratch=scratch, driver="overlay" if _overlays(scratch) else "vfs")
        (scratch / "registries.conf").write_text('unqualified-search-registries = ["localhost"]\n')
        (scratch / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (scratch / "storage.conf").write_text(
            f'[storage]\ndriver = "{tool.driver}"\nrunroot = "{scratch}/run"\ngraphroot = "{cache}/storage"\n'
        )
        yield tool


def build(into: Path) -> Image:
    """Build the Containerfile unchanged; leave the image's archive in the folder `into`."""
    with buildah() as tool:
        base(tool, base_name())
        tag = f"localhost/podberth:{podberth.__version__}"
        ways = surroundings.volumes(tool.scratch)
        tool("bud", tool.policy, "--layers", "--pull=never", *ways, f"--tag={tag}",
             f"--file={ROOT / 'Containerfile'}", str(ROOT))  # fmt: skip
        archive = into / "image.tar"
        tool("push", tool.policy, "--disable-compression", tag, f"oci-archive:{archive}:{NAME}")
        config = json.loads(tool("inspect", "--type=image", tag))["OCIv1"]
        (about,) = json.loads(tool("images", "--json", tag))
        return Image(archive=archive, config=config, size=str(about["size"]))


def base_name() -> str:
    """Return the one image that the Containerfile builds on."""
    text = (ROOT / "Containerfile").read_text()
    (name,) = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - set(re.findall(r" AS (\S+)$", text, re.MULTILINE))
    return str(name)


def base(tool: Buildah, name: str) -> None:
    """Have the bare Debian under that name; what was built on another one, or has grown too large, goes."""
    done = subprocess.run([surroundings.BASE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tar = Path(done.stdout.strip())
    mark = tool.cache / "base"
    state = f"{name} {tool.driver} {tar.stat().st_size} {tar.stat().st_mtime_ns}"
    if mark.exists() and mark.read_text() == state and _layers(tool) < MOST:
        return
    mark.unlink(missing_ok=True)
    shutil.rmtree(tool.cache / "storage", ignore_errors=True)
    container = tool("from", tool.policy, "scratch").strip()
    tool("add", container, str(tar), "/")
    tool("commit", tool.policy, "--rm", container, f"localhost/{name}")
    mark.write_text(state)


def _layers(tool: Buildah) -> int:
    """Return the bytes of all layers in the storage."""
    file = tool.cache / "storage" / f"{tool.driver}-layers" / "layers.json"
    return sum(row.get("diff-size", 0) for row in json.loads(file.read_text())) if file.exists() else 0


def _overlays(scratch: Path) -> bool:
    """Say whether overlayfs can be mounted on the cache's file system."""
    with TemporaryDirectory(dir=scratch) as name:
        command = ["unshare", "--mount", "sh", "-c", f'cd "$1" && {_OVERLAY}', "sh", name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
