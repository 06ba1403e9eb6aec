"""Every call of the corpus of callers is read, and says what it was meant to say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.call import Call, VersionProbe
from podberth.cni.pod import PodRef
from tests.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = ROOT / "tests" / "golden" / "callers"
NAMES = {"@container@": "c0ffee", "@netns@": "/run/netns/blue", "@uid@": "6f1e-11", "@state@": "/var/lib/podberth"}
NAMES |= {"@bin@": "/opt/cni/bin", "@bridge@": "bank0", "@network@": "banknet", "@short@": "c0ff"}
CALLERS = {"containerd-1.6", "containerd-1.7", "containerd-2.1", "cri-o", "multus-thin", "multus-thick"}
CALLERS |= {"podman-4.3", "nerdctl", "nomad", "cnitool"}


def entries() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(GOLDEN.glob("*.json")):
        text = file.read_text()
        for name, real in NAMES.items():
            text = text.replace(name, real)
        yield file.stem, json.loads(text)


CALLS = [
    pytest.param(entry, call, id=f"{name}: {number} {call['env']['CNI_COMMAND']}")
    for name, entry in entries()
    for number, call in enumerate(entry["calls"])
]


def test_every_caller_is_there_and_says_where_it_was_seen() -> None:
    found = dict(entries())
    assert found.keys() == CALLERS
    for entry in found.values():
        assert ("recorded" in entry) != ("from source" in entry)
        for source in entry.get("from source", ()):
            assert source.keys() == {"repository", "commit", "file"}
        assert {"ADD", "DEL"} <= {call["env"]["CNI_COMMAND"] for call in entry["calls"]}
    verbs = {call["env"]["CNI_COMMAND"] for entry in found.values() for call in entry["calls"]}
    assert verbs == {"ADD", "CHECK", "DEL", "GC", "STATUS", "VERSION"}


@pytest.mark.parametrize(("entry", "said"), CALLS)
def test_a_call_is_read_and_names_its_pod(entry: dict[str, Any], said: dict[str, Any]) -> None:
    call = Call.parse(said["env"], json.dumps(said["stdin"]).encode())
    if said["env"]["CNI_COMMAND"] == "VERSION":
        assert isinstance(call, VersionProbe)
        return
    assert isinstance(call, Call)
    assert (call.verb, call.conf.name) == (said["env"]["CNI_COMMAND"], "banknet")
    if call.verb == "ADD" and said["env"]["CNI_ARGS"] and entry["pod"]:
        name = entry["pod"].rpartition("/")[2]
        named = PodRef(namespace="bank", name=name, uid="6f1e-11")
        assert call.pod_args.pod == (named if "/" in entry["pod"] else None)
        assert call.pod_args.lone_name == ("" if "/" in entry["pod"] else name)
    assert (call.ips, call.mac) == ((), None)
