"""What a real ADD and DEL load: the plugin starts from nothing each time, and its budget is spent on code first."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from tests.netns.kubelet import BUILT

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet, Pod

DEAR = (
    "contextlib",
    "dataclasses",
    "datetime",
    "hashlib",
    "importlib.util",
    "inspect",
    "logging",
    "pathlib",
    "random",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "typing",
    "yaml",
)


# Runs the launcher that is named, and says at its end which modules have run: others are only known by their names.
TELLING = """
import os, sys

def told(status):
    sys.stderr.write("\\n".join(name for name, module in sys.modules.items() if type(module) is type(sys)))
    sys.stderr.flush()
    end(status)

end, os._exit = os._exit, told
__file__ = sys.argv[1]
exec(compile(open(__file__).read(), __file__, "exec"))
"""
FAMILIES = ("addressing", "attributes", "bridges", "links", "sysctls", "wire")
MOST = {"ADD": 125, "DEL": 100}  # modules of podberth's


def loaded_by(node: Kubelet, verb: str, pod: Pod) -> set[str]:
    """Return the modules whose code a call of the plugin has run."""
    launcher = BUILT / ".podberth" / "bin" / "podberth"
    shebang = launcher.read_text().splitlines()[0].removeprefix("#!").split()
    done = subprocess.run(
        ["ip", "netns", "exec", node.node, *shebang, "-c", TELLING, str(launcher)],
        env=node.env(verb, pod),
        input=json.dumps(node.config()),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def below(package: str, loaded: set[str]) -> list[str]:
    """Return the last part of each module's name that is in the package."""
    return sorted(name.removeprefix(f"{package}.") for name in loaded if name.startswith(f"{package}."))


def test_an_add_loads_nothing_dear_and_only_the_rooms_it_needs(node: Kubelet) -> None:
    loaded = loaded_by(node, "ADD", node.pod("mysql-0"))

    assert {"podberth.linux.host", "podberth.stores.sqlite.ledger"} <= loaded
    assert sorted(loaded.intersection(DEAR)) == []
    assert [name for name in loaded if name.startswith(("podberth.cli", "podberth.agent", "podberth.kube"))] == []


def test_an_add_of_a_bridge_loads_the_families_of_its_ops_and_nothing_about_virtual_functions(node: Kubelet) -> None:
    loaded = loaded_by(node, "ADD", node.pod("mysql-0"))

    assert below("podberth.net.ops", loaded) == [*FAMILIES[:4], "parts", *FAMILIES[4:]]
    assert not loaded & {"podberth.plugins.sriov", "podberth.linux.pci", "podberth.verbs.devices"}
    assert below("podberth.linux.effects", loaded) == ["addressing", "bridges", "links", "wire"]
    assert len(below("podberth", loaded)) <= MOST["ADD"]


def test_a_del_of_a_bridge_loads_no_policy(node: Kubelet) -> None:
    pod = node.pod("mysql-0")
    loaded_by(node, "ADD", pod)

    loaded = loaded_by(node, "DEL", pod)

    assert {"podberth.verbs.delete", "podberth.stores.sqlite.claims"} <= loaded
    assert below("podberth.policy", loaded) == []
    assert len(below("podberth", loaded)) <= MOST["DEL"]
