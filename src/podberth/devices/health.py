"""Whether the kubelet may give a function to a pod: a function of what is there, held and allocated. Pure.

The kubelet takes a device for free once its pod has ended. Here it is free once the pod's DEL has run. A device that
its own pod has stays healthy: the kubelet counts what pods have among what is healthy.
"""

from __future__ import annotations

from podberth.cni.value import value
from podberth.networks.allocation import resource_of as resource_said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.net.record import Record
    from podberth.net.vf import Vf

PLUGIN, NAMED, CHOSEN = "device plugin", "deviceID", "choice"


@value
class Allocated:
    """A device that the kubelet has given to a pod. `uid`: '' where it is not said. `place`: of the container."""

    device: str
    resource: str
    namespace: str = ""
    name: str = ""
    uid: str = ""
    container: str = ""
    place: int = 0


@value
class Device:
    """A function as the kubelet is shown it. `why`: what keeps it from being given, '' if nothing does."""

    id: str
    why: str = ""
    numa: int = -1

    @property
    def healthy(self) -> bool:
        """Whether it may be given."""
        return not self.why


def way(record: Record) -> str:
    """Return by which way a record's function came: the kubelet's choice, somebody else's by name, or podberth's own.

    A declaration that names a function is podberth's choice too: `vf` is its selector.
    """
    conf = record.fields.raw
    if resource_of(record):
        return PLUGIN
    offered = conf.get("runtimeConfig")
    named = conf.get("deviceID") or (offered.get("deviceID") if isinstance(offered, dict) else None)
    return NAMED if named else CHOSEN


def resource_of(record: Record) -> str:
    """Return of which resource the kubelet has given the record's function; '' if it has not, as far as is known."""
    return resource_said(record.fields.raw)


def forfeited(record: Record, allocated: Iterable[Allocated] | None) -> bool:
    """Say whether the kubelet has taken the record's function back: it had given it, and the pod has it no more.

    `allocated`: None if the kubelet could not be asked. Then nothing is known, and nothing is taken from anybody.
    """
    return allocated is not None and bool(resource_of(record)) and not _is_its_own(record, allocated)


def device(
    vf: Vf, record: Record | None, allocated: Iterable[Allocated] | None, *, deaf: str = "", unusable: str = ""
) -> Device:
    """Return a function as the kubelet is shown it.

    `record`: of who holds it. `allocated`: what the kubelet has given of it, None if it could not be asked. `deaf`:
    why the PF carries nothing, '' if it does. `unusable`: why nobody can have it, if nobody holds it.
    """
    return Device(id=vf.address, why=_why(vf, record, allocated, unusable or deaf), numa=vf.numa)


def _why(vf: Vf, record: Record | None, allocated: Iterable[Allocated] | None, unusable: str) -> str:
    given = None if allocated is None else tuple(each for each in allocated if each.device == vf.address)
    if record is not None:
        kubelets = bool(resource_of(record))
        if _is_its_own(record, given) if given is not None else kubelets:
            return ""
        holder = f"{record.pod or record.attachment} as {record.attachment.ifname}"
        return f"its DEL has not run: {holder}" if kubelets else f"held by {holder}, and not by the kubelet's choice"
    return "" if given else unusable


def _is_its_own(record: Record, given: Iterable[Allocated]) -> bool:
    """Say whether the pod of the record is one that the kubelet has given the function to."""
    pod = record.pod
    return pod is not None and any(
        each.device in record.devices
        and ((pod.uid != "" and pod.uid == each.uid) or (pod.namespace, pod.name) == (each.namespace, each.name))
        for each in given
    )
