"""Options that say where things are: the API server, podberth's namespace, an address to listen at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cni.value import replace
from podberth.stores import chosen as choice
from podberth.stores.chosen import NAMESPACE, Chosen, Kubernetes

if TYPE_CHECKING:
    from podberth.cli.session import Session

kubeconfig_option = click.option(
    "--kubeconfig", metavar="FILE", default="",
    help="Which API server, and as whom; else as the state directory's store.json says, or as kubectl finds it.",
)  # fmt: skip
namespace_option = click.option(
    "--namespace", metavar="NAME", default="",
    help=f"Where podberth's own objects are; else as store.json says, or {NAMESPACE}.",
)  # fmt: skip


def where(session: Session, kubeconfig: str, namespace: str) -> Kubernetes:
    """Return where the API is: as the options say, else as the state directory does, if its store is there.

    With --kubeconfig the state directory is not asked: it may be about another cluster.
    """
    found = Chosen() if kubeconfig else choice.chosen(session.state)
    at = found.kubernetes if found.store == choice.KUBERNETES else Kubernetes()
    return replace(at, kubeconfig=kubeconfig or at.kubeconfig, namespace=namespace or at.namespace)


def host_port(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, int] | None:
    """Return host and port; a usage error if that is not what it is."""
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"expected HOST:PORT, got {text!r}")
    return host.strip("[]"), int(port)
