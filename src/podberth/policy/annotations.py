"""What a pod's own annotation asks for. Pods may write anything there: sizes are bounded, everything is checked.

The runtime hands the annotations over (capability io.kubernetes.cri.pod-annotations); whether the pod may have what it
asks for is `authorise`'s business.
"""

from __future__ import annotations

from podberth.cni import strictjson
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.policy.attachment_document import parse_attachments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.policy.podnetwork import AttachmentPolicy

ANNOTATION = "podberth.io/network"
MAX_BYTES = 16 * 1024
MAX_ATTACHMENTS = 16
MAX_DEPTH = 8
_WHAT = f"pod annotation {ANNOTATION}"


def parse_annotation(text: str) -> tuple[AttachmentPolicy, ...]:
    """Return the attachments the pod asks for. InvalidConfig names the annotation and the field."""
    data = text.encode("utf-8", "replace")  # lone surrogates
    document = strictjson.loads(data, _WHAT, InvalidConfig, most=MAX_BYTES, depth=MAX_DEPTH)
    if not isinstance(document, list):
        raise InvalidConfig(f"{_WHAT}: expected a list of attachments, got {shown(document)}")
    try:
        found = parse_attachments(Fields({"attachments": document}), most=MAX_ATTACHMENTS)
    except InvalidConfig as wrong:
        raise InvalidConfig(f"{_WHAT}: {wrong.message}", wrong.details) from None
    own = next((i for i, policy in enumerate(found) if policy.own is not None), None)
    if own is not None:
        raise InvalidConfig(f"{_WHAT}: attachments[{own}].ownPool: no pod has a pool of its own", "use a PodNetwork")
    return found
