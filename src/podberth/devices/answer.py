"""What a container is given with its functions: variables, character devices, files about them. Pure."""

from __future__ import annotations

from podberth.cni.strictjson import dumps
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podberth.devices.resource import Resource
    from podberth.net.vf import Vf

VFIO = "/dev/vfio/vfio"  # of every container with a function of vfio-pci (Documentation/driver-api/vfio.rst)


@value
class Answer:
    """What the kubelet gives a container. `nodes`: character devices, read and written. `cdi`: names by CDI."""

    variables: tuple[tuple[str, str], ...]
    nodes: tuple[str, ...] = ()
    cdi: tuple[str, ...] = ()


def answer(resource: Resource, ids: Sequence[str], nodes: Mapping[str, tuple[str, ...]]) -> Answer:
    """Return what a container with these devices is given. `nodes`: the character devices of each, '' for none."""
    ids = sorted(dict.fromkeys(ids))
    found = tuple(dict.fromkeys(node for each in ids for node in nodes.get(each, ())))
    named = tuple(f"{resource.name}={each}" for each in ids if nodes.get(each)) if resource.cdi else ()
    about = {each: _about(resource, each, nodes.get(each, ())) for each in ids}
    return Answer(
        variables=((resource.variable, ",".join(ids)), (f"{resource.variable}_INFO", dumps(about))),
        nodes=() if resource.cdi else found,
        cdi=named,
    )


def _about(resource: Resource, device: str, nodes: Sequence[str]) -> dict[str, object]:
    """Return what `_INFO` says of one device, in the words of sriov-network-device-plugin."""
    found: dict[str, object] = {"generic": {"deviceID": device}}
    own = [node for node in nodes if node != VFIO]
    if VFIO in nodes and own:
        found["vfio"] = {"dev-mount": own[0], "mount": VFIO}
    elif own:
        found["uio"] = {"mount": own[0]}
    more = {key: text for at, texts in resource.info if at in ("*", device) for key, text in texts}
    return {**found, "extra_info": more} if more else found


def info(vf: Vf) -> str:
    """Return what that file says (device-info-spec 1.1)."""
    said = {"pci-address": vf.address, **({"pf-pci-address": vf.pf_address} if vf.pf_address else {})}
    said |= {"representor-device": vf.representor} if vf.representor else {}
    return dumps({"type": "pci", "version": "1.1.0", "pci": said})


def cdi_spec(resource: Resource, functions: Iterable[Vf], nodes: Mapping[str, tuple[str, ...]]) -> str:
    """Return the file that says what the names by CDI stand for (CDI specification 0.5.0); '' if there are none."""
    devices = [
        {"name": vf.address, "containerEdits": {"deviceNodes": [{"path": node, "permissions": "rw"} for node in those]}}
        for vf in functions
        if (those := nodes.get(vf.address, ()))
    ]
    return dumps({"cdiVersion": "0.5.0", "kind": resource.name, "devices": devices}) if devices else ""
