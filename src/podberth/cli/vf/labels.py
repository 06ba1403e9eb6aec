"""`podberth vf label`: words that selectors can ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.failures import NotFound
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import Parsed, json_option
from podberth.cli.vf.names import DEVICE, pf_named
from podberth.cni import parsers

if TYPE_CHECKING:
    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.verbs.node import Node

LABEL = Parsed("LABEL", parsers.identifier)


@click.command(
    "label",
    cls=Page,
    short_help="Label a PF or a function, for selectors.",
    exits={3: EXITS[3]},
    examples=(
        ("vf label ens1f0 storage", "All its functions are labelled: `vf: {label: storage}` selects them."),
        ("vf label 0000:03:02.1 debug", "One function only."),
        ("vf label ens1f0 storage --remove", "Take the label away."),
    ),
)
@click.argument("device", type=DEVICE)
@click.argument("labels", nargs=-1, type=LABEL)
@click.option("--remove", is_flag=True, help="Take these labels away; without a label, all.")
@json_option
@click.pass_obj
def label(session: Session, device: str, labels: tuple[str, ...], *, remove: bool, as_json: bool) -> None:
    """Give DEVICE, a PF's link or the PCI address of a PF or a function, labels; without any, show those it has.

    A function has its own labels and those of its PF. A selector that names several wants them all.
    """
    node = session.made()
    address = _address(node, device)
    known = node.attachments.labels().get(address, ())
    now = known
    if remove:
        now = tuple(one for one in known if labels and one not in labels)
    elif labels:
        now = tuple(sorted({*known, *labels}))
    if now != known:
        node.attachments.label(address, now)

    def draw(screen: Screen) -> None:
        screen.line(f"{address}  {' '.join(now) or 'no labels'}")

    session.show(as_json, {"address": address, "labels": list(now)}, draw)


def _address(node: Node, device: str) -> str:
    if any(vf.address == device for vf in node.host.vfs()):
        return device
    try:
        return pf_named(device)[0]
    except NotFound as none:
        raise NotFound(f"{device} is no PF and no virtual function of this node", none.details) from None
