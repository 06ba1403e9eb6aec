"""Reservations as the sheets that operators keep: CSV with a line of titles (RFC 4180)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import shown
from podberth.cni.pod import PodRef, called
from podberth.cni.value import replace, value
from podberth.ipam.lease import Keeping
from podberth.ipam.owner import is_deployment, may_have, named
from podberth.ipam.refusals import has_one, leased_by, reserved_for, same
from podberth.policy.permit import IMPORT, OPERATOR, Reserving, permit
from podberth.policy.usable import around, unusable
from podberth.stores.transfer.found import Obstacles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.cni.errors import Refused
    from podberth.ipam.lease import Lease, Reservation
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address

TITLES = ("address", "pool", "namespace", "pod", "ifname", "origin")
_ORIGINS = ("manual", "declared", "sticky")
_NEEDED = ("address", "namespace", "pod")


@value
class Row:
    """One address for one pod's name; `pool` is '' where the sheet says none."""

    line: int
    address: Address
    pool: str
    pod: PodRef
    ifname: str
    origin: str

    @property
    def by_hand(self) -> bool:
        """Whether it is a pod's only address of its family there. What was declared or sticky may stand beside it."""
        return self.origin == "manual" and not is_deployment(self.pod)

    def __str__(self) -> str:
        return f"{self.pod}'s ({self.ifname}) by line {self.line}"


def sheet(reservations: Iterable[Reservation]) -> tuple[str, list[str]]:
    """Return the sheet of the reservations, and why each that `read` and `fitting` would refuse is not on it.

    Only what 0.1.0 took is refused: names that no pod can have, and a second address that its pod never gets.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(TITLES)
    complaints: list[str] = []
    places: dict[object, Reservation] = {}
    for kept in reservations:
        try:
            whose = _whose(kept.pod.namespace, kept.pod.name, kept.origin)
        except ValueError as wrong:
            complaints.append(f"{kept.address} ({kept.pod}): {wrong}")
            continue
        only = kept.origin == "manual" and not is_deployment(whose)
        if only and (first := places.setdefault(_place(kept), kept)) is not kept:
            complaints.append(f"{kept.address}: {has_one(first, kept.address).message}")
            continue
        rows.writerow((kept.address, kept.pool, kept.pod.namespace, kept.pod.name, kept.ifname, kept.origin))
    return text.getvalue(), complaints


def read(data: bytes, what: str) -> tuple[list[Row], list[str]]:
    """Return the rows of a sheet, and what of it can't be read. InvalidConfig if it is no sheet.

    Columns may be in any order; those without a title of ours are the operator's own, and read over.
    """
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        titles = [title.strip().lower() for title in reader.fieldnames or ()]
        missing = [title for title in _NEEDED if title not in titles]
        if missing or len(set(titles)) != len(titles):
            raise InvalidConfig(f"{what}: expected one column each of {', '.join(_NEEDED)}, got {shown(titles)}")
        reader.fieldnames = titles
        rows: list[Row] = []
        complaints: list[str] = []
        for raw in reader:
            try:
                rows.append(_row(raw, reader.line_num))
            except ValueError as wrong:
                complaints.append(f"{what}, line {reader.line_num}: {wrong}")
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise InvalidConfig(f"{what}: is no CSV in UTF-8: {wrong}", "save it as CSV with the encoding UTF-8") from None
    return rows, complaints


def fitting(
    rows: Iterable[Row],
    pools: Sequence[Pool],
    ledger: Ledger,
    complaints: Sequence[str],
    *,
    who: str,
    override: str = "",
) -> list[Row]:
    """Return the rows, each with its pool. Obstacles say all that is in the way.

    `who` asks; `override`: why that may be given away which a pool's rules keep for others.
    """
    leases = {lease.address: lease for lease in ledger.leases()}
    kept = {reservation.address: reservation for reservation in ledger.reservations()}
    by_hand = {_place(each): each for each in kept.values() if each.origin == "manual"}
    seen: dict[Address, Row] = {}
    places: dict[object, Row] = {}
    wrong = list(complaints)
    found: list[Row] = []
    for row in rows:
        other = seen.setdefault(row.address, row)
        pool = next(iter([p for p in pools if p.name == row.pool] if row.pool else around(pools, row.address)), None)
        holder, owner = leases.get(row.address), kept.get(row.address)
        if other is not row:
            wrong.append(f"{row.address} is {other} and {row}")
        elif pool is None:
            wrong.append(f"{row.address} ({row}): there is no pool {row.pool or 'that has it'}")
        elif why := unusable(pool, row.address):
            wrong.append(f"{row.address} ({row}) {why}")
        elif taken := _taken(row, owner, holder):
            wrong.append(taken)
        elif owner is None and row.by_hand and (place := _place(replace(row, pool=pool.name))) in by_hand:
            wrong.append(f"{has_one(by_hand[place], row.address).message} ({row})")
        elif row.by_hand and (first := places.setdefault(_place(replace(row, pool=pool.name)), row)) is not row:
            wrong.append(f"{first.address} and {row.address} are both {first} and {row}: one would never be used")
        elif owner is None and (refusal := _refused(row, pool, who, override)) is not None:
            wrong.append(f"{row.address} ({row}): {refusal.message}; {refusal.details}")
        else:
            found.append(replace(row, pool=pool.name))
    if wrong:
        raise Obstacles(wrong)
    return found


def _taken(row: Row, owner: Reservation | None, holder: Lease | None) -> str:
    """Return who else has the row's address, '' if nobody has."""
    if owner is not None and not (same(owner.pod, row.pod) and owner.ifname == row.ifname):
        return f"{reserved_for(owner).message}, but {row}"
    if holder is not None and not (may_have(row.pod, holder.pod) and holder.attachment.ifname == row.ifname):
        return f"{leased_by(holder).message}, but {row}"
    return ""


def keeping(row: Row) -> Keeping:
    """Return what a row that fits has reserved."""
    # What was declared is so again as soon as its PodNetwork is applied.
    origin = "sticky" if row.origin == "sticky" else "manual"
    return Keeping(address=row.address, pool=row.pool, pod=row.pod, ifname=row.ifname, origin=origin)


def releasing(
    rows: Iterable[Row], reservations: Iterable[Reservation], complaints: Sequence[str]
) -> tuple[Reservation, ...]:
    """Return the reservations that the rows name, to be released. Obstacles say all that is in the way."""
    kept = {each.address: each for each in reservations}
    wrong = list(complaints)
    found: dict[Address, Reservation] = {}
    for row in rows:
        owner = kept.get(row.address)
        if owner is None:
            wrong.append(f"{row.address} is reserved for nobody, but {row}")
        elif taken := _taken(row, owner, None):
            wrong.append(taken)
        elif row.pool not in ("", owner.pool):
            wrong.append(f"{row.address} is of pool {owner.pool}, but {row} it is of {row.pool}")
        elif owner.origin == "declared":
            wrong.append(f"{row.address} ({row}) is declared by a PodNetwork: change or delete that")
        else:
            found[row.address] = owner
    if wrong:
        raise Obstacles(wrong, "nothing was released")
    return tuple(found.values())


def _place(of: Row | Reservation) -> object:
    """Return what has one address that is reserved by hand: an interface of a pod, in a pool, of a family."""
    return of.pool, of.address.version, of.pod.namespace, of.pod.name, of.ifname


def _refused(row: Row, pool: Pool, who: str, override: str) -> Refused | None:
    change = Reserving(pool=pool, namespace=row.pod.namespace, address=row.address, override=override)
    return permit(who, OPERATOR, IMPORT, change)


def _row(raw: dict[Any, Any], line: int) -> Row:
    if any(not isinstance(text, str) for text in raw.values()):  # None if there are too few, a list if too many
        raise ValueError("expected as many columns as there are titles")
    said = {title: text.strip() for title, text in raw.items()}
    origin = said.get("origin") or "manual"
    if origin not in _ORIGINS:
        raise ValueError(f"origin: expected one of {', '.join(_ORIGINS)}, or nothing, got {shown(origin)}")
    return Row(
        line=line,
        address=parsers.ip_address(said["address"]),
        pool=parsers.name(said["pool"]) if said.get("pool") else "",
        pod=_whose(said["namespace"], said["pod"], origin),
        ifname=parsers.ifname(said.get("ifname") or "eth0"),
        origin=origin,
    )


def _whose(namespace: str, pod: str, origin: str) -> PodRef:
    """Return whose a row is. A sticky reservation has the name that a runtime called its pod by."""
    if origin == "sticky":
        return PodRef(namespace=called(namespace), name=called(pod))
    return named(namespace, pod)
