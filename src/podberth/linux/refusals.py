"""What the kernel refused, as an error that a runtime gets: with the errno's name, and what can be done about it."""

from __future__ import annotations

import errno

from podberth.cni.errors import KernelRefused
from podberth.net import ops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.ops import Op

_HINTS = {
    errno.EEXIST: "something of that name is there already; podberth does not touch what it has not made",
    errno.EPERM: "podberth needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN",
    errno.EOPNOTSUPP: "this node's kernel lacks the feature: `podberth doctor` lists what is missing",
    errno.ENODEV: "`ip link` lists the links there are",
    errno.ENETDOWN: "the link below, the parent, is down: `ip link set PARENT up`",
    errno.ENETUNREACH: "a route's gateway has to be in a subnet of the interface",
}


def translated(doing: str, refused: OSError, op: Op | None = None) -> KernelRefused:
    """Return what a runtime is told of a refusal, while `doing` what; `op` is the op that was to be brought about."""
    code = refused.errno or 0
    name = errno.errorcode.get(code, "no errno")
    hint = _HINTS.get(code, "`podberth doctor` says whether this node is fit")
    if isinstance(op, ops.AddRoute) and code == errno.EEXIST:
        hint = (
            "another interface of the pod has that route: `routes: []` in this one's pool or PodNetwork leaves it out"
        )
    return KernelRefused(f"{doing}: {refused.strerror or refused} ({name})", hint)
