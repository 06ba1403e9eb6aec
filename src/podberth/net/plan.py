"""What a plugin answers with: what has to be done, and which interfaces the result will name."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Op
    from podberth.net.requests import Request


@value
class Made:
    """An interface of the result (SPEC.md section 5, ADD Success). What is None is read from the link once it is there.

    `netns` is the path of a pod's namespace, None for an interface of the node. `mtu` is said in the result if it was
    asked for; with `reads_mtu` as the link has it. `pci_id` is the PCI address of a virtual function. One that is not
    `there` is no link: whatever drives the function is in the pod.
    """

    name: str
    netns: str | None = None
    mac: str | None = None
    mtu: int | None = None
    reads_mtu: bool = False
    pci_id: str = ""
    there: bool = True


@value
class Plan:
    """`ops` in order. `interfaces` as the result names them; the one at the index `addressed` has the addresses.

    A plugin that works on what was made before it adds to that result. `readdressed` names interfaces of it, with their
    netns as in `Made`, whose MAC may be another by now. `end`: the pod's end as the result says it, where the plan has
    made gateways and routes out of the configuration. With `inherits` its own interface has the addresses of before.
    `requests`: what the pod's annotation asks for, where the operator has rules about that.
    """

    ops: tuple[Op, ...]
    interfaces: tuple[Made, ...] = ()
    addressed: int = -1
    readdressed: tuple[tuple[str, str | None], ...] = ()
    end: Endpoint | None = None
    inherits: bool = False
    requests: tuple[Request, ...] = ()
