"""CNI_ARGS: 'K=V;K=V', in any order (SPEC.md section 2, "Parameters"; CONVENTIONS.md, "CNI_ARGS").

Every reader of the variable goes through this file. The rules are those of Go's library (containernetworking/cni,
pkg/types/args.go): a key may have any sign, as '/', a space or a letter of any script, and the last value of a key
counts. An empty last value takes back what was said before it: the caller names no pod, or wishes no address.

Two things are taken that Go's library refuses: a pair of nothing, as after a last ';', and a value with '=' in it.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidEnvironment
from podberth.cni.fields import Fields, shown
from podberth.cni.pod import PodRef, called
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.parsers import Address

MAX_LENGTH = 65536
NAMESPACE, NAME, UID = "K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_UID"
_KNOWN = frozenset(
    (
        *(NAMESPACE, NAME, UID, "K8S_POD_INFRA_CONTAINER_ID"),
        *("IP", "GATEWAY", "MAC", "deviceID", "IgnoreUnknown"),
    )
)


@value
class Args:
    """What the variable said. `ips` and `mac` are the caller's wishes; `infra_container_id` is the pod's sandbox.

    `lone_name` is the name of a pod whose namespace the caller left out, and `pod` is None then: the network may say
    which namespace that is. `uid` is the pod's. `device_id` is a device's name as it came.
    """

    pod: PodRef | None = None
    lone_name: str = ""
    uid: str = ""
    infra_container_id: str | None = None
    ips: tuple[Address, ...] = ()
    mac: str | None = None
    device_id: str | None = None

    @classmethod
    def parse(cls, raw: str) -> Args:
        """Read CNI_ARGS; InvalidEnvironment names the key at fault. A key without a value is as good as absent."""
        every = split(raw)
        for key in (NAMESPACE, NAME, UID):
            _require_one(key, every)
        fields = Fields({key: text or None for key, text in every}, "CNI_ARGS", InvalidEnvironment)
        unknown = [key for key in fields.raw if key not in _KNOWN]
        ignored = fields.get("IgnoreUnknown", _flag, False)
        if unknown and not ignored:
            names = ", ".join(key if _is_word(key) else shown(key) for key in unknown[:8])
            names += f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
            raise InvalidEnvironment(f"CNI_ARGS: unknown key {names}", "IgnoreUnknown=1 has unknown keys ignored")
        namespace = fields.optional(NAMESPACE, called)
        name, uid = fields.get(NAME, called, ""), fields.get(UID, parsers.identifier, "")
        return cls(
            pod=PodRef(namespace=namespace, name=name, uid=uid) if namespace and name else None,
            lone_name="" if namespace else name,
            uid=uid,
            infra_container_id=fields.optional("K8S_POD_INFRA_CONTAINER_ID", parsers.identifier),
            ips=fields.get("IP", _ips, ()),
            mac=fields.optional("MAC", parsers.mac),
            device_id=fields.optional("deviceID", parsers.string(max=256)),
        )


def split(raw: str) -> tuple[tuple[str, str], ...]:
    """Return every key with its value, in order, as often as it is there. InvalidEnvironment if these are no pairs."""
    if len(raw) > MAX_LENGTH:
        raise InvalidEnvironment(f"CNI_ARGS: expected at most {MAX_LENGTH} characters, got {len(raw)}")
    every: list[tuple[str, str]] = []
    for pair in raw.split(";"):
        key, sign, text = pair.partition("=")
        if not pair.strip():
            continue
        if not sign:
            raise InvalidEnvironment(f"CNI_ARGS: expected KEY=VALUE pairs, got {shown(pair)}")
        every.append((key, text))
    return tuple(every)


def pairs(raw: str) -> dict[str, str]:
    """Return each key with its last value. InvalidEnvironment if these are no pairs."""
    return dict(split(raw))


def readable(raw: str) -> dict[str, str]:
    """Return what `pairs` does, of as much as can be read: for those that tell of a call. It never raises."""
    return dict(pair.partition("=")[::2] for pair in raw[:MAX_LENGTH].split(";") if "=" in pair)


def _require_one(key: str, every: tuple[tuple[str, str], ...]) -> None:
    """Refuse a call that speaks of two pods: which of them has the address must not depend on an order."""
    different = tuple(dict.fromkeys(text for each, text in every if each == key and text))
    if len(different) > 1:
        raise InvalidEnvironment(
            f"CNI_ARGS: {key} is {' and '.join(map(shown, different[:2]))} in one call",
            "a call is about one pod: the runtime, or a plugin between, has to name one",
        )


def _is_word(key: str) -> bool:
    return 0 < len(key) <= 64 and key.isascii() and key.isprintable() and " " not in key


def _flag(raw: object) -> bool:
    word = raw.lower() if isinstance(raw, str) else ""
    if word not in ("1", "true", "0", "false"):
        raise ValueError(f"expected 1, true, 0 or false, got {shown(raw)}")
    return word in ("1", "true")


def _ips(raw: object) -> tuple[Address, ...]:
    return tuple(parsers.ip_request(part.strip()) for part in str(raw).split(",", 64))
