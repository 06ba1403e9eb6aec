"""`podberth webhook`: refuse wrong declarations at `kubectl apply`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.cli.controller.where import host_port, kubeconfig_option, namespace_option, where
from podberth.cli.failures import Misuse
from podberth.cli.listener import log_level_option
from podberth.cli.manual import Page
from podberth.cni.errors import IOFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cli.session import Session
    from podberth.kube.client import Client
    from podberth.process.certificate import Source


@click.command(
    "webhook",
    cls=Page,
    short_help="Refuse wrong declarations in the Kubernetes API as they are made.",
    examples=(
        ("webhook --self-signed podberth-webhook.podberth-system", "Make and renew its certificate by itself."),
        ("webhook --cert /tls/tls.crt --key /tls/tls.key", "Serve with what cert-manager, or anybody, renews."),
        ("webhook --listen 127.0.0.1:9443 --cert a.crt --key a.key --kubeconfig admin.conf", "Try it by hand."),
    ),
    environment=(("KUBECONFIG", "Which API server, where nothing else says it; in a pod its service account."),),
)
@click.option(
    "--listen", metavar="HOST:PORT", default="0.0.0.0:9443", show_default=True, callback=host_port,
    help="Where the API server finds it, by HTTPS.",
)  # fmt: skip
@click.option("--cert", type=click.Path(dir_okay=False, path_type=Path), help="Its certificate chain, PEM.")
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), help="The certificate's key, PEM.")
@click.option(
    "--self-signed", "service", metavar="SERVICE.NAMESPACE",
    help="Make the certificate for that Service, keep it in the Secret SERVICE-tls, have the API server trust it.",
)  # fmt: skip
@click.option(
    "--configuration", metavar="NAME", default="podberth", show_default=True,
    help="With --self-signed: the ValidatingWebhookConfiguration that gets the caBundle.",
)  # fmt: skip
@click.option(
    "--own-pools", "own_pools", is_flag=True,
    help="Let PodNetworks in whose own pool the controller is to make (`controller --own-pools`).",
)  # fmt: skip
@kubeconfig_option
@namespace_option
@log_level_option
@click.pass_obj
def webhook(
    session: Session,
    listen: tuple[str, int],
    cert: Path | None,
    key: Path | None,
    service: str | None,
    configuration: str,
    own_pools: bool,
    kubeconfig: str,
    namespace: str,
    level: str,
) -> int:
    """Answer the API server's question whether a Pool, PodNetwork, AddressReservation, or a ConfigMap labelled
    podberth.io/policies=true, may be created, changed or deleted.

    What `podberth apply` would refuse is refused, in the same words, with every conflict. Pods start and end whether or
    not it runs; while it is away nothing of the above can be changed (docs/controller.md). It answers /validate,
    /healthz, /readyz and /metrics, takes up a renewed certificate by itself, and ends with SIGTERM.
    """
    from podberth.controller.webhook import Options, Webhook
    from podberth.process.certificate import BadCertificate
    from podberth.process.journal import Journal
    from podberth.process.signals import until_ended

    at = where(session, kubeconfig, namespace)
    options = Options(
        listen=listen,
        kubeconfig=at.kubeconfig,
        context=at.context,
        home=at.namespace,
        source=_source(cert, key, service, configuration),
        own_pools=own_pools,
    )
    try:
        return until_ended(lambda: Webhook(options, Journal(level).with_notices()))
    except BadCertificate as wrong:
        raise IOFailure(f"--cert, --key: {wrong}", "see that both are PEM, and of one key") from None
    except OSError as failure:
        raise IOFailure(f"--listen {listen[0]}:{listen[1]}: {failure}", "name another address or port") from failure


def _source(cert: Path | None, key: Path | None, service: str | None, configuration: str) -> Callable[[Client], Source]:
    from podberth.controller.certificate import SelfSigned
    from podberth.process.certificate import Files

    if service is not None and cert is None and key is None:
        name, dot, namespace = service.partition(".")
        if not dot or not name or not namespace or "." in namespace:
            raise Misuse(f"--self-signed: expected SERVICE.NAMESPACE, got {service!r}")
        return partial(SelfSigned, service=name, namespace=namespace, configuration=configuration)
    if cert is None or key is None or service is not None:
        raise Misuse("expected either --cert and --key, or --self-signed", "see `podberth webhook --help`")
    files = Files(cert, key)
    return lambda _: files
