"""What a NetworkAttachmentDefinition comes to: a network's configuration (multi-net-spec 1.3, section 3.4). Pure."""

from __future__ import annotations

from podberth.cni import netlist, parsers
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.cni.value import value
from podberth.networks.allocation import RESOURCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podberth.cni.netlist import NetworkList


_MOST_RESOURCES = 8  # members that a bond can have


@value
class Definition:
    """A NetworkAttachmentDefinition. Without a `config` it stands for the node's own network of its name.

    `resource`: which devices of the kubelet's a pod needs for it, '' if none. A bond may have several, with commas.
    """

    namespace: str
    name: str
    config: str = ""
    resource: str = ""


def read(document: Mapping[str, object]) -> Definition:
    """Read the object as an API server has it. InvalidConfig names the field at fault."""
    fields = Fields(document, "NetworkAttachmentDefinition", InvalidConfig)
    metadata, spec = fields.section("metadata"), fields.child("spec")
    annotations = metadata.child("annotations")
    return Definition(
        namespace=metadata.required("namespace", parsers.label),
        name=metadata.required("name", parsers.name),
        config=spec.get("config", parsers.any_text, "") if spec is not None else "",
        resource=annotations.get(RESOURCE, _resources, "") if annotations is not None else "",
    )


def network(definition: Definition, own: Iterable[NetworkList]) -> NetworkList:
    """Return the network of the definition: as its config says, or else that of the node's `own` with its name.

    InvalidConfig if there is none; a fault of its configuration is raised with the definition's name.
    """
    what = f"NetworkAttachmentDefinition {definition.namespace}/{definition.name}"
    if not definition.config.strip():
        found = next((each for each in own if each.name == definition.name), None)
        if found is None:
            raise InvalidConfig(
                f"{what}: it has no config, and this node has no network {definition.name}",
                "write its configuration into `spec.config`, or put a file with that `name` into confDir on each node",
            )
        return found
    try:
        data = definition.config.encode("utf-8", "surrogatepass")
        return netlist.parse(data, name=definition.name)
    except CniError as wrong:
        raise type(wrong)(f"{what}: spec.config: {wrong.message}", wrong.details) from None


def _resources(raw: object) -> str:
    names = [part.strip() for part in parsers.string(max=512)(raw).split(",")]
    if names != [""] and ("" in names or len(names) > _MOST_RESOURCES):
        raise ValueError(f"expected 1 to {_MOST_RESOURCES} names of resources, with commas between, got {shown(raw)}")
    return ",".join(names)
