"""A driver's two sockets and a strict kubelet: the health of devices on real links, told by a stream."""

from __future__ import annotations

import shutil
import uuid
from typing import TYPE_CHECKING

import pytest

from podberth.dra.devices import Shared
from podberth.dra.driver import DRIVER
from podberth.dra.inventory import Inventory
from podberth.dra.kubelet import Kubelet as Sockets
from podberth.dra.watch import Watch
from tests.netns.dra.conftest import POOLS
from tests.netns.dra.driving import Driven
from tests.netns.kubelet import run
from tests.runtime.kubelet import Kubelet
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.dra.devices import Device
    from podberth.dra.health import Health
    from podberth.verbs.node import Node
    from tests.runtime.health import Watching

PERIOD, HEARTBEAT = 0.05, 0.2
SERVICES = ("v1.DRAResourceHealth", "v1alpha1.DRAResourceHealth")


class Served:
    """A driver that is served, with places on a macvlan's parent and on a bridge, and kubelet's side of it."""

    def __init__(self, folder: Path, parent: str) -> None:
        self.parent, self.bridge = parent, f"b{parent}"
        shared = (
            Shared(kind="macvlan", link=parent, places=2),
            Shared(kind="bridge", link=self.bridge, places=1),
        )
        self.driven = Driven(folder, POOLS, self._devices)
        self.inventory = Inventory("node1", self._nodes, shared, self.driven.claims)
        self.folder, self.failures, self.taken = folder / "kubelet", list[str](), list[bool]()
        self.kubelet = Kubelet(self.folder)
        self.begin()

    def _nodes(self) -> Iterator[Node]:
        with self.driven.node() as node:
            yield node

    def _devices(self) -> dict[str, Device]:
        return self.inventory.devices()

    def _look(self) -> tuple[Health, ...]:
        return self.inventory.look()[1]

    def begin(self) -> None:
        """Have a driver serve, and be taken."""
        self.serve()
        self.info = self.kubelet.register()

    def serve(self) -> None:
        """Have a driver serve."""
        self.watch = Watch(self._look, lambda _: None, self.failures.append, period=PERIOD, heartbeat=HEARTBEAT)
        self.sockets = Sockets(
            self.folder, self.driven.driver, self.driven.fence, self.watch, lambda: self.taken.append(True),
            self.failures.append,
        )  # fmt: skip
        self.watch.start()
        self.sockets.start()

    def end(self) -> None:
        """Have the driver end."""
        self.sockets.stop(5)
        self.watch.stop(5)

    def place(self, number: int = 0) -> str:
        return f"macvlan-{self.parent}-{number}"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    parent = f"u{uuid.uuid4().hex[:6]}"
    run("ip", "link", "add", parent, "type", "veth", "peer", "name", f"{parent}p")
    for each in (parent, f"{parent}p"):
        run("ip", "link", "set", each, "up")
    made = Served(tmp_path, parent)
    yield made
    made.end()
    made.kubelet.close()
    made.driven.kept.close()
    run("ip", "link", "delete", parent)


@pytest.fixture
def watching(served: Served) -> Iterator[Watching]:
    made = served.kubelet.watch()
    yield made
    made.close()


def test_the_service_is_offered_by_both_of_its_names_and_says_the_same_by_both(served: Served) -> None:
    assert set(SERVICES) <= set(served.info["supported_versions"])
    for service in SERVICES:
        watching = served.kubelet.watch(service)
        until(lambda watching=watching: watching.of("node1", served.place()) == ("Healthy", ""))  # type: ignore[misc]
        assert watching.devices() == sorted(served.inventory.devices())
        watching.close()


def test_a_heartbeat_keeps_what_is_known_known(served: Served, watching: Watching) -> None:
    until(lambda: watching.heard > 3)

    assert (watching.streams, served.failures) == (1, [])


@pytest.mark.parametrize("fault", ["down", "no carrier", "gone"])
def test_the_device_of_a_pod_is_unhealthy_while_its_link_carries_nothing(
    served: Served, watching: Watching, fault: str
) -> None:
    uid = served.driven.claim("db-0", served.place())
    served.driven.prepare(uid)
    until(lambda: watching.of("node1", served.place()) == ("Healthy", ""))
    commands = {"down": ("set", served.parent, "down"), "no carrier": ("set", f"{served.parent}p", "down")}
    run("ip", "link", *commands.get(fault, ("delete", served.parent)))

    told = (
        f"this node has no link {served.parent}" if fault == "gone" else f"{served.parent} is down, or has no carrier"
    )
    until(lambda: watching.of("node1", served.place()) == ("Unhealthy", told))
    assert watching.of("node1", f"bridge-{served.bridge}-0") == ("Healthy", "")

    if fault == "gone":
        run("ip", "link", "add", served.parent, "type", "veth", "peer", "name", f"{served.parent}p")
    for each in (served.parent, f"{served.parent}p"):
        run("ip", "link", "set", each, "up")
    back = f"resource claim bank/{uid} has no net1: it is made anew when its pod starts" if fault == "gone" else ""
    if fault == "gone":  # the pod's link went with it, and no record says more than that
        with served.driven.node() as node:
            from podberth.verbs.delete import delete

            prepared = served.driven.claims.find(uid)
            assert prepared is not None
            delete(node, prepared.attachment(prepared.interfaces[0]))
    until(lambda: watching.of("node1", served.place()) == ("Unhealthy" if back else "Healthy", back))
    served.driven.driver.unprepare(uid)
    until(lambda: watching.of("node1", served.place()) == ("Healthy", ""))


def test_a_driver_that_ends_ends_the_stream_and_the_next_one_is_heard_again(served: Served, watching: Watching) -> None:
    until(lambda: watching.heard)
    served.end()
    until(lambda: watching.of("node1", served.place()) == ("Unknown", ""))
    served.begin()

    until(lambda: watching.of("node1", served.place()) == ("Healthy", ""))
    assert watching.streams >= 2


def test_a_kubelet_that_is_gone_leaves_no_stream_and_claims_are_prepared_beside_many_streams(served: Served) -> None:
    every = [served.kubelet.watch(service) for service in SERVICES for _ in range(2)]
    until(lambda: all(each.heard for each in every))
    uid = served.driven.claim("db-0", served.place())
    claim = served.driven.objects["bank", uid]
    served.kubelet.prepare(claim)
    served.kubelet.unprepare(claim)
    for each in every:
        each.close()

    assert served.failures == []


@pytest.mark.parametrize("taken", ["the registration's", "the driver's", "both", "the folder"])
def test_sockets_that_somebody_takes_away_are_made_anew_and_kubelet_takes_the_driver_again(
    served: Served, taken: str
) -> None:
    sockets = {each.parent.name: each for each in served.folder.glob("plugin*/**/*.sock")}
    if taken == "the folder":
        shutil.rmtree(served.folder)
    for where in {"the registration's": ["plugins_registry"], "the driver's": [DRIVER], "both": list(sockets)}.get(
        taken, []
    ):
        sockets[where].unlink()
    until(lambda: all(each.is_socket() for each in sockets.values()))
    served.kubelet.register()
    claim = served.driven.objects["bank", served.driven.claim("db-0", served.place())]
    served.kubelet.prepare(claim)
    served.kubelet.unprepare(claim)
    watching = served.kubelet.watch()
    until(lambda: watching.of("node1", served.place()) == ("Healthy", ""))
    watching.close()

    assert served.failures == []


def test_a_stream_of_before_ends_once_the_sockets_are_others(served: Served, watching: Watching) -> None:
    until(lambda: watching.heard)
    shutil.rmtree(served.folder)

    until(served.kubelet.register)
    until(lambda: watching.of("node1", served.place()) == ("Healthy", ""))


def test_a_folder_that_is_none_is_told_and_tried_again(served: Served) -> None:
    served.end()
    shutil.rmtree(served.folder)
    served.folder.write_text("no folder")
    served.serve()
    until(lambda: any("kubelet" in each for each in served.failures))
    served.folder.unlink()

    served.kubelet.register()
