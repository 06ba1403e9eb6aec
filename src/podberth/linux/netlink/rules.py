"""Requests about routing rules, and what the kernel says of one (linux/fib_rules.h). No I/O."""

from __future__ import annotations

from ipaddress import ip_network
from struct import Struct

from podberth.cni.value import value
from podberth.linux.netlink import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.ops import Address, Network

NEW, DEL, GET = 32, 33, 34  # RTM_NEWRULE and on
PROTOCOL = 0x70  # "p": the mark of rules that podberth made; Linux 4.17

_RULE = Struct("=BBBBBxxBI")  # struct fib_rule_hdr: family, dst and src length, tos, table, action, flags
_FAMILY = {4: 2, 6: 10}  # AF_INET, AF_INET6
_SRC, _TABLE, _PROTOCOL = 2, 15, 21  # FRA_*
_TO_TABLE = 1  # FR_ACT_TO_TBL


@value
class Rule:
    """A rule as the kernel shows it. `source` None: packets of any. `ours` is None where the kernel can't say it."""

    source: Network | None
    table: int
    ours: bool | None


def to_table(source: Address, table: int) -> bytes:
    """ip rule add (or del) from SOURCE lookup TABLE protocol 112."""
    header = _RULE.pack(_FAMILY[source.version], 0, source.max_prefixlen, 0, table if table < 256 else 0, _TO_TABLE, 0)
    mark = codec.attribute(_PROTOCOL, bytes([PROTOCOL]))
    return header + codec.attribute(_SRC, source.packed) + codec.u32(_TABLE, table) + mark


def every(version: int) -> bytes:
    """ip rule show (a dump)."""
    return _RULE.pack(_FAMILY[version], 0, 0, 0, 0, 0, 0)


def parse(body: bytes) -> Rule:
    """Read what follows the header of an RTM_NEWRULE."""
    _, _, length, _, table, _, _ = codec.header(_RULE, body)
    found = codec.attributes(body[_RULE.size :])
    source = ip_network((found[_SRC], length)) if _SRC in found else None
    ours = codec.number(found[_PROTOCOL]) == PROTOCOL if _PROTOCOL in found else None
    return Rule(source=source, table=codec.number(found.get(_TABLE), table), ours=ours)
