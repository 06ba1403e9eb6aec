"""How a plugin's configuration says that its device is one that the kubelet has given to the pod. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RESOURCE = "k8s.v1.cni.cncf.io/resourceName"  # an annotation of definitions; and a key of `args.cni`


def resource_of(conf: Mapping[str, object]) -> str:
    """Return of which resource the kubelet has given the device of a plugin's configuration; '' if it has not.

    The meta plugin writes that into `args.cni`, which other plugins pass over.
    """
    args = conf.get("args")
    said = args.get("cni") if isinstance(args, dict) else None
    named = said.get(RESOURCE) if isinstance(said, dict) else None
    return named if isinstance(named, str) else ""
