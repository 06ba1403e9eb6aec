"""What the doctor says of which node this machine is: its own word, the registered one, copies and twins."""

from __future__ import annotations

from podberth.cli.doctor.identity import own, registered, twins
from podberth.cni.value import replace
from podberth.desk.doctor import FAIL, OK, WARN
from podberth.ipam.registration import Registration

MINE = Registration(node="n1", machine="m1", boot="b1", key="0123456789abcdef")


def test_a_machine_is_told_by_name_machine_id_boot_and_key() -> None:
    found = own(MINE)
    assert (found.level, found.text) == (OK, "n1: machine-id m1 of /etc/machine-id, boot b1, key 0123456789ab")


def test_a_machine_without_a_machine_id_is_told_what_tells_it_apart() -> None:
    found = own(replace(MINE, machine="", key=""))
    assert (found.level, "no key yet" in found.text) == (WARN, True)
    assert "systemd-machine-id-setup" in found.todo


def test_a_machine_that_is_registered_is_known() -> None:
    assert [(one.name, one.level) for one in registered(MINE, (MINE,))] == [("registered", OK)]


def test_another_machine_under_the_name_is_a_failure_with_a_remedy() -> None:
    (found,) = registered(MINE, (replace(MINE, machine="m2", boot="b2", key="k2"),))
    assert (found.level, "machine-id m2, and this one's is m1" in found.text) == (FAIL, True)
    assert "podberth fence n1" in found.todo


def test_a_copy_that_claims_the_name_is_a_line() -> None:
    known, claim = registered(MINE, (replace(MINE, claim="b9"),))
    assert (known.level, claim.level, "boot b9 claims the name" in claim.text) == (OK, WARN, True)
    assert [one.level for one in registered(MINE, (replace(MINE, claim="alive?1"),))] == [OK]


def test_nobody_under_the_name_is_a_warning() -> None:
    assert [one.level for one in registered(MINE, ())] == [WARN]


def test_two_names_on_one_machine_id_are_reported() -> None:
    *_, found = registered(MINE, (MINE, replace(MINE, node="n2", key="k2"), replace(MINE, node="n3", machine="m3")))
    assert (found.name, found.level) == ("twins", WARN)
    assert found.text == "n2 has this machine's machine-id, m1"
    assert list(twins(replace(MINE, machine=""), {"n2": ""})) == []
