"""The record of one plugin call: what was done to the network for an attachment, so that it can be undone."""

from __future__ import annotations

import json

from podberth.cni.fields import Fields
from podberth.cni.value import value
from podberth.net.ops import device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podberth.cni.pod import Attachment, PodRef
    from podberth.net.facts import NetnsId
    from podberth.net.step import Step
    from podberth.net.told import Told


# Of one call alone, whoever the plugin is: what earlier plugins made, and what the runtime says of this pod.
OF_ONE_CALL = frozenset(("prevResult", "runtimeConfig", "ipamClaim"))


@value
class RecordKey:
    """Of which call of a plugin a record is. Each plugin of a chain that is podberth's has one for the attachment.

    `n` counts the records of the type for the attachment: a plugin is not told its place in the chain. `type` is '' in
    a record of 0.1.0 that does not say it.
    """

    attachment: Attachment
    type: str = ""
    n: int = 0

    def __str__(self) -> str:
        return str(self.attachment)


@value
class Record:
    """The record of one plugin call. `done` is False from before the first effect until after the last (an intent).

    It is False again, and `removing` True, from when a DEL was answered until all has been taken back.

    `conf` is the network configuration it was made by, as JSON: what a changed PodNetwork is resolved against.
    `leases`: the attachment's leases end with it. Another plugin of the chain leaves them alone.
    `told` is what the pod was told (`net.told`); empty if that is not known, as in a record of 0.1.0.
    """

    attachment: Attachment
    pod: PodRef | None
    netns: str
    netns_id: NetnsId
    steps: tuple[Step, ...]
    done: bool
    since: int  # ns since the epoch
    conf: str = ""
    removing: bool = False
    told: Told = ()
    type: str = ""
    n: int = 0
    leases: bool = True

    @property
    def key(self) -> RecordKey:
        """What it is found by."""
        return RecordKey(attachment=self.attachment, type=self.type, n=self.n)

    @property
    def fields(self) -> Fields:
        """The network configuration to be read; without a field if it was not kept, as of a record of 0.1.0."""
        return Fields(json.loads(self.conf) if self.conf else {})

    def made_by(self, conf: Mapping[str, object]) -> bool:
        """Say whether it was made by that network configuration, whatever else came with the call."""
        own = self.fields.raw
        return bool(own) and _lasting(own) == _lasting(conf)

    @property
    def boot(self) -> str:
        """In which boot of the machine it was made; '' if that is not known, as in many a record of 0.1.0."""
        return next((boot for step in self.steps if (boot := step.before_of("boot"))), "")

    @property
    def devices(self) -> tuple[str, ...]:
        """The PCI addresses of the virtual functions that are the attachment's: a bond has several."""
        return tuple(dict.fromkeys(named for step in self.steps if (named := device(step.op)) is not None))


def by_attachment(records: Iterable[Record]) -> dict[Attachment, tuple[Record, ...]]:
    """Return the records of each attachment, in the order they come."""
    found: dict[Attachment, tuple[Record, ...]] = {}
    for record in records:
        found[record.attachment] = (*found.get(record.attachment, ()), record)
    return found


def _lasting(conf: Mapping[str, object]) -> dict[str, object]:
    return {key: said for key, said in conf.items() if key not in OF_ONE_CALL}
