"""A CA, and what it signed for a server on loopback and for a client; made by openssl, valid for a day."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The paths of a certificate and its key, in PEM."""

    cert: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The CA signed the other two."""

    ca: Pair
    server: Pair
    client: Pair


def certificates(folder: Path, *addresses: str) -> Certificates:
    """Make them in `folder`; no two CAs are the same. The server's is good for `addresses` too."""
    ca = _made(folder, "ca")
    names = ["IP:127.0.0.1", "IP:::1", "DNS:localhost", *(f"IP:{address}" for address in addresses)]
    server = _made(folder, "server", ca, f"subjectAltName={','.join(names)}")
    return Certificates(ca=ca, server=server, client=_made(folder, "client", ca))


def _made(folder: Path, name: str, ca: Pair | None = None, *extensions: str) -> Pair:
    made = Pair(cert=str(folder / f"{name}.pem"), key=str(folder / f"{name}.key"))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "1", "-subj", f"/CN={name}", "-out", made.cert, "-keyout", made.key]
    for extension in extensions:
        command += ["-addext", extension]
    if ca is not None:
        command += ["-CA", ca.cert, "-CAkey", ca.key]
    subprocess.run(command, check=True, capture_output=True)
    return made
