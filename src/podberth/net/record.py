"""An attachment's record: what was done to the network for it, so that it can be undone."""

from __future__ import annotations

from podberth.cni.value import value
from podberth.net.ops import device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import Attachment, PodRef
    from podberth.net.facts import NetnsId
    from podberth.net.step import Step
    from podberth.net.told import Told


@value
class Record:
    """One attachment's record. `done` is False from before the first effect until after the last (an intent).

    It is False again, and `removing` True, from when a DEL was answered until all has been taken back.

    `conf` is the network configuration it was made by, as JSON: what a changed PodNetwork is resolved against.
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

    @property
    def boot(self) -> str:
        """In which boot of the machine it was made; '' if that is not known, as in many a record of 0.1.0."""
        return next((boot for step in self.steps if (boot := step.before_of("boot"))), "")

    @property
    def device(self) -> str | None:
        """The PCI address of the virtual function that is the attachment's, if it has one."""
        return next((named for step in self.steps if (named := device(step.op)) is not None), None)
