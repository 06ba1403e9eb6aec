"""The node's own memory of its attachments. One protocol; SQLite keeps it whatever the ledger stands on."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment
    from podberth.net.record import Record
    from podberth.net.step import Step


class Attachments(Protocol):
    """Node-local, whatever the ledger stands on. What was written survives this process, however it ends.

    A loss of power it survives from `done` or `close` on: that takes with it what a record would have been needed for.
    """

    def probe(self) -> None:
        """Write as `open` and `done` would, to the disk, and change nothing. StoreFailed if that can't be done."""
        ...

    def open(self, record: Record) -> None:
        """Write the intent; replaces nothing: StoreFailed if the attachment, or its device, has a record."""
        ...

    def revise(self, attachment: Attachment, steps: tuple[Step, ...]) -> None:
        """Replace the steps of the attachment's record, before the effect of those that are new."""
        ...

    def done(self, attachment: Attachment) -> None:
        """Mark the attachment's record as complete."""
        ...

    def removing(self, attachment: Attachment, steps: tuple[Step, ...]) -> None:
        """Mark the attachment's record: its DEL is answered with these steps left to take back."""
        ...

    def find(self, attachment: Attachment) -> Record | None:
        """Return the attachment's record."""
        ...

    def holder(self, device: str) -> Record | None:
        """Return the record that speaks of the device with that PCI address: nobody else may have it meanwhile."""
        ...

    def labels(self) -> dict[str, tuple[str, ...]]:
        """Return the labels of this node's devices, by PCI address."""
        ...

    def label(self, device: str, labels: tuple[str, ...]) -> None:
        """Give the device exactly these labels; none takes them all away."""
        ...

    def close(self, *attachments: Attachment) -> None:
        """Forget the attachments; nothing happens where there is no record."""
        ...

    def all(self, network: str | None = None) -> tuple[Record, ...]:
        """Return every record, or those of one network, oldest first."""
        ...
