"""What a call is for: an interface, addresses for another plugin's, or nothing of ours; a DEL of that is no error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.plugins import podberth
from podberth.verbs.role import Role, role_of
from podberth.verbs.serve import serve
from tests.unit.cli.node import Operator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.cni.result import Result
    from podberth.verbs.node import Node


def conf(**more: Any) -> NetConf:
    return NetConf.parse(Fields({"cniVersion": "1.1.0", "name": "bank", **more}, "", InvalidConfig))


def test_a_type_of_the_plugin_is_an_interface_and_its_name_under_ipam_addresses() -> None:
    assert role_of(conf(type="podberth"), podberth) is Role.MAKE
    assert role_of(conf(type="bridge", ipam={"type": "podberth"}), podberth) is Role.GIVE


NOBODYS = [{"type": "bridge"}, {"type": "bridge", "ipam": {}}, {"type": "bridge", "ipam": {"type": "host-local"}}]


@pytest.mark.parametrize("said", NOBODYS)
@pytest.mark.parametrize("verb", [Verb.ADD, Verb.CHECK, Verb.GC, Verb.STATUS])
def test_a_call_for_neither_is_refused_and_collects_nothing(tmp_path: Path, verb: Verb, said: dict[str, Any]) -> None:
    of = conf(**said, **{"cni.dev/valid-attachments": []})
    with pytest.raises(InvalidConfig, match="ipam"):
        serve(Call(verb=verb, conf=of, container_id="c1", ifname="eth0"), podberth, store(tmp_path), nobody)


@pytest.mark.parametrize("said", NOBODYS)
def test_the_del_of_what_was_refused_succeeds(tmp_path: Path, said: dict[str, Any]) -> None:
    call = Call(verb=Verb.DEL, conf=conf(**said), container_id="c1", ifname="eth0")
    assert serve(call, podberth, store(tmp_path), nobody) is None


def store(folder: Path) -> Callable[[str], Node]:
    """Return what connects to a store there, whatever the configuration says."""
    return lambda _: Operator(folder).connect(str(folder))


def nobody(call: Call, verb: str) -> Result | None:
    raise AssertionError(f"{verb} of {call.name} is nobody else's")
