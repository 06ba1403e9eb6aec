"""Where a function that somebody has chosen meets what a PodNetwork asks for."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.errors import Refused
from podberth.net.vf import FunctionWanted, Selector
from podberth.verbs.suiting import require_met
from tests.unit.devices.functions import of_the_kubelet, vf
from tests.unit.verbs.card import call
from tests.unit.verbs.test_device_choice import wanted_of

VF = vf(1)
CONF: dict[str, Any] = {"deviceID": VF.address, "parent": "ens9", "vf": {"numa": 3}}


def wanted(conf: dict[str, Any] = CONF, **policy: object) -> FunctionWanted:
    found = wanted_of(conf, call(conf), **policy)
    assert found is not None
    return found


def test_what_the_network_alone_says_rules_out_no_function_that_was_chosen() -> None:
    assert wanted().declared is None
    require_met(VF, wanted())


@pytest.mark.parametrize(
    "policy",
    [
        {"vf": Selector(pfs=("ens1f0",))},
        {"vf": Selector(addresses=(VF.address,))},
        {"device": "ens1f0"},
        {"device": "ens9", "vf": Selector(pfs=("ens1f0#0-3",))},  # the selector is the nearer word
    ],
)
def test_a_function_that_the_podnetwork_asks_for_is_taken(policy: dict[str, Any]) -> None:
    require_met(VF, wanted(**policy))


@pytest.mark.parametrize(
    "policy", [{"vf": Selector(pfs=("ens1f1",))}, {"device": "ens1f1"}, {"device": "ens1f1", "vf": Selector(numa=(0,))}]
)
def test_a_function_that_the_podnetwork_rules_out_is_refused_with_both_parties(policy: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        require_met(VF, wanted({**CONF, **of_the_kubelet()}, **policy))
    said = refused.value.message
    assert "VF 1 of ens1f0 (0000:03:02.1), which the kubelet has given of bank.example/storage" in said
    assert "PodNetwork (pod) bank/mysql asks for" in said
    assert "ens1f1" in said


def test_who_names_a_function_by_hand_is_told_of_as_such() -> None:
    with pytest.raises(Refused, match="which the plugin's caller has named, is none of those"):
        require_met(VF, wanted(vf=Selector(pfs=("ens1f1",))))


def test_without_a_chosen_function_the_declaration_chooses() -> None:
    found = wanted({"parent": "ens9"}, vf=Selector(pfs=("ens1f0",)))
    assert (found.declared, found.selector.pfs) == (None, ("ens1f0",))
