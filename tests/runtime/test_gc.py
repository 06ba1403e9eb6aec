"""GC beside containerd 2.1, which sends none by itself: the call of libcni, as CRI-O has it made, of its pods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime import callers
from tests.runtime.conftest import DOCUMENTS
from tests.runtime.recording import replaced
from tests.runtime.site import Site, site

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.runtime.containerd import Containerd
    from tests.runtime.site import Sandbox

VALID = ("cni.dev/valid-attachments", "cni.dev/attachments")


@pytest.fixture
def newest(newest_containerd: Containerd, tmp_path: Path) -> Iterator[Site]:
    with site(newest_containerd, tmp_path, DOCUMENTS) as made:
        yield made


def gc(on: Site, pods: Iterable[Sandbox]) -> None:
    """Call GC as CRI-O does; only these pods are valid."""
    call = next(one for one in callers.golden("cri-o")["calls"] if one["env"]["CNI_COMMAND"] == "GC")
    names = {"@network@": on.network, "@state@": str(on.state), "@bridge@": on.bridge}
    names["@bin@"] = str(on.containerd.root / "bin")
    stdin: dict[str, Any] = json.loads(replaced(json.dumps(call["stdin"]), names))
    stdin |= {key: [{"containerID": pod.id, "ifname": "eth0"} for pod in pods] for key in VALID}
    file = on.folder / "gc.json"
    file.write_text(json.dumps(stdin))
    variables = [f"{key}={replaced(text, names)}" for key, text in call["env"].items()]
    plugin = str(on.containerd.root / "bin" / "podberth")
    script = 'cat "$1" | env "${@:3}" "$2"'
    assert on.node.run("bash", "-c", script, "bash", str(file), plugin, *variables) == ""


def containers(on: Site) -> set[str]:
    return {str(each) for row in on.rows("leases") for each in row}


def test_a_gc_of_the_runtimes_pods_changes_nothing_of_them(newest: Site) -> None:
    pods = [newest.run(f"mysql-{number}") for number in range(2)]
    before = sorted(newest.inventory())
    gc(newest, pods)
    assert sorted(newest.inventory()) == before
    for number, pod in enumerate(pods):
        assert newest.address(pod) == f"10.50.0.4{number}"
        newest.inside(pod, "ping", "-c", "1", "-w", "60", f"10.50.0.4{1 - number}")
    for pod in pods:
        newest.remove(pod)
    assert newest.left_behind() == []


def test_a_gc_ends_what_the_runtime_no_longer_knows_and_a_late_end_of_it_succeeds(newest: Site) -> None:
    kept, lost = newest.run("mysql-0"), newest.run("mysql-1")
    gc(newest, [kept])
    assert (kept.id in containers(newest), lost.id in containers(newest)) == (True, False)
    assert "10.50.0.40" in newest.inside(kept, "ip", "address", "show", "eth0")
    assert newest.containerd.network_condition() == (True, "")
    back = newest.run("mysql-1")
    assert newest.address(back) == "10.50.0.41"
    newest.remove(lost)
    assert back.id in containers(newest)
    for pod in (kept, back):
        newest.remove(pod)
    assert newest.left_behind() == []
