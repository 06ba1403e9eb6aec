"""The kind's versions: `endPort` counts where the server has it, also while versions come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.netns.policies.conftest import PORT
from tests.netns.policies.test_cases import SERVER
from tests.netns.policies.test_shown import diagnosed
from tests.servers.multi_network_policies import POLICIES, V1BETA2, remove, serve, versioned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.policies.conftest import Town

RANGE = {"podSelector": SERVER, "ingress": [{"ports": [{"port": 5000, "endPort": 5900}]}]}


@pytest.fixture
def versions(unserved: Town) -> Iterator[Town]:
    """Have the server serve both versions, before there is an agent."""
    remove(unserved.client)
    serve(unserved.client, versioned("v1beta1", "v1beta2"))
    yield unserved
    remove(unserved.client)
    serve(unserved.client, POLICIES)


def test_a_range_of_ports_is_whole_in_v1beta2_and_its_first_port_alone_while_v1beta1_is_all_there_is(
    versions: Town, town: Town
) -> None:
    town.policy(RANGE, version=V1BETA2)
    server, a = town.started("server"), town.started("a")
    assert town.settled({(a, server): True}, port=PORT)
    assert town.settled({(a, server): False}, port=6666)
    assert "read as k8s.cni.cncf.io/v1beta2" in diagnosed(town)["00-networks.conflist policies"][1]
    serve(versions.client, versioned("v1beta1"))
    assert town.settled({(a, server): False}, port=PORT)
    assert "read as k8s.cni.cncf.io/v1beta1" in diagnosed(town)["00-networks.conflist policies"][1]
    serve(versions.client, versioned("v1beta1", "v1beta2"))
    assert town.settled({(a, server): True}, port=PORT)
