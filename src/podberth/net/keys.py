"""Keys that several types of plugins have in common, as the CNI project's have them. Pure."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.keys import BOOLEAN, NUMBER, OBJECT, TEXT, Key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def mtu(least: int) -> Callable[[object], int | None]:
    """Make a parser of MTUs; None for 0, which leaves it to the kernel."""

    def parse(raw: object) -> int | None:
        if raw == 0 and not isinstance(raw, bool):
            return None
        return parsers.integer(least, 65535)(raw)

    return parse


# RFC 791: every link carries 68 bytes.
MTU = Key(name="mtu", kind=NUMBER, read=mtu(68), what="Bytes. 0 leaves it to the kernel.")
IP_MASQ = Key(
    name="ipMasq", kind=BOOLEAN, read=parsers.boolean, default=False,
    what="What leaves the subnet has the node's address.",
)  # fmt: skip
IP_MASQ_BACKEND = Key(
    name="ipMasqBackend", kind=TEXT, read=parsers.choice("iptables", "nftables"),
    what="Read and not needed: rules are made in nf_tables, without nft or iptables.",
)  # fmt: skip
VF = Key(name="vf", kind=OBJECT, read=parsers.mapping, what="Which virtual functions will do.")
