"""Live migrations of KubeVirt's virtual machines, as their pods show them. Pure.

The target's pod has the label `kubevirt.io/migrationJobUID` from the beginning. KubeVirt writes the annotation
`kubevirt.io/migration-target-ready-timestamp` once it has seen the guest run there (kubevirt.io/api/core/v1).
"""

from __future__ import annotations

from podberth.cni.fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

JOB = "kubevirt.io/migrationJobUID"  # label
READY = "kubevirt.io/migration-target-ready-timestamp"  # annotation


def is_target(pod: Mapping[str, object]) -> bool:
    """Say whether the pod waits for a guest that runs in another pod still."""
    return bool(_said(pod, "labels", JOB)) and not arrived(pod)


def arrived(pod: Mapping[str, object]) -> str:
    """Return since when the guest runs in the pod, in KubeVirt's words; '' if that is not known."""
    return _said(pod, "annotations", READY)


def _said(pod: Mapping[str, object], which: str, key: str) -> str:
    metadata = Fields(pod, "Pod").child("metadata")
    found = metadata.child(which) if metadata is not None else None
    said = found.raw.get(key) if found is not None else None
    return said[:64] if isinstance(said, str) and said.isprintable() else ""
