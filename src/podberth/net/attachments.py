"""The node's own memory of its attachments. One protocol; SQLite keeps it whatever the ledger stands on."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.cni.pod import Attachment
    from podberth.net.record import Record, RecordKey
    from podberth.net.step import Step


class Attachments(Protocol):
    """Node-local, whatever the ledger stands on. What was written survives this process, however it ends.

    A loss of power it survives from `done` or `close` on: that takes with it what a record would have been needed for.
    """

    def probe(self) -> None:
        """Write as `open` and `done` would, to the disk, and change nothing. StoreFailed if that can't be done."""
        ...

    def open(self, record: Record) -> None:
        """Write the intent; replaces nothing: StoreFailed if its key, or its device, has a record."""
        ...

    def revise(self, key: RecordKey, steps: tuple[Step, ...]) -> None:
        """Replace the steps of the record, before the effect of those that are new."""
        ...

    def moved(self, record: Record) -> None:
        """Put the record in the place of the one of its key: its link is about to be in another namespace."""
        ...

    def done(self, key: RecordKey, indexes: Mapping[int, str] | None = None, *, durable: bool = True) -> None:
        """Mark the record as complete; `durable`: what was written before is on disk.

        `indexes`: of the links that its steps have made, each by the step's place; they are a part of the steps.
        A record of kernel state alone need not be: a loss of power takes both.
        """
        ...

    def removing(self, key: RecordKey, steps: tuple[Step, ...]) -> None:
        """Mark the record: its DEL is answered with these steps left to take back."""
        ...

    def find(self, key: RecordKey) -> Record | None:
        """Return the record of that key."""
        ...

    def of(self, attachment: Attachment) -> tuple[Record, ...]:
        """Return every record of the attachment, oldest first: one for each plugin of podberth's in its chain."""
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

    def close(self, *keys: RecordKey, durable: bool = True) -> None:
        """Forget the records; nothing happens where there is none. `durable` as with `done`."""
        ...

    def all(self, network: str | None = None, container_id: str | None = None) -> tuple[Record, ...]:
        """Return every record, or those of one network, or of one container, oldest first."""
        ...
