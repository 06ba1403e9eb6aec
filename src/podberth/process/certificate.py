"""The certificate that a listener has: taken up anew when its files, or whatever has it, change."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from podberth.process.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.process.reason import Reason

RENEWING = 30.0  # seconds between two looks


class BadCertificate(ValueError):
    """What there is can't be read, or is no certificate with its key."""


class Pair(NamedTuple):
    """Certificate chain and key, as PEM."""

    certificate: str
    key: str


class Source(Protocol):
    """Whatever has a certificate."""

    def pair(self) -> Pair:
        """Return what it has now."""


class Files:
    """A pair of PEM files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._paths = certificate, key

    def pair(self) -> Pair:
        """Return what the files have now. BadCertificate if they can't be read."""
        try:
            # What is not ASCII is a comment beside the certificates (RFC 7468, section 2).
            certificate, key = (path.read_text(encoding="ascii", errors="ignore") for path in self._paths)
        except (OSError, ValueError) as wrong:
            raise BadCertificate(str(wrong)) from None
        return Pair(certificate=certificate, key=key)


class Served:
    """The TLS context; `renew` has connections from then on use what the source has now."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._loaded: Pair | None = None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2

    def renew(self) -> bool:
        """Take what the source has now; say whether it is new. BadCertificate leaves the last good one in use."""
        pair = self._source.pair()
        if pair == self._loaded:
            return False
        with tempfile.TemporaryDirectory(prefix="podberth-") as folder:
            certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
            certificate.write_text(pair.certificate, encoding="ascii")
            key.touch(0o600)
            key.write_text(pair.key, encoding="ascii")
            try:
                # In a context of its own first: a half that fits would stay in the one that serves.
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
                self.context.load_cert_chain(certificate, key)
            except ssl.SSLError as wrong:
                raise BadCertificate(f"the certificate and its key can't be used: {wrong}") from None
        self._loaded = pair
        return True


def renewing(served: Served, told: Callable[[], object], failed: Callable[[Reason], object]) -> Loop:
    """Return the loop that takes up what is new, and tells."""

    def turn() -> float:
        if served.renew():
            told()
        return RENEWING

    return Loop("certificate", turn, failed)
