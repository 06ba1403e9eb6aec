"""`podberth controller`: bring declarations in force, release what nobody has any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.controller.where import host_port, kubeconfig_option, namespace_option, where
from podberth.cli.listener import certificate_option, key_option, log_level_option, served
from podberth.cli.manual import Page
from podberth.cni.errors import IOFailure

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cli.session import Session


@click.command(
    "controller",
    cls=Page,
    short_help="Bring a cluster's declarations in force, and clean up after nodes that died.",
    examples=(
        ("controller", "In a pod: as its service account, metrics on its loopback."),
        ("controller --grace 600", "Leave a pod that is gone ten minutes for its DEL to come."),
        ("controller --kubeconfig admin.conf --metrics 127.0.0.1:0", "Try it by hand."),
    ),
    environment=(("KUBECONFIG", "Which API server, where nothing else says it; in a pod its service account."),),
)
@kubeconfig_option
@namespace_option
@click.option(
    "--interval", type=click.FloatRange(0.1, 3600), default=15.0, show_default=True, metavar="SECONDS",
    help="Between two looks at everything.",
)  # fmt: skip
@click.option(
    "--grace", type=click.FloatRange(1, 86400), default=300.0, show_default=True, metavar="SECONDS",
    help="How long a lease stays: after it was bound, and after its pod was found gone from a ready node.",
)  # fmt: skip
@click.option(
    "--archive-interval", "archiving", type=click.FloatRange(1, 86400), default=3600.0, show_default=True,
    metavar="SECONDS", help="How often older events are moved out of AddressLease objects.",
)  # fmt: skip
@click.option(
    "--nearly-full", type=click.IntRange(1, 100), default=90, show_default=True, metavar="PERCENT",
    help="From which use on a pool is warned of.",
)  # fmt: skip
@click.option(
    "--publish-claims", "publishing", is_flag=True,
    help="Keep an IPAMClaim for each interface that has addresses reserved; it needs deploy/claims.",
)  # fmt: skip
@click.option(
    "--own-pools", "own_pools", is_flag=True,
    help="Make the pools of applications that come by kubectl (`ownPool`), and end them; it needs deploy/own-pools.",
)  # fmt: skip
@click.option(
    "--metrics", metavar="HOST:PORT", default="127.0.0.1:9090", show_default=True, callback=host_port,
    help="Where GET /metrics, /healthz and /readyz are answered; to anybody who can reach it.",
)  # fmt: skip
@certificate_option
@key_option
@log_level_option
@click.pass_obj
def controller(
    session: Session,
    kubeconfig: str,
    namespace: str,
    interval: float,
    grace: float,
    archiving: float,
    nearly_full: int,
    publishing: bool,
    own_pools: bool,
    metrics: tuple[str, int],
    cert: Path | None,
    key: Path | None,
    level: str,
) -> int:
    """Look after a cluster's ledger from one place. No pod waits for it: it may be away, or never be run.

    It reserves what PodNetworks and AddressReservations declare that came by kubectl, and ends what nobody declares any
    more; ends leases of pods that are gone, unless their node neither answers nor is fenced; acts on `retention`;
    writes status and events; moves older events into archives. Of several one acts, elected through a Lease. SIGTERM
    gives the lead back (docs/controller.md).
    """
    from podberth.controller.service import Controller, Options
    from podberth.controller.sweep import Settings
    from podberth.process.journal import Journal
    from podberth.process.signals import until_ended

    at = where(session, kubeconfig, namespace)
    options = Options(
        kubeconfig=at.kubeconfig,
        context=at.context,
        home=at.namespace,
        interval=interval,
        archiving=archiving,
        settings=Settings(grace=grace, nearly_full=nearly_full, publishing=publishing, own_pools=own_pools),
        metrics=metrics,
        certificate=served(cert, key),
    )
    try:
        return until_ended(lambda: Controller(options, Journal(level).with_notices()))
    except OSError as failure:
        raise IOFailure(f"--metrics {metrics[0]}:{metrics[1]}: {failure}", "name another address or port") from failure
