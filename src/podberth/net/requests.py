"""What a pod's annotation asks of a network, and the operator's rules about that: values."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import PodRef

ANY = "*"  # of a rule's requests: all


@value
class Rule:
    """Pods of the namespaces may ask for the named requests of the networks. Both are names, or patterns as 'team-*'.

    `networks` are definitions, as NAMESPACE/NAME. `requests` are keys of the annotation.
    """

    namespaces: tuple[str, ...]
    networks: tuple[str, ...]
    requests: tuple[str, ...]


@value
class Request:
    """The keys by which a pod asks for something of a network, and the rules that the operator has for that."""

    pod: PodRef
    network: str
    keys: tuple[str, ...]
    rules: tuple[Rule, ...]
