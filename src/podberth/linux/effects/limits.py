"""Whether a link has a rate limit already: podberth's marks are a root qdisc's handle, a filter's priority, an ifb."""

from __future__ import annotations

from podberth.linux.netlink import tc
from podberth.net.ops import LimitTransmit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.linux.namespaces import Namespaces
    from podberth.net.ops import LimitReceive


def present(namespaces: Namespaces, op: LimitTransmit | LimitReceive) -> bool:
    """Say whether podberth limits the link in this direction now, whatever the rate, or has an ifb of that name."""
    link, socket = namespaces.link(op.netns, op.ifname), namespaces.socket(op.netns)
    if not isinstance(op, LimitTransmit) and namespaces.link(op.netns, op.ifb) is not None:
        return True
    if link is None:
        return False
    if isinstance(op, LimitTransmit):
        bodies = (body for body in socket.dump(tc.GET_QDISC, tc.qdiscs()) if tc.index_of(body) == link.index)
        return any(found.ours and found.is_root for found in map(tc.parse_qdisc, bodies))
    return any(tc.parse_filter(body).ours for body in socket.dump(tc.GET_FILTER, tc.ingress_filters(link.index)))
