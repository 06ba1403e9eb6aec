"""`podberth release`: reservations made by hand, and sticky ones, end: one, or many as one operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.failures import Misuse, NotFound
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import ADDRESS, NAMESPACE, POOL, dry_run_option, json_option
from podberth.cli.progress import progress
from podberth.cli.reading import contents
from podberth.cli.screen import UNCHANGED, Cell, columns
from podberth.cli.session import actor, asking
from podberth.cli.text import counted
from podberth.desk import rows
from podberth.desk.form import json_form
from podberth.ipam.owner import is_claim
from podberth.policy.operation import Operation
from podberth.policy.permit import OPERATOR, RELEASE, Releasing, permit
from podberth.stores.transfer.sheet import read, releasing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.ipam.lease import Reservation
    from podberth.net.ops import Address
    from podberth.verbs.node import Node


@click.command(
    "release",
    cls=Page,
    short_help="End reservations made by hand, or sticky ones.",
    exits={3: EXITS[3]},
    examples=(
        ("release 10.20.0.11", "Give the address back to its pool; a pod that has it now keeps it until DEL."),
        ("release --namespace payments --pool db --dry-run", "Which reservations of a namespace would end?"),
        ("release --pool db", "All of a pool, but what PodNetworks declare: all of them end, or none."),
        ("release --csv gone.csv", "Those of a sheet, as `export --csv` writes it."),
    ),
)
@click.argument("address", type=ADDRESS, required=False)
@click.option("--csv", "file", metavar="FILE|-", type=click.Path(allow_dash=True), help="Those of a sheet.")
@click.option("--pool", type=POOL, help="All of this pool.")
@click.option("--namespace", type=NAMESPACE, help="All of this namespace's pods; with --pool, only of that pool.")
@dry_run_option
@json_option
@click.pass_obj
def release(
    session: Session, address: Address | None, file: str | None, pool: str | None, namespace: str | None, *,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """End a reservation made by hand, or a sticky one; or many of them, all or none.

    One that a PodNetwork declares is refused: change or delete the PodNetwork. With --pool or --namespace those stay,
    and are counted. On a sheet each row has to be the reservation that there is: every other one is listed, and
    nothing ends.
    """
    ways = (address is not None, file is not None, pool is not None or namespace is not None)
    if sum(ways) != 1:
        raise Misuse("expected an ADDRESS, --csv, or --pool and --namespace", "see `podberth release --help`")
    node = session.node
    if address is not None and not dry_run:
        _one(session, node, address, as_json=as_json)
        return
    if pool is not None and node.policies.pool(pool) is None:
        raise NotFound(f"there is no pool {pool}", "`podberth pool` lists the pools")
    chosen, stay = _chosen(node, address, file, pool, namespace)
    _permitted(chosen)
    ended: Sequence[Reservation] = chosen
    if not dry_run and chosen:
        by = actor(node, f"release {_words(file, pool, namespace)}")
        whole = Operation(release=tuple(kept.address for kept in chosen))
        with progress(len(chosen)) as told:
            ended = node.policies.operate(whole, by, source=by.why, told=told).released
    _show_many(session, ended, stay, dry_run=dry_run, as_json=as_json)


def _one(session: Session, node: Node, address: Address, *, as_json: bool) -> None:
    kept = next((one for one in node.ledger.reservations() if one.address == address), None)
    _permitted((kept,) if kept is not None else ())
    ended = node.ledger.release(address, actor(node, f"release {address}"))
    if ended is None:
        raise _nobody_s(address)
    session.show(
        as_json,
        {"reservation": json_form(rows.Reservation.of(ended))},
        lambda screen: screen.line(f"{ended.address} is no longer reserved for {ended.pod} {ended.ifname}"),
    )


def _chosen(
    node: Node, address: Address | None, file: str | None, pool: str | None, namespace: str | None
) -> tuple[tuple[Reservation, ...], int]:
    """Return the reservations that are to end, and how many of those meant PodNetworks and IPAMClaims keep."""
    there = node.ledger.reservations(pool=pool)
    if file is not None:
        rows, complaints = read(contents(file), "stdin" if file == "-" else file)
        return releasing(rows, there, complaints), 0
    if address is not None:
        found = tuple(kept for kept in there if kept.address == address)
        if not found:
            raise _nobody_s(address)
        return found, 0
    meant = [kept for kept in there if namespace in (None, kept.pod.namespace)]
    chosen = tuple(kept for kept in meant if kept.origin != "declared" and not is_claim(kept.pod))
    return chosen, len(meant) - len(chosen)


def _permitted(chosen: Sequence[Reservation]) -> None:
    for kept in chosen:
        refusal = permit(asking(), OPERATOR, RELEASE, Releasing(kept=kept))
        if refusal is not None:
            raise refusal


def _nobody_s(address: Address) -> NotFound:
    return NotFound(f"{address} is reserved for nobody", "`podberth get reservations` lists the reservations")


def _words(file: str | None, pool: str | None, namespace: str | None) -> str:
    named = (("--csv", file), ("--pool", pool), ("--namespace", namespace))
    return " ".join(f"{option} {said}" for option, said in named if said is not None)


def _show_many(session: Session, ended: Sequence[Reservation], stay: int, *, dry_run: bool, as_json: bool) -> None:
    def draw(screen: Screen) -> None:
        if ended:
            screen.table(
                columns("Address", "Pod", "Ifname", "Pool", "Origin"),
                [
                    [Cell(str(kept.address), "bold"), str(kept.pod), kept.ifname, kept.pool, kept.origin]
                    for kept in ended
                ],
            )
        screen.line(f"{counted(len(ended), 'reservation')} {'would end' if dry_run else 'ended'}")
        if stay:
            screen.line(f"{counted(stay, 'reservation')} of PodNetworks and IPAMClaims stay: change or delete those")
        if dry_run:
            screen.line(UNCHANGED)

    form = {"dry_run": dry_run, "released": [json_form(rows.Reservation.of(kept)) for kept in ended], "declared": stay}
    session.show(as_json, form, draw)
