"""What the API server is told: the node's ResourceSlices, and what each claim has got (status.devices).

Slices of a new set have a new generation: all of them are made before the old ones go, so a scheduler that reads half
of them knows that it does (resource.k8s.io, ResourcePool). A set that was cut short goes before the next is begun: a
server that takes some slices and refuses others is not filled with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.dra.devices import Place, generation_of, same, slices, whole
from podberth.dra.driver import DRIVER
from podberth.kube.errors import Invalid, NotFound
from podberth.kube.resources import NODES, Resource
from podberth.kube.served import served

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podberth.dra.devices import Device
    from podberth.dra.prepared import Interface, Prepared
    from podberth.kube.client import Client

GROUP, VERSIONS = "resource.k8s.io", ("v1", "v1beta1")  # the newest first


def resource(plural: str, kind: str, version: str, *, namespaced: bool) -> Resource:
    """Return a resource of DRA in that version of the API."""
    return Resource(group=GROUP, version=version, plural=plural, kind=kind, namespaced=namespaced)


class Publisher:
    """Speaks with one API server, in the newest version that it serves."""

    def __init__(self, client: Client, node: str) -> None:
        self._client, self._node = client, node
        self._version = ""

    def claim(self, namespace: str, name: str) -> dict[str, Any]:
        """Return a ResourceClaim. CniError."""
        return self._client.get(self._claims(), name, namespace)

    def publish(self, found: Mapping[str, Device]) -> int:
        """Have the node's slices say which devices there are; return their generation. CniError."""
        about = resource("resourceslices", "ResourceSlice", self._served(), namespaced=False)
        fields = f"spec.nodeName={self._node}"
        try:
            there = self._client.list(about, fields=fields).items
        except Invalid:  # a server may not select by the field, as one that has the kind as a custom resource
            there = self._client.list(about).items
        every = [each for each in there if _is_own(each, self._node)]
        there = whole(every)
        place = Place(driver=DRIVER, node=self._node, uid=self._client.get(NODES, self._node)["metadata"]["uid"])
        generation = generation_of(every)
        self._delete(about, [each for each in every if each not in there])
        if there and same(there, slices(place, found, generation, self._served())):
            return generation
        for each in slices(place, found, generation + 1, self._served()):
            self._client.create(about, each)
        self._delete(about, there)
        return generation + 1

    def _delete(self, about: Resource, those: Iterable[Mapping[str, Any]]) -> None:
        for each in those:
            try:
                self._client.delete(about, each["metadata"]["name"])
            except NotFound:
                pass

    def tell(self, prepared: Prepared) -> None:
        """Write what a claim has got, all its devices at once: what an apply leaves out is taken away. CniError."""
        body = {
            "metadata": {"namespace": prepared.namespace, "name": prepared.name, "uid": prepared.uid},
            "status": {"devices": [_status(each) for each in prepared.interfaces]},
        }
        self._client.apply(self._claims(), body, manager=DRIVER, subresource="status")

    def _claims(self) -> Resource:
        return resource("resourceclaims", "ResourceClaim", self._served(), namespaced=True)

    def _served(self) -> str:
        """Return the newest version that the server has. NotFound if it has none."""
        if not self._version:
            every = [resource("resourceslices", "ResourceSlice", version, namespaced=False) for version in VERSIONS]
            try:
                self._version = served(self._client, every).version
            except NotFound:
                raise NotFound(
                    f"the API server has no {GROUP}/{' or /'.join(VERSIONS)}: Kubernetes has it from 1.32 on",
                    "until 1.33 it needs the feature gate DynamicResourceAllocation",
                ) from None
        return self._version


def _is_own(each: Mapping[str, Any], node: str) -> bool:
    spec = each.get("spec", {})
    return bool(spec.get("driver") == DRIVER and spec.get("nodeName") == node)


def _status(interface: Interface) -> dict[str, object]:
    data = {"interfaceName": interface.ifname, "hardwareAddress": interface.mac, "ips": list(interface.ips)}
    return {
        "driver": DRIVER,
        "pool": interface.pool,
        "device": interface.device,
        "networkData": {key: said for key, said in data.items() if said},
    }
