"""The options of `podberth agent` that make it the node's DRA driver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.agent.resource_claims import ResourceClaimOptions

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option("--dra", is_flag=True, help="Serve resource claims (resource.k8s.io) on this node."),
    click.option(
        "--dra-link", "links", multiple=True, metavar="KIND:LINK=PLACES",
        help="Offer places on a link that pods share, as macvlan:eth1=32; KIND is bridge, macvlan or ipvlan.",
    ),
    click.option(
        "--dra-hook", "hook", type=_FILE, metavar="FILE",
        help="The hook that looks for a claim's link, as the runtime finds it; by default put beside the store.",
    ),
    click.option(
        "--kubelet-dir", "kubelet", type=_FOLDER, default="/var/lib/kubelet", show_default=True, metavar="DIR",
        help="Where kubelet looks for drivers.",
    ),
    click.option(
        "--nri-socket", "runtime", type=_FILE, default="/var/run/nri/nri.sock", show_default=True, metavar="FILE",
        help="Where the container runtime tells of pods.",
    ),
    click.option(
        "--cdi-dir", "cdi", type=_FOLDER, default="/var/run/cdi", show_default=True, metavar="DIR",
        help="Where the container runtime finds specifications of CDI.",
    ),
    click.option(
        "--kubeconfig", type=_FILE, metavar="FILE", help="The API server of the claims; by default as kubectl finds it."
    ),
)  # fmt: skip


def claim_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a DRA driver."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def claimed(said: dict[str, Any]) -> ResourceClaimOptions | None:
    """Return what the options say; None without --dra. UsageError for a link that is none, InvalidConfig for no API."""
    if not said["dra"]:
        if said["links"] or said["hook"]:
            raise click.UsageError("--dra-link and --dra-hook say nothing without --dra")
        return None
    from podberth.agent.resource_claims import ResourceClaimOptions, node_name
    from podberth.dra.devices import parse_shared
    from podberth.kube.client import Client
    from podberth.kube.config import load

    try:
        shared = tuple(map(parse_shared, said["links"]))
    except ValueError as wrong:
        raise click.UsageError(f"--dra-link: {wrong}") from wrong
    return ResourceClaimOptions(
        client=Client(load(str(said["kubeconfig"] or ""))),
        node=node_name(),
        kubelet=said["kubelet"],
        runtime=said["runtime"],
        cdi=said["cdi"],
        shared=shared,
        hook=str(said["hook"] or ""),
    )
