"""`podberth export --csv` and `import csv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator

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
        (f'{HEAD}\n"10.20.0.120,bank,a\n', "is no CSV"),
        (f"{HEAD}\n{'x' * 200_000},bank,a\n", "is no CSV"),
    ],
)
def test_a_row_that_does_not_fit_is_told_and_nothing_is_reserved(podberth: Operator, text: str, told: str) -> None:
    podberth.attach("bank/other", "10.20.0.121")
    good = "\n10.20.0.130,bank,good" if text.startswith(f"{HEAD}\n10") else ""
    before = podberth("history", "--json").json
    ended = podberth("import", "csv", podberth.file("sheet.csv", text.rstrip("\n") + good))
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert podberth("history", "--json").json == before


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
