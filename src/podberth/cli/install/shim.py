"""`podberth install-shim`: the shim in a host's CNI folder, under the name of each plugin type."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

import podberth
from podberth.cli.failures import NotFound
from podberth.cli.install.files import put
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import json_option
from podberth.cni.errors import IOFailure
from podberth.process.whole import sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session

PACKAGE = Path(podberth.__file__).parent
PACKED = PACKAGE / "_shim" / "podberth-shim"  # in a wheel: tools/hatch_build.py puts it there
FALLBACK = ".podberth"  # what tools/build_cni.py leaves beside the shim: plugins that need no agent, but a Python
SIGN = b"podberth: a CNI plugin, called by a container runtime"  # in the shim, and in each that ever was
_MOST = 4 << 20  # bytes of a shim; most CNI plugins are no larger, and an old one with glibc has 1 MB
_MODE = 0o755


@click.command(
    "install-shim",
    cls=Page,
    short_help="Put the shim into a CNI folder, under the name of each plugin type.",
    exits={code: EXITS[code] for code in range(4)},
    examples=(
        ("install-shim /host/opt/cni/bin", "What a node needs of podberth, beside its agent."),
        ("install-shim /host/opt/cni/bin --replace sriov", "Also in the place of the sriov-cni that is there."),
        ("install-shim /host/opt/cni/bin --remove", "Take away what was put there."),
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--replace", "replaced", metavar="TYPE", multiple=True,
    help="A plugin type whose program of somebody else's gives way; repeat it for each.",
)  # fmt: skip
@click.option(
    "--shim", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), default=PACKED,
    help="The shim to install; by default the one that came with podberth.",
)  # fmt: skip
@click.option("--remove", is_flag=True, help="Take every shim away instead.")
@json_option
@click.pass_obj
def install_shim(
    session: Session, folder: Path, replaced: tuple[str, ...], shim: Path, *, remove: bool, as_json: bool
) -> None:
    """Put the shim into DIR under the name of each plugin type, each by one rename, and nothing where it is already.

    Shims of types that this version does not have are taken away, and so are plugins of an older version that run
    without an agent. A program of the same name that is somebody else's is left alone, unless --replace names it.
    """
    unknown = set(replaced) - set(kinds())
    if unknown:
        raise NotFound(f"--replace: podberth has no plugin {min(unknown)!r}", f"there are {', '.join(kinds())}")
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}", "mount the host's; kubelet or the runtime says which it uses")
    try:
        content = b"" if remove else _content(shim)
        left = [] if remove else [kind for kind in kinds() if kind not in replaced and _is_foreign(folder / kind)]
        wanted = [] if remove else [kind for kind in kinds() if kind not in left]
        about: dict[str, list[str]] = {
            "installed": [kind for kind in wanted if put(folder / kind, content, _MODE)],
            "removed": list(_cleared(folder, wanted)),
            "left": left,
        }
    except OSError as wrong:
        raise IOFailure(f"{wrong.filename or folder}: {wrong.strerror}", "run it as root, DIR writable") from None

    def draw(screen: Screen) -> None:
        for what in ("installed", "removed"):
            for name in about[what]:
                screen.line(f"{what} {folder / name}")
        for name in left:
            screen.line(f"left    {folder / name}: it is another program; --replace {name} takes its place")
        if not any(about.values()):
            screen.line(f"nothing to do in {folder}")

    session.show(as_json, about, draw)


def kinds() -> list[str]:
    """Return the plugin types, which are modules."""
    return sorted(path.stem for path in (PACKAGE / "plugins").glob("[!_]*.py"))


def _content(shim: Path) -> bytes:
    try:
        content = shim.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            f"there is no shim {shim}", "a wheel has one; else `make build`, and name it by --shim"
        ) from None
    if SIGN not in content:
        raise NotFound(f"{shim} is no shim", "see `podberth install-shim --help`")
    return content


def _cleared(folder: Path, wanted: list[str]) -> Iterator[str]:
    """Take away what is ours and not wanted; yield the names."""
    for path in sorted(folder.iterdir()):
        if path.name == FALLBACK and not path.is_symlink():
            old = path.with_name(f"{FALLBACK}.old")
            shutil.rmtree(old, ignore_errors=True)
            path.rename(old)  # a plugin is there as a whole, or not at all
            shutil.rmtree(old)
        elif path.name not in wanted and _is_ours(path):
            path.unlink()
        else:
            continue
        sync(str(folder))
        yield path.name


def _is_foreign(path: Path) -> bool:
    return (path.exists() or path.is_symlink()) and not _is_ours(path)


def _is_ours(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= _MOST and SIGN in path.read_bytes()
    except PermissionError:  # root without its capabilities, and a file that its owner keeps to himself
        return False
