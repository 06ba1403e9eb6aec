"""Whose word on a pod's addresses counts."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from podberth.netpolicy.believed import Said, weighed

A, B = ("bank", "a"), ("bank", "b")
OWN, FREE = ip_address("10.1.0.1"), ip_address("10.2.0.1")
RANGE = (ip_network("10.0.0.0/8"),)


def test_an_address_counts_as_the_pods_for_which_a_ledger_has_it_and_as_nobody_elses() -> None:
    said = (Said(pod=A, address=OWN), Said(pod=B, address=OWN))
    counted, doubts = weighed(said, {OWN: {A}}, ())
    assert counted == (OWN,)
    assert [str(doubt) for doubt in doubts] == ["10.1.0.1 of bank/b: the ledger has it for bank/a"]


def test_what_a_ledger_has_for_another_counts_for_nobody_also_where_the_word_of_a_pod_does() -> None:
    assert weighed((Said(pod=B, address=OWN),), {OWN: {A}}, RANGE)[0] == ()


def test_what_no_ledger_has_counts_where_the_operator_has_said_so_of_its_network() -> None:
    said = (Said(pod=A, address=FREE), Said(pod=A, address=ip_address("fd00::1")))
    counted, doubts = weighed(said, {}, RANGE)
    assert counted == (FREE,)
    assert [str(doubt) for doubt in doubts] == [
        "fd00::1 of bank/a: no ledger has it, and peersByStatus does not name its network"
    ]
    assert weighed(said, {}, ())[0] == ()


def test_an_address_that_several_ledgers_have_counts_for_each_of_their_pods() -> None:
    said = (Said(pod=A, address=OWN), Said(pod=B, address=OWN))
    assert weighed(said, {OWN: {A, B}}, ()) == ((OWN,), ())
