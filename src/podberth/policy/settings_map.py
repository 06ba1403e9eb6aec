"""The settings of a cluster: a ConfigMap in podberth's own namespace, which nodes, controller and webhook follow. Pure.

It has the label of ConfigMaps that declare, so that whoever follows those hears of it, with the rights it has.
"""

from __future__ import annotations

from podberth.cni.fields import shown
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "podberth-settings"
POD_NETWORKS = "podNetworks"
_WORDS = ("operators", "tenants")


@value
class ClusterSettings:
    """`tenants`: a PodNetwork or an AddressReservation in the API is its namespace's word. `complaint`: what can't be
    read; then the narrower meaning counts."""

    tenants: bool
    complaint: str = ""


def read(config_map: Mapping[str, object]) -> ClusterSettings:
    """Return what the ConfigMap says; the default of what it does not."""
    data = config_map.get("data")
    said = data.get(POD_NETWORKS, "operators") if isinstance(data, dict) else "operators"
    if said in _WORDS:
        return ClusterSettings(tenants=said == "tenants")
    return ClusterSettings(
        tenants=True,
        complaint=f"{POD_NETWORKS}: expected {' or '.join(_WORDS)}, got {shown(said)}; PodNetworks count as tenants' "
        "until it is corrected",
    )


def source(namespace: str) -> str:
    """Return what messages call it."""
    return f"ConfigMap {namespace}/{NAME}"
