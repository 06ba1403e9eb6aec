"""`podberth agent`: run the resident agent of this node."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.cli.listener import certificate_option, key_option, log_level_option, served
from podberth.cli.manual import Page
from podberth.cli.options import socket_option
from podberth.cni.errors import IOFailure
from podberth.outside import KUBELET

if TYPE_CHECKING:
    from podberth.agent.spans.target import Target
    from podberth.cli.session import Session
    from podberth.devices.service import Options as Given


@click.command(
    "agent",
    cls=Page,
    short_help="Serve this node's CNI calls from a process that stays.",
    examples=(
        ("agent", "Serve until SIGTERM; what runs then is finished."),
        ("agent --no-repair --check-interval 300", "Look for drift every five minutes, and only report it."),
        ("agent --log-level warning", "Say nothing of calls that succeed."),
    ),
    environment=(
        ("PODBERTH_SOCKET", "Where the agent listens, as --socket; the shim reads it too."),
        ("LISTEN_FDS, LISTEN_PID", "A socket handed on by systemd, or by the agent before: sd_listen_fds(3)."),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "Where spans go, as --spans, and the other OTEL_* of docs/agent.md."),
        ("PODBERTH_KUBELET", "The kubelet's folder, as --kubelet; a plugin without an agent reads it too."),
        ("NOTIFY_SOCKET", "Where systemd is told that the agent serves: sd_notify(3)."),
    ),
)
@socket_option("path", "Where the shim finds the agent.")
@click.option("--workers", type=click.IntRange(1, 256), default=8, show_default=True, help="Calls served at a time.")
@click.option(
    "--grace", type=click.FloatRange(0, 600), default=60.0, show_default=True, metavar="SECONDS",
    help="How long a stop waits for what is under way.",
)  # fmt: skip
@click.option(
    "--check-interval", "interval", type=click.FloatRange(1, 86400), default=60.0, show_default=True, metavar="SECONDS",
    help="How often every attachment is compared with the kernel.",
)  # fmt: skip
@click.option("--repair/--no-repair", default=True, show_default=True, help="Put right what was found different.")
@click.option(
    "--status-on", metavar="LIST", callback=lambda _context, _parameter, text: _choices(text),
    help="What STATUS fails for too, of disk, parent, store; the node is then NotReady (docs/cluster.md).",
)  # fmt: skip
@click.option(
    "--metrics", "address", metavar="HOST:PORT", callback=lambda _context, _parameter, text: _address(text),
    help="Answer GET /metrics, /healthz and /readyz there too; to anybody who can reach it. Without a host: loopback.",
)  # fmt: skip
@certificate_option
@key_option
@click.option(
    "--spans", "collector", metavar="URL",
    help="Send a span of each call to the OpenTelemetry collector there, at /v1/traces, as JSON.",
)  # fmt: skip
@click.option(
    "--devices", type=click.Path(path_type=Path), metavar="FILE",
    help="Serve the resources that the file names to the kubelet, as device plugins (docs/devices.md).",
)  # fmt: skip
@click.option(
    "--resource-prefix", "prefix", default="intel.com", show_default=True, metavar="DOMAIN",
    help="Of resources in the file that have none.",
)  # fmt: skip
@click.option(
    "--kubelet", "root", envvar=KUBELET, default="/var/lib/kubelet", show_default=True, metavar="DIR",
    help="The kubelet's folder.",
)  # fmt: skip
@log_level_option
@click.pass_obj
def agent(
    session: Session,
    path: Path,
    workers: int,
    grace: float,
    interval: float,
    *,
    repair: bool,
    status_on: frozenset[str],
    address: tuple[str, int] | None,
    cert: Path | None,
    key: Path | None,
    collector: str | None,
    devices: Path | None,
    prefix: str,
    root: str,
    level: str,
) -> int:
    """Serve CNI calls on this node: the shim in CNI_PATH hands each of them to this process over a socket.

    At the start it takes back what calls that never ended have left. From then on it serves calls, ends DELs that
    were answered, and compares what is recorded with the kernel. SIGTERM ends it once all calls under way are
    finished; SIGHUP replaces it by what is installed now, without losing a call. Needs root.

    With a ledger in the Kubernetes API it does not start on a machine whose name is no Node's, and never was.
    """
    from podberth.agent.service import Options, run
    from podberth.process.journal import Journal
    from podberth.stores.member import require_node

    require_node(session.state)
    options = Options(
        states=(session.state,),
        path=path,
        workers=workers,
        grace=grace,
        upkeep=interval,
        repairing=repair,
        metrics=address,
        certificate=served(cert, key),
        spans=_target(collector),
        status_on=status_on,
        devices=_devices(devices, prefix, root),
    )
    try:
        return run(options, Journal(level).with_notices())
    except OSError as failure:
        raise IOFailure(f"--socket {path}: {failure}", "run it as root, and one agent a node") from failure


def _devices(file: Path | None, prefix: str, root: str) -> Given | None:
    os.environ[KUBELET] = root  # networks ask the kubelet too, in this process
    if file is None:
        return None
    from podberth.devices.files import configuration
    from podberth.devices.service import Options

    configuration(file, prefix)  # a file that can't be read at all is better said now
    return Options(file=file.absolute(), prefix=prefix, root=root)


def _target(collector: str | None) -> Target | None:
    from podberth.agent.spans.target import BadTarget, target

    try:
        return target(os.environ, collector)
    except BadTarget as bad:
        raise click.UsageError(str(bad)) from bad


def _choices(text: str | None) -> frozenset[str]:
    from podberth.verbs.status import CHOICES

    named = frozenset(part.strip() for part in (text or "").split(",") if part.strip())
    if unknown := sorted(named - set(CHOICES)):
        raise click.BadParameter(f"expected some of {', '.join(CHOICES)}, got {unknown[0]!r}")
    return named


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"expected HOST:PORT, got {text!r}")
    return host.strip("[]"), int(port)
