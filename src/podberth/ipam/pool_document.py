"""The spec of a Pool document, read into a `Pool` and written back. Every rule names the field at fault."""

from __future__ import annotations

from ipaddress import ip_network

from podberth.cni import parsers
from podberth.cni.fields import shown
from podberth.cni.pod import parted
from podberth.ipam.pool import FOREVER, ConflictDetection, GatewayCheck, Grant, MadeFor, Pool, Span, Subnet
from podberth.ipam.versions import Feature
from podberth.net.settings_document import SETTINGS_KEYS, parse_settings, settings_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podberth.cni.errors import CniError
    from podberth.cni.fields import Fields
    from podberth.ipam.affinity import Affinity
    from podberth.net.ops import Address, Network

API_VERSION = "podberth.io/v1alpha1"
# Of a document's metadata; what a Kubernetes API adds is read over.
METADATA = ("name", "labels", "annotations", "uid", "resourceVersion", "generation", "creationTimestamp")
KEYS = (
    *("subnets", "allocation", "quarantine", "stickyRetention", "stickyReservations", "conflictDetection", "allow"),
    *("affinity", "gatewayCheck", "madeFor"),
    *SETTINGS_KEYS,
)
_SPANS = ("ranges", "exclude", "hold", "automatic")  # of a subnet
ALLOCATIONS = ("lowest", "leastRecentlyUsed")
MAX_RESERVATIONS = 1 << 20  # of one namespace in one pool, or sticky ones of a pool
MAX_QUARANTINE = 366 * 86400  # seconds
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PREFIXES = {4: (8, 32), 6: (64, 128)}  # lengths that a pool takes
# Blocks that no interface of a pod can be reached by (RFC 6890); 240.0.0.0/4 is left to those who use it inside.
_NOT_FOR_PODS = tuple(
    (ip_network(block), what)
    for block, what in (
        ("0.0.0.0/8", "the sender that does not know its address"),
        ("127.0.0.0/8", "loopback"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("::/127", "loopback and no address"),
        ("fe80::/10", "links only"),
        ("ff00::/8", "multicast"),
    )
)


def parse_pool(document: Fields) -> Pool:
    """Read a whole Pool document; the document's error names the field that is wrong."""
    metadata, fields = document.child("metadata"), document.child("spec")
    if metadata is None or fields is None:
        raise document.fail("spec" if metadata else "metadata", "required field is missing")
    metadata.only(METADATA)
    fields.only(KEYS)
    members = fields.children("subnets", most=256)
    subnets = tuple(_subnet(member) for member in members)
    if not subnets:
        raise fields.fail("subnets", "expected at least one subnet")
    for i, one in enumerate(subnets):
        for j, other in enumerate(subnets[:i]):
            if one.network.version == other.network.version and one.network.overlaps(other.network):
                raise members[i].fail("subnet", f"{one.network} overlaps subnets[{j}], {other.network}")
    settings = parse_settings(fields)
    if settings.mac not in (None, "fromAddress"):
        raise fields.fail("mac", f"{settings.mac!r} can't be every pod's MAC", "use `fromAddress`, or a PodNetwork")
    return Pool(
        name=metadata.required("name", parsers.name),
        subnets=subnets,
        allocation=fields.get("allocation", parsers.choice(*ALLOCATIONS), "lowest"),
        quarantine=fields.get("quarantine", seconds, 0),
        sticky_retention=fields.get("stickyRetention", retention(FOREVER), FOREVER),
        sticky_reservations=fields.optional("stickyReservations", parsers.integer(0, MAX_RESERVATIONS)),
        conflict_detection=_detection(fields),
        grants=_grants(fields),
        affinity=_affinity(fields),
        gateway_check=_gateway_check(fields, subnets),
        made_for=_made_for(fields),
        settings=settings,
    )


def pool_document(pool: Pool) -> dict[str, object]:
    """Return the document that `parse_pool` reads the same value from."""
    spec: dict[str, object] = {"subnets": [_subnet_document(subnet) for subnet in pool.subnets]}
    if pool.allocation != "lowest":
        spec["allocation"] = pool.allocation
    if pool.quarantine:
        spec["quarantine"] = pool.quarantine
    if pool.sticky_retention != FOREVER:
        spec["stickyRetention"] = pool.sticky_retention
    if pool.sticky_reservations is not None:
        spec["stickyReservations"] = pool.sticky_reservations
    if pool.conflict_detection is not None:
        detection = pool.conflict_detection
        spec["conflictDetection"] = {
            "onConflict": detection.on_conflict,
            "probes": detection.probes,
            "intervalMilliseconds": detection.interval_ms,
        }
    if pool.affinity is not None:
        from podberth.ipam.affinity_document import affinity_document

        spec["affinity"] = affinity_document(pool.affinity)
    if pool.gateway_check is not None:
        check = pool.gateway_check
        spec["gatewayCheck"] = {"probes": check.probes, "intervalMilliseconds": check.interval_ms}
    if pool.made_for is not None:
        made = pool.made_for
        spec["madeFor"] = {"pool": made.parent, "namespace": made.namespace, "podNetwork": made.podnetwork}
    if pool.grants:
        spec["allow"] = [_grant_document(grant) for grant in pool.grants]
    return {
        "apiVersion": API_VERSION,
        "kind": "Pool",
        "metadata": {"name": pool.name},
        "spec": {**spec, **settings_document(pool.settings)},
    }


def seconds(raw: object) -> int:
    """Return a duration in seconds: a whole number of them, or 90s, 10m, 2h, 1d."""
    number, unit = (raw, "s") if not isinstance(raw, str) else (raw[:-1], raw[-1:])
    if isinstance(raw, str) and raw.isascii() and raw.isdecimal():
        number, unit = raw, "s"
    if isinstance(number, str) and number.isascii() and number.isdecimal() and len(number) < 10 and unit in _UNITS:
        number = int(number) * _UNITS[unit]
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MAX_QUARANTINE:
        raise ValueError(f"expected seconds, or a duration as 90s, 10m, 2h, 1d, up to 366d; got {shown(raw)}")
    return number


def retention(*words: str) -> Callable[[object], str | int]:
    """Make a parser of what is one of the words, or a duration, in seconds."""

    def parse(raw: object) -> str | int:
        if isinstance(raw, str) and raw in words:
            return raw
        try:
            return seconds(raw)
        except ValueError:
            raise ValueError(f"expected {', '.join(words)}, or a duration as 24h, 7d; got {shown(raw)}") from None

    return parse


def span(raw: object) -> Span:
    """Return a range of addresses: FIRST-LAST, a CIDR block, or one address."""
    first, dash, last = raw.partition("-") if isinstance(raw, str) else ("", "", "")
    if dash:
        ends = parsers.ip_address(first.strip()), parsers.ip_address(last.strip())
    elif isinstance(raw, str) and "/" in raw:
        block = parsers.ip_network(raw)
        ends = block.network_address, block.broadcast_address
    else:
        ends = (parsers.ip_address(raw),) * 2
    if ends[0].version != ends[1].version or int(ends[0]) > int(ends[1]):
        raise ValueError(f"expected the first and last address of one family, got {shown(raw)}")
    return Span(first=ends[0], last=ends[1])


def _subnet(fields: Fields) -> Subnet:
    fields.only(("subnet", "gateway", "onLink", *_SPANS))
    network = fields.required("subnet", parsers.ip_network)
    shortest, longest = _PREFIXES[network.version]
    if not shortest <= network.prefixlen <= longest:
        raise fields.fail("subnet", f"expected a prefix length of {shortest}..{longest}, got /{network.prefixlen}")
    for block, what in _NOT_FOR_PODS:
        if network.version == block.version and network.overlaps(block):
            raise fields.fail("subnet", f"{network} overlaps {block}, which is for {what}")
    gateway, on_link = fields.optional("gateway", parsers.ip_address), fields.get("onLink", parsers.boolean, False)
    if gateway is not None:
        _require_reachable(fields, gateway, network, on_link=on_link)
    elif on_link:
        raise fields.fail("onLink", "has no meaning without a gateway", "say `gateway` too")
    return Subnet(network=network, gateway=gateway, on_link=on_link, **_spans(fields, network))


def _require_reachable(fields: Fields, gateway: Address, network: Network, *, on_link: bool) -> None:
    """Refuse a gateway that a pod could not reach. A link-local one is on every link (RFC 4291 section 2.5.6)."""
    if gateway.version != network.version:
        raise fields.fail("gateway", f"{gateway} is not an IPv{network.version} address, as {network} is")
    if gateway in network:
        if gateway in _edges(network):
            raise fields.fail("gateway", f"{gateway} is the network or broadcast address of {network}")
        return
    if gateway.version == 6 and gateway.is_link_local:
        if gateway == ip_network("fe80::/64").network_address:
            raise fields.fail(
                "gateway", f"{gateway} is every router's address (RFC 4291 section 2.6.1), and no one's own"
            )
        return
    if not on_link:
        raise fields.fail(
            "gateway", f"{gateway} is not in {network}", "`onLink: true` says that it is on the same link"
        )
    for block, what in _NOT_FOR_PODS:
        if gateway.version == block.version and gateway in block:
            raise fields.fail("gateway", f"{gateway} is in {block}, which is for {what}")


def _spans(fields: Fields, network: Network) -> dict[str, tuple[Span, ...]]:
    spans = {key: fields.each(key, span) for key in _SPANS}
    for key, members in spans.items():
        for i, member in enumerate(members):
            if member.first not in network or member.last not in network:
                raise _in_list(fields, key, i, f"{_span_text(member)} is not inside {network}")
    for i, member in enumerate(spans["ranges"]):
        for edge in _edges(network):
            if edge in member:
                raise _in_list(fields, "ranges", i, f"{_span_text(member)} has the network or broadcast address {edge}")
        for j, other in enumerate(spans["ranges"][:i]):
            if int(member.first) <= int(other.last) and int(other.first) <= int(member.last):
                raise _in_list(fields, "ranges", i, f"{_span_text(member)} overlaps ranges[{j}], {_span_text(other)}")
    return spans


def _in_list(fields: Fields, key: str, index: int, complaint: str) -> CniError:
    return fields.error(f"{fields.at(key)}[{index}]: {complaint}")


def _edges(network: Network) -> tuple[object, ...]:
    """IPv4's network and broadcast address (not of /31, RFC 3021); IPv6's subnet-router anycast address (RFC 4291)."""
    if network.prefixlen >= network.max_prefixlen - 1:
        return ()
    return (network.network_address, network.broadcast_address)[: 2 if network.version == 4 else 1]


def _detection(fields: Fields) -> ConflictDetection | None:
    child = fields.child("conflictDetection")
    if child is None:
        return None
    child.only(("onConflict", "probes", "intervalMilliseconds"))
    return ConflictDetection(
        on_conflict=child.get("onConflict", parsers.choice("refuse", "next"), "refuse"),
        probes=child.get("probes", parsers.integer(1, 10), 3),
        interval_ms=child.get("intervalMilliseconds", parsers.integer(10, 2000), 200),
    )


def _affinity(fields: Fields) -> Affinity | None:
    if fields.raw.get("affinity") is None:
        return None
    from podberth.ipam.affinity_document import parse_affinity  # most pools are for everybody

    return parse_affinity(fields, _pattern)


def _gateway_check(fields: Fields, subnets: Iterable[Subnet]) -> GatewayCheck | None:
    child = fields.child("gatewayCheck")
    if child is None:
        return None
    child.only(("probes", "intervalMilliseconds"))
    found = GatewayCheck(
        probes=child.get("probes", parsers.integer(1, 10), 3),
        interval_ms=child.get("intervalMilliseconds", parsers.integer(10, 2000), 200),
    )
    if not any(subnet.gateway is not None for subnet in subnets):
        raise fields.fail("gatewayCheck", "no subnet of the pool has a gateway", "name one, or leave it out")
    return found


def _made_for(fields: Fields) -> MadeFor | None:
    child = fields.child("madeFor")
    if child is None:
        return None
    child.only(("pool", "namespace", "podNetwork"))
    return MadeFor(
        parent=child.required("pool", parsers.name),
        namespace=child.required("namespace", parsers.label),
        podnetwork=child.required("podNetwork", parsers.name),
    )


def _grants(fields: Fields) -> tuple[Grant, ...]:
    if fields.raw.get("allow") == []:
        raise fields.fail("allow", "expected at least one rule", "leave it out to let every namespace use the pool")
    return tuple(_grant(member) for member in fields.children("allow", most=1024))


def _grant(fields: Fields) -> Grant:
    fields.only(("namespaces", "vlans", "addresses", "podRequests", "macs", "reservations", "ownPools"))
    namespaces = fields.each("namespaces", _pattern)
    if not namespaces:
        raise fields.fail("namespaces", "expected at least one namespace or pattern")
    return Grant(
        namespaces=namespaces,
        vlans=fields.each("vlans", _vlans),
        addresses=fields.each("addresses", span),
        pod_requests=fields.get("podRequests", parsers.boolean, False),
        macs=fields.each("macs", _octets),
        reservations=fields.optional("reservations", parsers.integer(0, MAX_RESERVATIONS)),
        own_pools=fields.optional("ownPools", parsers.integer(0, MAX_RESERVATIONS)),
    )


def _pattern(raw: object) -> str:
    found = parsers.string(max=127)(raw)
    cluster, bare = parted(found)
    if len(bare) > 63 or not all(c in "abcdefghijklmnopqrstuvwxyz0123456789-*" for c in bare):
        raise ValueError(f"expected a namespace, or a pattern with '*', got {shown(found)}")
    if cluster:
        parsers.label(cluster)
    return found


def _octets(raw: object) -> str:
    """Return the first octets of MACs, in lower case."""
    found = parsers.string(max=17)(raw).lower()
    octets = found.split(":")
    if len(octets) > 6 or not all(len(one) == 2 and set(one) <= set("0123456789abcdef") for one in octets):
        raise ValueError(f"expected the first octets of MACs, as '02:aa:bb', got {shown(raw)}")
    if int(octets[0], 16) & 1:
        raise ValueError(f"expected MACs of single stations, got {shown(raw)}, which begins those of groups")
    return found


def _vlans(raw: object) -> tuple[int, int]:
    tag = parsers.integer(0, 4094)
    if not isinstance(raw, str):
        return (tag(raw), tag(raw))
    ends = raw.split("-")
    if len(ends) not in (1, 2) or not all(end.isascii() and end.isdecimal() and len(end) <= 4 for end in ends):
        raise ValueError(f"expected a VLAN, or a range as '200-299', got {shown(raw)}")
    first, last = tag(int(ends[0])), tag(int(ends[-1]))
    if first > last:
        raise ValueError(f"expected the lower VLAN first, got {shown(raw)}")
    return (first, last)


def _subnet_document(subnet: Subnet) -> dict[str, object]:
    document: dict[str, object] = {"subnet": str(subnet.network)}
    if subnet.gateway is not None:
        document["gateway"] = str(subnet.gateway)
    if subnet.on_link:
        document["onLink"] = True
    for key in _SPANS:
        spans: Iterable[Span] = getattr(subnet, key)
        if spans:
            document[key] = [_span_text(member) for member in spans]
    return document


def _grant_document(grant: Grant) -> dict[str, object]:
    document: dict[str, object] = {"namespaces": list(grant.namespaces)}
    if grant.vlans:
        document["vlans"] = [first if first == last else f"{first}-{last}" for first, last in grant.vlans]
    if grant.addresses:
        document["addresses"] = [_span_text(member) for member in grant.addresses]
    if grant.pod_requests:
        document["podRequests"] = True
    if grant.macs:
        document["macs"] = list(grant.macs)
    if grant.reservations is not None:
        document["reservations"] = grant.reservations
    if grant.own_pools is not None:
        document["ownPools"] = grant.own_pools
    return document


def _span_text(member: Span) -> str:
    return str(member.first) if member.first == member.last else f"{member.first}-{member.last}"


def pool_needs(pool: Pool) -> frozenset[Feature]:
    """Return what a ledger has to allow before the pool's document is in it: older podberths read no such rules."""
    found = set()
    if any(":" in name for grant in pool.grants for name in grant.namespaces):
        found.add(Feature.CLUSTERS)
    if any(grant.macs or grant.reservations is not None for grant in pool.grants):
        found.add(Feature.GRANTS)
    if pool.sticky_reservations is not None:
        found.add(Feature.STICKY)
    outside = (subnet.gateway is not None and subnet.gateway not in subnet.network for subnet in pool.subnets)
    if any(subnet.on_link for subnet in pool.subnets) or any(outside):
        found.add(Feature.GATEWAYS)
    if pool.affinity is not None:
        found.add(Feature.AFFINITY)
    limited = any(grant.own_pools is not None for grant in pool.grants)
    if pool.made_for is not None or limited or any(subnet.automatic for subnet in pool.subnets):
        found.add(Feature.OWN_POOLS)
    if pool.gateway_check is not None:
        found.add(Feature.GATEWAY_CHECK)
    return frozenset(found)
