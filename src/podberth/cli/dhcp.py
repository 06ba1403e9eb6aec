"""`podberth dhcp`: run the daemon that the IPAM plugin `dhcp` asks."""

from __future__ import annotations

import click

from podberth.cli.listener import log_level_option
from podberth.cli.manual import Page
from podberth.cni.errors import IOFailure


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    from podberth.dhcp.flags import seconds

    try:
        return seconds(text)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from None


@click.command(
    "dhcp",
    cls=Page,
    short_help="Get and renew the leases of pods whose addresses are a DHCP server's.",
    examples=(
        ("dhcp", "Serve until SIGTERM; leases stay, and the next daemon goes on with them."),
        ("dhcp --hostprefix /host", "In a container that has the host's root there."),
    ),
    environment=(("LISTEN_FDS, LISTEN_PID", "A socket handed on by systemd: sd_listen_fds(3)."),),
)
@click.option("--socketpath", "socket_path", metavar="PATH", default="/run/cni/dhcp.sock", show_default=True,
              help="Where plugins find the daemon, as their `daemonSocketPath`.")  # fmt: skip
@click.option("--pidfile", metavar="FILE", default="", help="Where the process says its ID.")
@click.option("--hostprefix", "host_prefix", metavar="DIR", default="", help="The folder that has the host's root.")
@click.option("--timeout", metavar="TIME", default="10s", show_default=True, callback=_seconds,
              help="The longest pause between two messages that nobody answers.")  # fmt: skip
@click.option("--resendmax", "resend_max", metavar="TIME", default="1m2s", show_default=True, callback=_seconds,
              help="The longest pause too, if it is shorter.")  # fmt: skip
@click.option("--resendtimeout", "resend_timeout", metavar="TIME", default="1m0s", show_default=True, callback=_seconds,
              help="How long an ADD looks for a server.")  # fmt: skip
@click.option("--broadcast", is_flag=True, help="Have servers broadcast their answers.")
@log_level_option
def dhcp(level: str, **flags: object) -> int:
    """Keep leases of DHCP for pods on this node: networks with "ipam": {"type": "dhcp"} need it.

    It is the same as `dhcp daemon` in the folder of plugins, and has the same options. Leases are in a folder beside
    the socket, and outlive the daemon. Needs root.
    """
    from podberth.dhcp.daemon import run
    from podberth.dhcp.flags import options
    from podberth.process.journal import Journal

    try:
        chosen = options(**flags)
    except ValueError as wrong:
        raise click.BadParameter(f"-{wrong}") from None
    try:
        return run(chosen, Journal(level).with_notices())
    except OSError as wrong:
        raise IOFailure(f"--socketpath {chosen.path}: {wrong}", "run it as root, and one daemon a socket") from wrong
