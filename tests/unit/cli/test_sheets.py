"""`podberth export --csv` and `import csv`."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import AddressTaken
from podberth.cni.pod import PodRef
from podberth.ipam.lease import Keeping, Reservation
from podberth.policy.operation import Operation
from podberth.stores.sqlite import changes
from podberth.stores.sqlite.database import Database
from podberth.stores.transfer.sheet import read, sheet
from tests.moments import moment
from tests.unit.cli.node import MYSQL, PLUGIN, POOL, Operator

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "address,namespace,pod"


def test_a_sheet_s_addresses_are_reserved_by_hand(podberth: Operator) -> None:
    rows = (
        "Pod,Namespace,Address,Comment,Ifname",
        'web-0,bank,10.20.0.120,"by hand, 2026",net1',
        "web-1,bank,fd00:20::99,,",
    )
    text = "\ufeff" + "".join(f"{row}\r\n" for row in rows)
    file = podberth.file("sheet.csv", text)
    dry = podberth("import", "csv", file, "--dry-run")
    assert (dry.code, dry.out.splitlines()[-2:]) == (0, ["2 reservations", "dry run: nothing was changed"])
    for _ in range(2):
        made = podberth("import", "csv", file, "--json").json["reservations"]
        assert [(one["address"], one["pod"], one["ifname"], one["origin"]) for one in made] == [
            ("10.20.0.120", "bank/web-0", "net1", "manual"),
            ("fd00:20::99", "bank/web-1", "eth0", "manual"),
        ]


def test_what_is_reserved_is_a_sheet_that_can_be_taken_back(podberth: Operator) -> None:
    podberth("reserve", "bank/web-0", "10.20.0.120", "--ifname", "net1")
    sheet = podberth("export", "--csv").out
    assert sheet.splitlines()[0] == "address,pool,namespace,pod,ifname,origin"
    assert "10.20.0.120,db,bank,web-0,net1,manual" in sheet.splitlines()
    before = podberth("history", "--json").json
    podberth("import", "csv", podberth.file("sheet.csv", sheet))
    assert podberth("history", "--json").json == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected one column each"),
        ("address,pod\n", "expected one column each"),
        (f"{HEAD},pod\n", "expected one column each"),
        (f"{HEAD}\n10.20.0.120,bank\n", "line 2: expected as many columns"),
        (f"{HEAD}\n10.20.0.120,bank,web,more\n", "line 2: expected as many columns"),
        (f"{HEAD}\nnone,bank,web\n", "line 2: expected an IP address"),
        (f"{HEAD}\n10.20.0.120,../x,web\n", "line 2"),
        (f"{HEAD}\n10.20.0.120,bank,=cmd()\n", "line 2"),
        (f"{HEAD}\n10.99.0.1,bank,web\n", "no pool that has it"),
        (f"{HEAD},pool\n10.20.0.120,bank,web,none\n", "no pool none"),
        (f"{HEAD}\n10.20.0.1,bank,web\n", "gateway"),
        (f"{HEAD}\n10.20.0.11,bank,web\n", "reserved for bank/mysql-0"),
        (f"{HEAD}\n10.20.0.121,bank,web\n", "leased by bank/other"),
        (
            f"{HEAD}\n10.20.0.120,bank,a\n10.20.0.120,bank,b\n",
            "bank/a's (eth0) by line 2 and bank/b's",
        ),
        (f"{HEAD}\n10.20.0.120,Bank,web\n", "line 2: namespace: expected a name of lower-case"),
        (f"{HEAD}\n10.20.0.120,bank,Web\n", "line 2: pod: expected a name of lower-case"),
        (f"{HEAD}\n10.20.0.120,bank,deployment/Web\n", "line 2: pod: expected a name"),
        (f"{HEAD},origin\n10.20.0.120,bank,web,nobody\n", "line 2: origin: expected one of manual"),
        (f"{HEAD}\n10.20.0.120,bank,a\n10.20.0.122,bank,a\n", "one would never be used"),
        (f"{HEAD}\n10.20.0.120,bank,twice\n", "bank/twice has 10.20.0.140 of pool db reserved for eth0 already"),
        (f'{HEAD}\n"10.20.0.120,bank,a\n', "is no CSV"),
        (f"{HEAD}\n{'x' * 200_000},bank,a\n", "is no CSV"),
    ],
)
def test_a_row_that_does_not_fit_is_told_and_nothing_is_reserved(podberth: Operator, text: str, told: str) -> None:
    podberth.attach("bank/other", "10.20.0.121")
    podberth("reserve", "bank/twice", "10.20.0.140")
    good = "\n10.20.0.130,bank,good" if text.startswith(f"{HEAD}\n10") else ""
    before = podberth("history", "--json").json
    ended = podberth("import", "csv", podberth.file("sheet.csv", text.rstrip("\n") + good))
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert podberth("history", "--json").json == before


DEPLOYMENT = """\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: web}
spec:
  deployment: {name: web}
  attachments:
  - pool: db
    addresses: [10.20.0.70-10.20.0.73, "fd00:20::70"]
"""


def emptied(podberth: Operator, folder: Path) -> Operator:
    """Return an operator whose store has the same pools, and nobody's address."""
    other = Operator(folder / "other")
    other.apply(POOL)
    return other


def test_a_sheet_of_every_kind_of_owner_is_the_same_after_it_was_taken(podberth: Operator, tmp_path: Path) -> None:
    podberth.apply(DEPLOYMENT)
    podberth("reserve", "bank/web-0", "10.20.0.120", "--ifname", "net1")
    podberth("reserve", "bank/web-0", "fd00:20::99")
    stick(podberth, "Podman_1", "fd00:20::100", "10.20.0.130")
    sheet = podberth("export", "--csv").out
    for row in ("10.20.0.70,db,bank,deployment/web,eth0,declared", "10.20.0.130,db,bank,Podman_1,eth0,sticky"):
        assert row in sheet.splitlines()
    other = emptied(podberth, tmp_path)
    for _ in range(2):
        assert other("import", "csv", other.file("sheet.csv", sheet)).code == 0
        assert other("export", "--csv").out == sheet.replace(",declared\n", ",manual\n")
    other.apply(MYSQL, DEPLOYMENT)
    assert other("export", "--csv").out == sheet


@given(
    kept=st.lists(
        st.tuples(
            st.sampled_from(["manual", "declared", "sticky"]),
            st.from_regex(r"\A[a-z][a-z0-9]{0,8}\Z"),
            st.one_of(
                st.from_regex(r"\A[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?\Z"),
                st.from_regex(r"\Adeployment/[a-z0-9]{1,46}\Z"),
                st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,20}\Z"),
            ),
            st.sampled_from(["eth0", "net1", 'a"b', "ü,;'"]),
            st.integers(2, 250),
            st.booleans(),
        ),
        max_size=12,
        unique_by=lambda one: (one[4], one[5]),
    )
)
def test_what_is_written_on_a_sheet_is_read_from_it(kept: list[tuple[str, str, str, str, int, bool]]) -> None:
    reservations = [
        Reservation(
            address=ip_address(f"10.20.0.{n}" if four else f"fd00:20::{n:x}"),
            pool="db",
            pod=PodRef(namespace=namespace, name=name),
            ifname=ifname,
            origin=origin,
            since=1,
        )
        for origin, namespace, name, ifname, n, four in kept
    ]
    text, left_out = sheet(reservations)
    rows, complaints = read(text.encode(), "sheet")
    assert complaints == []
    assert len(rows) + len(left_out) == len(reservations)
    there = {one.address: one for one in reservations}
    for row in rows:
        own = there[row.address]
        assert (row.pool, row.pod, row.ifname, row.origin) == (own.pool, own.pod, own.ifname, own.origin)


def test_what_an_older_release_took_and_no_pod_can_use_is_left_out_and_told(podberth: Operator) -> None:
    with Database(str(podberth.state)).write() as connection:
        for address, name in (("10.20.0.150", "Web-0"), ("10.20.0.151", "web-0"), ("10.20.0.152", "web-0")):
            pod = PodRef(namespace="bank", name=name)
            changes.reserve(connection, "db", ip_address(address), pod, "eth0", "manual", PLUGIN, moment(podberth.now))
    ended = podberth("export", "--csv")
    assert "10.20.0.151,db,bank,web-0,eth0,manual" in ended.out.splitlines()
    assert [line.partition(":")[0] + line.partition(":")[2][:12] for line in ended.err.splitlines()] == [
        "left out 10.20.0.150",
        "left out 10.20.0.152",
    ]
    assert podberth("import", "csv", podberth.file("sheet.csv", ended.out)).code == 0


def test_a_sheet_is_reserved_as_a_whole_or_not_at_all(podberth: Operator, tmp_path: Path) -> None:
    """A second look finds an obstacle that came meanwhile, when half of the sheet is reserved already."""
    rows = [f"10.20.0.{120 + n},bank,web-{n}" for n in range(9)]
    keep = [
        Keeping(
            address=ip_address(row.split(",")[0]),
            pool="db",
            pod=PodRef(namespace="bank", name=f"web-{n}"),
            ifname="eth0",
        )
        for n, row in enumerate(rows)
    ]
    podberth.attach("bank/other", "10.20.0.125")
    before = podberth("history", "--json").json
    with pytest.raises(AddressTaken, match="leased by bank/other"):
        podberth.connect(str(podberth.state)).policies.operate(Operation(keep=tuple(keep)), PLUGIN, source="x")
    assert podberth("history", "--json").json == before


def stick(podberth: Operator, name: str, *addresses: str) -> None:
    """Have a pod, as a runtime calls it, have sticky addresses."""
    with Database(str(podberth.state)).write() as connection:
        for address in addresses:
            pod = PodRef(namespace="bank", name=name)
            changes.reserve(connection, "db", ip_address(address), pod, "eth0", "sticky", PLUGIN, moment(podberth.now))


def test_a_row_that_the_pool_keeps_for_others_needs_a_reason(podberth: Operator) -> None:
    kept = (
        "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: kept}\n"
        "spec: {subnets: [{subnet: 10.66.0.0/24}], allow: [{namespaces: [payments]}]}\n"
    )
    assert podberth("apply", "-f", podberth.file("kept.yaml", kept)).code == 0
    file = podberth.file("sheet.csv", f"{HEAD}\n10.66.0.10,payments,a\n10.66.0.11,bank,b\n10.20.0.120,bank,c\n")
    ended = podberth("import", "csv", file)
    assert (ended.code, "pool kept does not let namespace bank" in ended.err) == (1, True)
    assert podberth("history", "10.66.0.10").code == 3
    assert podberth("import", "csv", file, "--override", "CHG-7").code == 0
    (event,) = podberth("history", "10.66.0.11", "--json").json["events"]
    assert event["why"].endswith("; override: CHG-7")
    assert podberth("import", "csv", file).code == 0  # what is so already is asked about no more
