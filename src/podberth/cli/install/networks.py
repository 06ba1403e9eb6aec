"""`podberth install-networks`: a mounted ConfigMap's network configurations in a host's folder for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.cli.failures import NotFound
from podberth.cli.install.files import put
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import json_option
from podberth.cni.errors import InvalidConfig, IOFailure
from podberth.runtime import networks

if TYPE_CHECKING:
    from podberth.cli.screen import Screen
    from podberth.cli.session import Session

_MODE = 0o644


@click.command(
    "install-networks",
    cls=Page,
    short_help="Copy network configurations into the folder where the runtime looks.",
    exits={code: EXITS[code] for code in range(4)},
    examples=(("install-networks /networks /host/etc/cni/net.d", "Those of a mounted ConfigMap."),),
)
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def install_networks(session: Session, source: Path, folder: Path, *, as_json: bool) -> None:
    """Copy each *.conflist of FROM into DIR, by one rename, unless it is there as it is.

    All are read before one is copied: a file that is no network keeps the others away too. Nothing is ever removed from
    DIR. FROM may be empty, as the folder of an optional ConfigMap is that is not there.
    """
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}", "mount the host's; the runtime says which it uses")
    if not source.is_dir():
        raise NotFound(f"there is no folder {source}", "name the one where the ConfigMap is mounted")
    try:
        found = {path.name: path.read_bytes() for path in sorted(source.glob("[!.]*.conflist"))}
        for name, data in found.items():
            _check(data, source / name)
        installed = [name for name, data in found.items() if put(folder / name, data, _MODE)]
    except OSError as wrong:
        raise IOFailure(f"{wrong.filename or folder}: {wrong.strerror}", "run it as root, DIR writable") from None
    about = {"installed": installed, "unchanged": sorted(found.keys() - set(installed))}

    def draw(screen: Screen) -> None:
        for what, names in about.items():
            for name in names:
                screen.line(f"{what:<9} {folder / name}")
        if not found:
            screen.line(f"no network in {source}")

    session.show(as_json, about, draw)


def _check(data: bytes, path: Path) -> None:
    try:
        networks.parse(data)
    except InvalidConfig as wrong:
        raise InvalidConfig(f"{path}: {wrong.message}", wrong.details) from None
