"""Reservations as the sheets that operators keep: CSV with a line of titles (RFC 4180)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import shown
from podberth.cni.pod import PodRef
from podberth.cni.value import value
from podberth.ipam.owner import may_have
from podberth.ipam.refusals import leased_by, reserved_for, same
from podberth.policy.usable import around, unusable
from podberth.stores.transfer.found import Obstacles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.ipam.lease import Reservation
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address

TITLES = ("address", "pool", "namespace", "pod", "ifname", "origin")
_NEEDED = ("address", "namespace", "pod")


@value
class Row:
    """One address for one pod's name; `pool` is '' where the sheet says none."""

    line: int
    address: Address
    pool: str
    pod: PodRef
    ifname: str

    def __str__(self) -> str:
        return f"{self.pod}'s ({self.ifname}) by line {self.line}"


def sheet(reservations: Iterable[Reservation]) -> str:
    """Return the sheet of the reservations."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(TITLES)
    for kept in reservations:
        rows.writerow((kept.address, kept.pool, kept.pod.namespace, kept.pod.name, kept.ifname, kept.origin))
    return text.getvalue()


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
        raise InvalidConfig(f"{what}: is no CSV in UTF-8: {wrong}") from None
    return rows, complaints


def fitting(rows: Iterable[Row], pools: Sequence[Pool], ledger: Ledger, complaints: Sequence[str]) -> list[Row]:
    """Return the rows, each with its pool. Obstacles say all that is in the way."""
    leases = {lease.address: lease for lease in ledger.leases()}
    kept = {reservation.address: reservation for reservation in ledger.reservations()}
    seen: dict[Address, Row] = {}
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
        elif owner is not None and not (same(owner.pod, row.pod) and owner.ifname == row.ifname):
            wrong.append(f"{reserved_for(owner).message}, but {row}")
        elif holder is not None and not (may_have(row.pod, holder.pod) and holder.attachment.ifname == row.ifname):
            wrong.append(f"{leased_by(holder).message}, but {row}")
        else:
            found.append(Row(line=row.line, address=row.address, pool=pool.name, pod=row.pod, ifname=row.ifname))
    if wrong:
        raise Obstacles(wrong)
    return found


def _row(raw: dict[Any, Any], line: int) -> Row:
    if any(not isinstance(text, str) for text in raw.values()):  # None if there are too few, a list if too many
        raise ValueError("expected as many columns as there are titles")
    said = {title: text.strip() for title, text in raw.items()}
    return Row(
        line=line,
        address=parsers.ip_address(said["address"]),
        pool=parsers.name(said["pool"]) if said.get("pool") else "",
        pod=PodRef(namespace=parsers.label(said["namespace"]), name=parsers.name(said["pod"])),
        ifname=parsers.ifname(said.get("ifname") or "eth0"),
    )
