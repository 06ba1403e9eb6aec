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
from podberth.runtime.own import MOST, SIGN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session

PACKAGE = Path(podberth.__file__).parent
PACKED = PACKAGE / "_shim" / "podberth-shim"  # in a wheel: tools/hatch_build.py puts it there
FALLBACK = ".podberth"  # what tools/build_cni.py leaves beside the shim: plugins that need no agent, but a Python
OWN, STANDARD = ("plugins",), ("plugins/standard", "ipam_plugins")  # where a type is a module
ALWAYS = "loopback"  # of the standard types: a runtime needs one for each pod, and a bare host has none
_MODE = 0o755


@click.command(
    "install-shim",
    cls=Page,
    short_help="Put the shim into a CNI folder, under the name of each plugin type.",
    exits={code: EXITS[code] for code in range(4)},
    examples=(
        ("install-shim /host/opt/cni/bin", "What a node needs of podberth, beside its agent."),
        ("install-shim /host/opt/cni/bin --replace sriov", "Also in the place of the sriov-cni that is there."),
        (
            "install-shim /host/opt/cni/bin --standard --replace bridge",
            "The CNI project's types that are missing; bridge.",
        ),
        ("install-shim /host/opt/cni/bin --remove", "Take away what was put there."),
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--replace", "replaced", metavar="TYPE", multiple=True,
    help="A plugin type whose program of somebody else's gives way; repeat it for each.",
)  # fmt: skip
@click.option("--standard", is_flag=True, help="Also the types of the CNI project's plugins: bridge, host-local, ...")
@click.option(
    "--shim", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), default=PACKED,
    help="The shim to install; by default the one that came with podberth.",
)  # fmt: skip
@click.option("--remove", is_flag=True, help="Take every shim away instead.")
@json_option
@click.pass_obj
def install_shim(
    session: Session,
    folder: Path,
    replaced: tuple[str, ...],
    shim: Path,
    *,
    standard: bool,
    remove: bool,
    as_json: bool,
) -> None:
    """Put the shim into DIR under the name of each plugin type, each by one rename, and nothing where it is already.

    Shims of types that this version does not have are taken away, and so are plugins of an older version that run
    without an agent. A program of the same name that is somebody else's is left alone, unless --replace names it.

    The types of the CNI project are installed with --standard, or as --replace names them. Of those, loopback is
    installed where DIR has none. What is there of podberth's is renewed: only --remove takes it away.
    """
    unknown = set(replaced) - {*kinds(), *standard_kinds()}
    if unknown:
        there = ", ".join((*kinds(), *standard_kinds()))
        raise NotFound(f"--replace: podberth has no plugin {min(unknown)!r}", f"there are {there}")
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}", "mount the host's; kubelet or the runtime says which it uses")
    try:
        content = b"" if remove else _content(shim)
        asked = [] if remove else _asked(folder, replaced, standard=standard)
        left = [kind for kind in asked if kind not in replaced and _is_foreign(folder / kind)]
        wanted = [kind for kind in asked if kind not in left]
        about: dict[str, list[str]] = {
            "installed": [kind for kind in wanted if put(folder / kind, content, _MODE)],
            "removed": list(_cleared(folder, wanted)),
            "left": left,
        }
    except OSError as wrong:
        raise IOFailure(f"{wrong.filename or folder}: {wrong.strerror}", "run it as root, DIR writable") from None

    def draw(screen: Screen) -> None:
        for name in left:
            screen.line(f"left    {folder / name}: it is another program; --replace {name} takes its place")
        for what in ("installed", "removed"):
            for name in about[what]:
                screen.line(f"{what} {folder / name}")
        if not any(about.values()):
            screen.line(f"nothing to do in {folder}")

    session.show(as_json, about, draw)


def kinds() -> list[str]:
    """Return podberth's own plugin types, which are modules."""
    return _modules(*OWN)


def standard_kinds() -> list[str]:
    """Return the types of the CNI project's plugins that podberth has."""
    return _modules(*STANDARD)


def _modules(*rooms: str) -> list[str]:
    """Return the types of the rooms. An underscore in a module's name is a hyphen of the type's."""
    return sorted(path.stem.replace("_", "-") for room in rooms for path in (PACKAGE / room).glob("[!_]*.py"))


def _asked(folder: Path, replaced: tuple[str, ...], *, standard: bool) -> list[str]:
    """Return the types that are to be there, if nobody else's program is."""
    more = [
        kind
        for kind in standard_kinds()
        if standard
        or kind in replaced
        or _is_ours(folder / kind)
        or (kind == ALWAYS and not _is_foreign(folder / kind))
    ]
    return sorted(kinds() + more)


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
        return path.is_file() and path.stat().st_size <= MOST and SIGN in path.read_bytes()
    except PermissionError:  # root without its capabilities, and a file that its owner keeps to himself
        return False
