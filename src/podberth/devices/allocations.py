"""What the kubelet says it has given to pods, read: by its API, and by the file it keeps for itself. Pure.

The API names pods, and no UIDs: a pod of a StatefulSet that was made anew has the name of the one before. The file has
UIDs, and no names. So the file is the proof of what the API says, where both are there.
"""

from __future__ import annotations

from podberth.cni import parsers, strictjson
from podberth.cni.errors import InvalidConfig, TryAgainLater
from podberth.cni.fields import Fields
from podberth.devices.health import Allocated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_BYTES = 1 << 24
_TEXT = parsers.string(max=512)


def of_answer(pods: Iterable[tuple[str, str, Iterable[tuple[str, Iterable[tuple[str, Iterable[str]]]]]]]) -> tuple[
    Allocated, ...
]:  # fmt: skip
    """Return what an answer of PodResources says.

    `pods`: (namespace, name, containers), a container (name, devices), and devices (resource, IDs).
    """
    return tuple(
        Allocated(device=device, resource=resource, namespace=namespace, name=name, container=container, place=place)
        for namespace, name, containers in pods
        for place, (container, given) in enumerate(containers)
        for resource, ids in given
        for device in ids
    )


def of_file(content: bytes) -> tuple[Allocated, ...]:
    """Return what kubelet_internal_checkpoint says. InvalidConfig if it can't be read.

    Until 1.19 the devices of a container are a list, and from then on lists by NUMA node.
    """
    where = "kubelet_internal_checkpoint"
    document = strictjson.loads(content, where, InvalidConfig, most=MOST_BYTES)
    data = Fields(document, where).child("Data") or Fields({})
    return tuple(each for entry in data.children("PodDeviceEntries", most=1 << 16) for each in _of_entry(entry))


def _of_entry(entry: Fields) -> Iterator[Allocated]:
    raw = entry.raw.get("DeviceIDs")
    lists = raw.values() if isinstance(raw, dict) else [raw]
    for listed in lists:
        for device in Fields({"DeviceIDs": listed}, entry.path).each("DeviceIDs", _TEXT):
            yield Allocated(
                device=device,
                resource=entry.required("ResourceName", _TEXT),
                uid=entry.required("PodUID", _TEXT),
                container=entry.get("ContainerName", _TEXT, ""),
            )


def proven(said: Iterable[Allocated], kept: Iterable[Allocated] | None, pod: str, uid: str) -> tuple[Allocated, ...]:
    """Return what the kubelet says of a pod, in an order that is no luck: by container, and then by address.

    `kept`: of the file, None if that can't be read. TryAgainLater if it has not given a device to the pod of this UID:
    then the answer was about a pod of the same name. The kubelet writes the file before it has the sandbox made.
    """
    found = tuple(sorted(said, key=lambda each: (each.place, each.device)))
    if kept is None or not uid:
        return found
    own = {(each.resource, each.device) for each in kept if each.uid == uid}
    other = next((each for each in found if (each.resource, each.device) not in own), None)
    if other is not None:
        raise TryAgainLater(
            f"the kubelet says that {pod} has {other.device} of {other.resource}, and its checkpoint has not given it"
            f" to UID {uid}",
            "another pod of the name may still be ending: the runtime tries again",
        )
    return found
