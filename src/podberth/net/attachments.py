"""The node's own memory of its attachments. One protocol; SQLite keeps it whatever the ledger stands on."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.net.record import Record


class Attachments(Protocol):
    """Durable before they return. Node-local, whatever the ledger stands on."""

    def open(self, record: Record) -> None:
        """Write the intent; replaces nothing: StoreFailed if the attachment has a record."""
        ...

    def done(self, attachment: Attachment) -> None:
        """Mark the attachment's record as complete."""
        ...

    def find(self, attachment: Attachment) -> Record | None:
        """Return the attachment's record."""
        ...

    def close(self, attachment: Attachment) -> None:
        """Forget the attachment; nothing happens if there is no record."""
        ...

    def all(self, network: str | None = None) -> tuple[Record, ...]:
        """Return every record, or those of one network, oldest first."""
        ...
