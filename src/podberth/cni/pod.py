"""Whose interface it is: the pod, and the attachment."""

from __future__ import annotations

from podberth.cni.value import value


@value
class PodRef:
    """A pod as a runtime names it in CNI_ARGS (K8S_POD_NAMESPACE, K8S_POD_NAME, K8S_POD_UID)."""

    namespace: str
    name: str
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@value
class Attachment:
    """One interface of one container on one network: the key of everything recorded (SPEC.md, section 2)."""

    network: str
    container_id: str
    ifname: str

    def __str__(self) -> str:
        return f"{self.network}/{self.container_id}/{self.ifname}"
