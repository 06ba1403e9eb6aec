"""The options of `podberth agent` that make it serve the kubelet: device plugins, and a DRA driver."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podberth.outside import KUBELET

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.agent.resource_claims import ResourceClaimOptions
    from podberth.devices.service import Options as DeviceOptions

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option(
        "--kubelet", "root", envvar=KUBELET, default="/var/lib/kubelet", show_default=True, metavar="DIR",
        help="The kubelet's folder.",
    ),
    click.option(
        "--devices", type=click.Path(path_type=Path), metavar="FILE",
        help="Serve the resources that the file names to the kubelet, as device plugins (docs/devices.md).",
    ),
    click.option(
        "--resource-prefix", "prefix", default="intel.com", show_default=True, metavar="DOMAIN",
        help="Of resources in the file that have none.",
    ),
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


def kubelet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def device_plugins(said: dict[str, Any]) -> DeviceOptions | None:
    """Return what the options say; None without --devices. Raises what is wrong with the file."""
    os.environ[KUBELET] = said["root"]  # networks ask the kubelet too, in this process
    file: Path | None = said["devices"]
    if file is None:
        return None
    from podberth.devices.files import configuration
    from podberth.devices.service import Options

    configuration(file, said["prefix"])  # a file that can't be read at all is better said now
    return Options(file=file.absolute(), prefix=said["prefix"], root=said["root"], cdi=str(said["cdi"]))


def claimed(said: dict[str, Any]) -> ResourceClaimOptions | None:
    """Return what the options say; None without --dra. UsageError for a link that is none, InvalidConfig for no API."""
    if not said["dra"]:
        if said["links"] or said["hook"]:
            raise click.UsageError("--dra-link and --dra-hook say nothing without --dra")
        return None
    from podberth.agent.objects import node_name
    from podberth.agent.resource_claims import ResourceClaimOptions
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
        kubelet=Path(said["root"]),
        runtime=said["runtime"],
        cdi=said["cdi"],
        shared=shared,
        hook=str(said["hook"] or ""),
    )
