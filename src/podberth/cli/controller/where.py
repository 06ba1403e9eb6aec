"""Options that say where things are: the API server, podberth's namespace, an address to listen at."""

from __future__ import annotations

import click

from podberth.stores.chosen import NAMESPACE

kubeconfig_option = click.option(
    "--kubeconfig", metavar="FILE", default="", help="Which API server, and as whom; else as kubectl finds it."
)
namespace_option = click.option(
    "--namespace", metavar="NAME", default=NAMESPACE, show_default=True, help="Where podberth's own objects are."
)


def host_port(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, int] | None:
    """Return host and port; a usage error if that is not what it is."""
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"expected HOST:PORT, got {text!r}")
    return host.strip("[]"), int(port)
