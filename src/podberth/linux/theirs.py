"""Rules of nf_tables that the CNI project's plugins make: looked for, taken away, and made for a node that goes back.

Its tables are shared: a rule's comment says whose it is. A table of theirs goes with its last commented rule.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from podberth.linux import ruleset
from podberth.linux.netlink import nft_rules
from podberth.linux.netlink.nft_rules import INET, IPV4, IPV6, Chain, Rule, Table
from podberth.linux.netlink.socket import NetlinkError
from podberth.linux.transactions import NONE_HERE, transact
from podberth.net.ops.ports import parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.nft import Request
    from podberth.linux.netlink.nft_rules import Found
    from podberth.net.ops import Address, AdoptMasquerade, AdoptPorts

_MASQUERADED, _POSTROUTING = "masq_checks", "postrouting"
MASQUERADE = Table(
    family=INET,
    name="cni_plugins_masquerade",
    chains=(
        Chain(name=_MASQUERADED),
        Chain(name=_POSTROUTING, kind="nat", hook=nft_rules.POSTROUTING, priority=nft_rules.SRCNAT),
    ),
    rules=(
        *(
            Rule(
                chain=_POSTROUTING,
                expressions=(
                    *nft_rules.of_version(multicast.version),
                    *nft_rules.to_network(multicast),
                    *nft_rules.returned(),
                ),
            )
            for multicast in (ip_network("224.0.0.0/4"), ip_network("ff00::/8"))
        ),
        Rule(chain=_POSTROUTING, expressions=nft_rules.go_to(_MASQUERADED)),
    ),
    comment="Masquerading for plugins from github.com/containernetworking/plugins",
)
HOSTPORTS, HOSTIP_HOSTPORTS, HOSTPORTS_ALL = "hostports", "hostip_hostports", "hostports_all"
MASQUERADING = "masquerading"
_HOOKS = (("prerouting", nft_rules.PREROUTING), ("output", nft_rules.OUTPUT))
PORTS = {
    version: Table(
        family=family,
        name="cni_hostport",
        chains=(
            Chain(name=HOSTPORTS),
            Chain(name=HOSTIP_HOSTPORTS),
            Chain(name=HOSTPORTS_ALL),
            *(Chain(name=name, kind="nat", hook=hook, priority=nft_rules.DSTNAT) for name, hook in _HOOKS),
            Chain(name=MASQUERADING, kind="nat", hook=nft_rules.POSTROUTING, priority=nft_rules.SRCNAT),
        ),
        rules=(
            *(Rule(chain=HOSTPORTS_ALL, expressions=nft_rules.jump(name)) for name in (HOSTIP_HOSTPORTS, HOSTPORTS)),
            *(
                Rule(chain=name, expressions=(*nft_rules.to_node(), *nft_rules.jump(HOSTPORTS_ALL)))
                for name, _ in _HOOKS
            ),
        ),
        comment="CNI portmap plugin",
    )
    for version, family in ((4, IPV4), (6, IPV6))
}
_LOCALHOST = ip_address("127.0.0.1")
_FROM_HOST = 33  # of a comment of MASQUERADE: the hashes of network and interface


def masquerade_rules(found: Iterable[Found], comment: str) -> list[Found]:
    """Return the attachment's rules of MASQUERADE: those whose comment begins as its own."""
    return [one for one in found if one.comment.startswith(comment[:_FROM_HOST])]


def rules_of(namespaces: Namespaces, table: Table) -> list[Found]:
    """Return all rules of a table; none without it, or without nf_tables."""
    try:
        return ruleset.rules_of(namespaces, table)
    except NetlinkError as refused:
        if refused.errno not in NONE_HERE:
            raise
        return []


def take_away(namespaces: Namespaces, table: Table, mine: Callable[[list[Found]], list[Found]]) -> None:
    """Take rules away, and the table with the last of its commented ones; nothing happens where there are none."""

    def wanted() -> list[Request]:
        found = rules_of(namespaces, table)
        gone = mine(found)
        handles = {one.handle for one in gone}
        if gone and not any(one.comment for one in found if one.handle not in handles):
            return [table.delete()]
        return [table.remove(one) for one in gone]

    if mine(rules_of(namespaces, table)):
        transact(namespaces, wanted)


def masquerade(namespaces: Namespaces, op: AdoptMasquerade) -> None:
    """Make the rules by which what the addresses send out of their subnets leaves with the node's own."""
    rules = [
        Rule(
            chain=_MASQUERADED,
            expressions=(
                *nft_rules.of_version(address.version),
                *nft_rules.from_address(address.ip),
                *nft_rules.to_network(address.network, but=True),
                *nft_rules.masquerade(),
            ),
            comment=op.comment,
        )
        for address in op.addresses
    ]
    _put(namespaces, MASQUERADE, rules)


def map_ports(namespaces: Namespaces, op: AdoptPorts) -> None:
    """Make the rules by which the node's ports lead to the addresses."""
    for address in op.addresses:
        _put(namespaces, PORTS[address.version], list(_mapped(op, address)))


def _mapped(op: AdoptPorts, address: Address) -> Iterator[Rule]:
    for protocol, host, host_port, port in map(parsed, op.ports):
        if host is not None and host.version != address.version:
            continue
        at = nft_rules.to_address(host) if host is not None else ()
        asked = (*at, *nft_rules.to_port(protocol, host_port), *nft_rules.dnat(address, port))
        yield Rule(chain=HOSTPORTS, expressions=asked, comment=op.container_id)
    if not op.masqueraded:
        return
    to = (*nft_rules.to_address(address), *nft_rules.masquerade())
    own = () if op.masquerade_all else nft_rules.from_address(address)
    yield Rule(chain=MASQUERADING, expressions=(*own, *to), comment=op.container_id)
    if address.version == 4:  # version 1.9.1 counts two of them, whatever is asked for
        near = (*nft_rules.from_address(_LOCALHOST), *to)
        yield Rule(chain=MASQUERADING, expressions=near, comment=op.container_id)


def _put(namespaces: Namespaces, table: Table, rules: list[Rule]) -> None:
    """Add the rules that are missing, to a table that is made if need be. Chains that have rules keep theirs."""

    def wanted() -> list[Request]:
        found = rules_of(namespaces, table)
        filled = {one.chain for one in found}
        own = [rule for rule in table.rules if rule.chain not in filled]
        missing = [rule for rule in rules if not any(one.is_one(rule) for one in found)]
        return [*table.frame(), *map(table.add, own), *map(table.add, missing)] if own or missing else []

    if rules:
        transact(namespaces, wanted)
