"""`podberth reserve` and `release`."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.node import Operator


def test_a_reservation_is_told_and_listed(podberth: Operator) -> None:
    ended = podberth("reserve", "bank/web-0", "10.20.0.30")
    assert (ended.code, ended.out) == (0, "10.20.0.30 of pool db is reserved for bank/web-0 eth0\n")
    row = next(row for row in podberth("get", "reservations").table if row[0] == "10.20.0.30")
    assert row[:5] == ["10.20.0.30", "bank/web-0", "eth0", "db", "manual"]


def test_the_json_of_a_reservation_has_all_of_it(podberth: Operator) -> None:
    made = podberth("reserve", "bank/web-0", "fd00:20::99", "--ifname", "net1", "--pool", "db", "--json").json
    since = made["reservation"].pop("since")
    assert since.startswith("2100-01-01T00:00:")
    assert made == {
        "reservation": {
            "address": "fd00:20::99",
            "pool": "db",
            "pod": "bank/web-0",
            "ifname": "net1",
            "origin": "manual",
        }
    }


def test_reserving_again_for_the_same_pod_changes_nothing(podberth: Operator) -> None:
    podberth("reserve", "bank/web-0", "10.20.0.30")
    before = podberth("history", "--json").json
    assert podberth("reserve", "bank/web-0", "10.20.0.30").code == 0
    assert podberth("history", "--json").json == before


def test_an_address_of_another_pod_is_refused_and_both_are_named(podberth: Operator) -> None:
    podberth("reserve", "bank/web-0", "10.20.0.30")
    ended = podberth("reserve", "bank/web-1", "10.20.0.30")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: 10.20.0.30 of pool db is reserved for bank/web-0")


def test_a_refusal_for_a_program_is_an_error_object_on_stdout(podberth: Operator) -> None:
    podberth("reserve", "bank/web-0", "10.20.0.30")
    ended = podberth("reserve", "bank/web-1", "10.20.0.30", "--json")
    assert (ended.code, ended.err) == (1, "")
    assert sorted(ended.json) == ["code", "details", "msg"]
    assert ended.json["code"] == 101


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (("reserve", "bank/web", "10.99.0.1"), 1, "no pool contains 10.99.0.1"),
        (("reserve", "bank/web", "10.20.0.1"), 1, "10.20.0.1"),
        (("reserve", "bank/web", "10.20.0.255"), 1, "10.20.0.255"),
        (("reserve", "bank/web", "10.20.0.30", "--pool", "none"), 3, "there is no pool none"),
        (("release", "10.20.0.30"), 3, "10.20.0.30 is reserved for nobody"),
        (("release", "10.20.0.11"), 1, "by a PodNetwork"),
    ],
)
def test_what_can_not_be_is_refused_with_a_reason(
    podberth: Operator, argv: tuple[str, ...], code: int, told: str
) -> None:
    before = podberth("history", "--json").json
    ended = podberth(*argv)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert podberth("history", "--json").json == before


def test_a_released_address_is_free_again(podberth: Operator) -> None:
    podberth("reserve", "bank/web-0", "10.20.0.30")
    ended = podberth("release", "10.20.0.30")
    assert (ended.code, ended.out) == (0, "10.20.0.30 is no longer reserved for bank/web-0 eth0\n")
    assert podberth("reserve", "bank/web-1", "10.20.0.30").code == 0
    assert podberth("release", "10.20.0.30", "--json").json["reservation"]["pod"] == "bank/web-1"


def test_the_ledger_knows_the_user_behind_sudo_and_the_command(
    podberth: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    podberth("reserve", "bank/web-0", "10.20.0.30")
    (event,) = podberth("history", "bank/web-0", "--json").json["events"]
    user = pwd.getpwuid(os.getuid()).pw_name
    assert (event["who"], event["why"], event["node"]) == (
        f"uid {os.getuid()} ({user}), sudo by alice",
        "reserve bank/web-0 10.20.0.30",
        "n1",
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Payments/web-0", "namespace: expected a name of lower-case letters"),
        ("payments/Web-0", "pod: expected a name of lower-case letters"),
        ("payments/web_0", "pod: expected a name"),
        ("pay.ments/web-0", "namespace: expected a name"),
        ("payments/-web", "pod: expected a name"),
        ("payments/", "pod: expected a name"),
        ("payments/deployment/Web", "expected a name"),
        (f"payments/deployment/{'w' * 47}", "Kubernetes cuts"),
        ("payments/set/web", "pod: expected a name"),
    ],
)
def test_a_name_that_no_pod_can_have_is_refused_with_its_field(podberth: Operator, name: str, told: str) -> None:
    before = podberth("history", "--json").json
    ended = podberth("reserve", name, "10.20.0.30")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert podberth("history", "--json").json == before


def test_a_deployment_can_have_an_address_reserved(podberth: Operator) -> None:
    assert podberth("reserve", "bank/deployment/web", "10.20.0.30").code == 0
    assert podberth("reserve", "bank/deployment/web", "10.20.0.31").code == 0


def test_a_second_address_that_its_pod_would_never_get_is_refused(podberth: Operator) -> None:
    podberth("reserve", "bank/web-0", "10.20.0.30")
    before = podberth("history", "--json").json
    ended = podberth("reserve", "bank/web-0", "10.20.0.31")
    assert (ended.code, ended.out) == (1, "")
    assert "bank/web-0 has 10.20.0.30 of pool db reserved for eth0 already (manual)" in ended.err
    assert "podberth release 10.20.0.30" in ended.err
    assert podberth("history", "--json").json == before
    assert podberth("reserve", "bank/mysql-0", "10.20.0.30").code == 1
    assert podberth("reserve", "bank/web-0", "fd00:20::99").code == 0
    assert podberth("reserve", "bank/web-0", "10.20.0.31", "--ifname", "net1").code == 0


KEPT = """
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: kept}
spec:
  subnets: [{subnet: 10.66.0.0/24}]
  allow: [{namespaces: [payments], addresses: [10.66.0.10-10.66.0.19]}]
"""


@pytest.mark.parametrize("argv", [("bank/a", "10.66.0.10"), ("payments/a", "10.66.0.20")])
def test_what_the_pool_keeps_for_others_needs_a_reason_that_the_ledger_keeps(
    podberth: Operator, argv: tuple[str, ...]
) -> None:
    assert podberth("apply", "-f", podberth.file("kept.yaml", KEPT)).code == 0
    assert podberth("reserve", "payments/x", "10.66.0.11").code == 0
    ended = podberth("reserve", *argv)
    assert (ended.code, ended.out) == (1, "")
    assert f"pool kept does not let namespace {argv[0].partition('/')[0]}" in ended.err
    assert "--override" in ended.err
    assert podberth("reserve", *argv, "--override", "CHG-7: moved").code == 0
    (event,) = podberth("history", argv[1], "--json").json["events"]
    assert event["why"] == f"reserve {argv[0]} {argv[1]}; override: CHG-7: moved"
    assert podberth("release", argv[1]).code == 0


@pytest.mark.parametrize("reason", ["", " ", "x" * 201, "a\nb"])
def test_a_reason_has_to_say_something(podberth: Operator, reason: str) -> None:
    ended = podberth("reserve", "bank/web-0", "10.20.0.30", "--override", reason)
    assert (ended.code, "expected a reason" in ended.err) == (2, True)
