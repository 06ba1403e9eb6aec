"""Options of commands that stay: the certificate of their listener, and what goes into their log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.cli.failures import Misuse
from podberth.cni.errors import IOFailure
from podberth.process.journal import LEVELS

if TYPE_CHECKING:
    from podberth.process.certificate import Served

_FILE = click.Path(dir_okay=False, path_type=Path)

certificate_option = click.option(
    "--metrics-cert", "cert", type=_FILE, help="Answer at --metrics by HTTPS, with this certificate chain, PEM."
)
log_level_option = click.option(
    "--log-level", "level", type=click.Choice(LEVELS), default="info", show_default=True,
    help="What goes to stderr, as lines of JSON.",
)  # fmt: skip
key_option = click.option("--metrics-key", "key", type=_FILE, help="The key of --metrics-cert, PEM.")


def served(certificate: Path | None, key: Path | None) -> Served | None:
    """Return the certificate in these files, None without one. Misuse if one is missing, IOFailure if they won't do."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise Misuse("expected both --metrics-cert and --metrics-key, or neither", "name the other file too")
    from podberth.process.certificate import BadCertificate, Files, Served

    found = Served(Files(certificate, key))
    try:
        found.renew()
    except BadCertificate as wrong:
        raise IOFailure(f"--metrics-cert, --metrics-key: {wrong}", "see that both are PEM, and of one key") from None
    return found
