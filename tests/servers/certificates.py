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


LOOPBACK = "IP:127.0.0.1,DNS:localhost"


def dated(folder: Path, ca: Pair, name: str, first: str, last: str, *, hosts: str = LOOPBACK) -> Pair:
    """Have `ca` sign a certificate, valid from `first` to `last` (YYYYMMDDHHMMSSZ), for hosts; '' is a client's."""
    made = Pair(cert=str(folder / f"{name}.pem"), key=str(folder / f"{name}.key"))
    (folder / f"{name}.index").touch()
    (folder / f"{name}.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/{name}.index\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\n"
        + (f"subjectAltName={hosts}\n" if hosts else "extendedKeyUsage=clientAuth\n")
    )
    request = str(folder / f"{name}.csr")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key]
    for command in (
        ["req", "-new", *key, "-subj", f"/CN={name}", "-out", request],
        ["ca", "-batch", "-config", str(folder / f"{name}.cnf"), "-cert", ca.cert, "-keyfile", ca.key, "-notext",
         "-startdate", first, "-enddate", last, "-in", request, "-out", made.cert],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return made


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
