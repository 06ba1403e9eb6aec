"""CNI_ARGS: 'K=V;K=V', in any order (SPEC.md section 2, "Parameters"; CONVENTIONS.md, "CNI_ARGS")."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidEnvironment
from podberth.cni.fields import Fields, shown
from podberth.cni.pod import PodRef
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.parsers import Address

MAX_LENGTH = 65536
_KNOWN = frozenset(
    (
        *("K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_UID", "K8S_POD_INFRA_CONTAINER_ID"),
        *("IP", "MAC", "deviceID", "IgnoreUnknown"),
    )
)


@value
class Args:
    """What the variable said. `ips` and `mac` are the caller's wishes; `infra_container_id` is the pod's sandbox.

    `device_id` is a device's name as it came: what names are good is for who uses devices to say.
    """

    pod: PodRef | None = None
    infra_container_id: str | None = None
    ips: tuple[Address, ...] = ()
    mac: str | None = None
    device_id: str | None = None

    @classmethod
    def parse(cls, raw: str) -> Args:
        """Read CNI_ARGS; InvalidEnvironment names the key at fault. A key without a value is as good as absent."""
        fields = Fields(pairs(raw), "CNI_ARGS", InvalidEnvironment)
        unknown = [key for key in fields.raw if key not in _KNOWN]
        ignored = fields.get("IgnoreUnknown", _flag, False)
        if unknown and not ignored:
            names = ", ".join(key if len(key) <= 64 else shown(key) for key in unknown[:8])
            names += f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
            raise InvalidEnvironment(f"CNI_ARGS: unknown key {names}", "IgnoreUnknown=1 has unknown keys ignored")
        return cls(
            pod=_pod(fields),
            infra_container_id=fields.optional("K8S_POD_INFRA_CONTAINER_ID", parsers.identifier),
            ips=fields.get("IP", _ips, ()),
            mac=fields.optional("MAC", parsers.mac),
            device_id=fields.optional("deviceID", parsers.string(max=256)),
        )


def pairs(raw: str) -> dict[str, object]:
    """Return the keys and values, None for an empty one, in order. InvalidEnvironment if these are not pairs."""
    if len(raw) > MAX_LENGTH:
        raise InvalidEnvironment(f"CNI_ARGS: expected at most {MAX_LENGTH} characters, got {len(raw)}")
    found: dict[str, object] = {}
    for pair in raw.split(";"):
        key, sign, text = pair.partition("=")
        if not pair.strip():
            continue
        if not sign or not (key.isascii() and key.replace("_", "").replace(".", "").replace("-", "").isalnum()):
            raise InvalidEnvironment(f"CNI_ARGS: expected KEY=VALUE pairs, got {shown(pair)}")
        if key in found:
            raise InvalidEnvironment(f"CNI_ARGS: the key {shown(key)} is there twice")
        found[key] = text or None
    return found


def _pod(fields: Fields) -> PodRef | None:
    namespace = fields.optional("K8S_POD_NAMESPACE", _pod_name)
    name = fields.optional("K8S_POD_NAME", _pod_name)
    uid = fields.optional("K8S_POD_UID", parsers.identifier)
    if namespace is None and name is None:
        return None
    if namespace is None or name is None:
        here, missing = ("K8S_POD_NAME", "K8S_POD_NAMESPACE") if name else ("K8S_POD_NAMESPACE", "K8S_POD_NAME")
        raise fields.fail(missing, f"required beside {here}")
    return PodRef(namespace=namespace, name=name, uid=uid or "")


def _pod_name(raw: object) -> str:
    """Return a pod's or namespace's name; runtimes other than Kubernetes also use capitals and '_', as podman did."""
    found = parsers.identifier(raw)
    if ".." in found:
        raise ValueError(f"expected a name without '..', got {shown(found)}")
    return found


def _flag(raw: object) -> bool:
    word = raw.lower() if isinstance(raw, str) else ""
    if word not in ("1", "true", "0", "false"):
        raise ValueError(f"expected 1, true, 0 or false, got {shown(raw)}")
    return word in ("1", "true")


def _ips(raw: object) -> tuple[Address, ...]:
    return tuple(parsers.ip_request(part.strip()) for part in str(raw).split(",", 64))
