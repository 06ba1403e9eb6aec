"""The kubelet's own file of what it has given to pods, by their UIDs. Nothing but Python's library is needed for it.

So a plugin without an agent, which has no gRPC, can know a pod's devices too.
"""

from __future__ import annotations

from podberth.cni.errors import CniError, TryAgainLater
from podberth.devices.allocations import MOST_BYTES, of_file
from podberth.process.log import notice
from podberth.process.reason import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.devices.health import Allocated

ROOT = "/var/lib/kubelet"
_NAME = "device-plugins/kubelet_internal_checkpoint"


def kept(root: str) -> tuple[Allocated, ...] | None:
    """Return what the file says; None if there is none that can be read. A kubelet that has given nothing has none."""
    path = f"{root}/{_NAME}"
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs a plugin some of its start
            return of_file(file.read(MOST_BYTES + 1))
    except OSError:
        return None
    except CniError as wrong:
        notice(reason(wrong, "the kubelet writes it anew with the next pod").within(path))
        return None


def of_pod(root: str, namespace: str, name: str, uid: str) -> tuple[Allocated, ...]:
    """Return the devices of a pod, by address. TryAgainLater if the file can't be read, or the pod's UID is not known.

    The kubelet writes it before it has the pod's sandbox made.
    """
    found = kept(root)
    if found is None or not uid:
        raise TryAgainLater(
            f"nobody says which devices the kubelet has given to {namespace}/{name}: "
            + ("the runtime has not sent the pod's UID" if found is not None else f"{root}/{_NAME} can't be read"),
            "start the agent, which asks the kubelet itself; the runtime tries again",
        )
    return tuple(sorted((each for each in found if each.uid == uid), key=lambda each: each.device))
