"""A certificate authority for the time of one test run, with keys on elliptic curves made by the `openssl` program."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """One authority and what it signed, as PEM files NAME.crt and NAME.key in a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.certificate = folder / f"{name}.crt"
        self._key = folder / f"{name}.key"
        files = ("-keyout", str(self._key), "-out", str(self.certificate))
        _openssl("req", "-x509", *CURVE, "-days", "2", "-subj", f"/CN=podberth test {name}", *files)

    def issue(self, name: str, user: str, *groups: str, hosts: str = "") -> tuple[Path, Path]:
        """Return certificate and key of a user in groups, or of a server on `hosts` ('IP:127.0.0.1,DNS:localhost')."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        purpose = "serverAuth" if hosts else "clientAuth"
        extensions.write_text(
            f"extendedKeyUsage={purpose}\n" + (f"subjectAltName={hosts}\n" if hosts else ""), encoding="ascii"
        )
        _openssl("req", "-new", *CURVE, "-subj", subject, "-keyout", str(key), "-out", str(request))
        signing = ("-CA", str(self.certificate), "-CAkey", str(self._key), "-CAcreateserial", "-days", "2")
        _openssl("x509", "-req", "-in", str(request), *signing, "-extfile", str(extensions), "-out", str(certificate))
        return certificate, key


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"openssl {arguments[0]} failed: {done.stderr}"
