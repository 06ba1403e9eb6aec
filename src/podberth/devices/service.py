"""The device plugins of a node: a loop that keeps the kubelet told, and what is given to containers.

Each turn looks at the functions, at the records of who holds them, and at what the kubelet has given to pods. What the
kubelet is shown follows from these alone (`health`). A function whose DEL is lost is given back: the kubelet would
never ask for one that it is shown as Unhealthy. A plugin that the kubelet does not know, because one of the two
has started anew, is served and registered again.
"""

from __future__ import annotations

import os
import select
import threading
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, InvalidConfig, TryAgainLater
from podberth.cni.value import value
from podberth.devices import files
from podberth.devices.answer import answer
from podberth.devices.checkpoint import ROOT
from podberth.devices.configuration import PREFIX, Configuration
from podberth.devices.health import device, forfeited, resource_of
from podberth.devices.kubelet import Kubelet
from podberth.devices.plugin import KUBELET, Plugin
from podberth.devices.preference import preferred
from podberth.devices.resource import shares
from podberth.linux import pci
from podberth.linux.inotify import NAMES, Inotify
from podberth.networks.device_info import DP
from podberth.process.loop import Loop
from podberth.process.reason import Reason, reason
from podberth.verbs.devices import deaf, give_back, labelled, unusable
from podberth.verbs.gone import is_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from podberth.devices.answer import Answer
    from podberth.devices.health import Allocated
    from podberth.net.record import Record, RecordKey
    from podberth.net.vf import Vf
    from podberth.process.journal import Journal
    from podberth.verbs.node import Node

WHO = "agent"
PERIOD = 5.0  # seconds between two looks, where nothing wakes the loop
_PAUSE, _LONGEST = 0.05, 0.5  # seconds between two looks at it
_REGISTERING = 60.0  # seconds of a turn that registrations may take: a kubelet that hangs makes no loop stuck
_HELD = "end that pod, or have its DEL run: `podberth vf list` says who has what"
_GIVEN_BACK = Reason(
    "its pod is gone, and its DEL never came: it was done in its place",
    "if that comes often, see in the runtime's log what keeps it from DEL",
)
_KUBELET = "it is told once it is; --kubelet names the folder of this node's"
_UNHEALTHY = "`podberth vf list` says who has it, and why it can't be had; the kubelet gives it to no pod until then"
_GATHERING = 0.05  # seconds: the kubelet writes a file in several steps


@value
class Options:
    """`file` names the resources. `root` is the kubelet's folder; `info` and `cdi` are those of files about devices.

    `prefix`: of names of resources that have none. `young`: seconds after its start in which a kubelet may not know all
    its pods yet, as it hears of them from the API server. `patience`: seconds that an Allocate waits for an old DEL.
    """

    file: Path
    root: str = ROOT
    info: str = DP
    cdi: str = files.CDI
    prefix: str = PREFIX
    young: float = 30.0
    patience: float = 10.0


class Devices:
    """The device plugins. `nodes` opens the stores whose records may speak of functions, the first of them always.

    `journal` is the log.
    """

    def __init__(
        self, options: Options, nodes: Callable[[], Iterator[Node]], journal: Journal, kubelet: Kubelet | None = None
    ) -> None:
        self._options, self._nodes, self._journal = options, nodes, journal
        self._folder = Path(options.root, "device-plugins")
        self._kubelet = kubelet or Kubelet(options.root)
        self._configuration = Configuration()
        self._read: tuple[int, ...] | None = None
        self._plugins: dict[str, Plugin] = {}
        self._functions: dict[str, dict[str, Vf]] = {}
        self._shown: dict[str, str] = {}  # by device, why it may not be given
        self.counts: dict[str, tuple[int, int]] = {}  # by resource, how many are healthy and how many are not
        self._seen: set[tuple[RecordKey, int]] = set()  # holders whose namespaces this process has seen
        self._complaints: frozenset[Reason] = frozenset()
        self._events: Inotify | None = None
        self._born = ("", monotonic())  # what tells the kubelet's socket from others, and when it was seen first
        self._woken, self._wake_by = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._guard = threading.Lock()
        self._loop = Loop("devices", self._turn, lambda why: journal.complain("error", "devices", why))

    def start(self) -> None:
        """Begin to serve."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """Serve no more."""
        self._loop.stop()
        self.wake()
        self._loop.join(seconds)
        for plugin in self._plugins.values():
            plugin.stop()

    def wake(self) -> None:
        """Have the loop look now."""
        try:
            os.write(self._wake_by, b"!")
        except BlockingIOError:
            pass  # it is awake

    def allocate(self, resource: str, containers: Sequence[Sequence[str]]) -> Sequence[Answer]:
        """Return what the containers get. A device that its last pod still holds is waited for, for ten seconds.

        Then a container gets it all the same, and the pod's ADD waits for it: an Allocate that fails has the pod fail
        for good. A device that a process drives is not given before it is free: the container could use it at once.
        """
        found = next((each for each in self._configuration.resources if each.name == resource), None)
        known = self._functions.get(resource, {})
        ids = [each for container in containers for each in container]
        strange = [each for each in ids if each not in known]
        if found is None or strange:
            raise InvalidConfig(
                f"{resource}: there is no device {', '.join(map(repr, strange[:4]))}",
                "the kubelet hears of the devices that there are now; `podberth vf list` shows them",
            )
        end = monotonic() + self._options.patience
        for each in ids:
            held = self._held(each, end)
            if held and known[each].userspace:
                raise TryAgainLater(f"{resource}: {held}", "its old pod has not given it back in time")
        self.wake()
        nodes = {each: pci.character_devices(each) for each in ids}
        return [answer(found, container, nodes) for container in containers]

    def prefer(self, resource: str, available: Sequence[str], must: Sequence[str], size: int) -> Sequence[str]:
        """Return which of the devices a container had best get (`preference`)."""
        apart = any(each.apart for each in self._configuration.resources if each.name == resource)
        return preferred(self._functions.get(resource, {}), available, must, size, apart=apart)

    def _held(self, each: str, end: float) -> str:
        """Have the device be free, as far as that can be done until then; return who holds it all the same."""
        pause, held = _PAUSE, self._tried(each)
        while held and monotonic() < end:
            sleep(min(pause, max(0.0, end - monotonic())))
            pause = min(2 * pause, _LONGEST)
            held = self._tried(each)
        if held:
            self._journal.complain("warning", "device not free", Reason(held, _HELD), {"device": each})
        return held

    def _tried(self, each: str) -> str:
        """Do as `_given_back`; a store that fails is a reason to wait as well, and not to fail the pod."""
        try:
            return self._given_back(each)
        except Exception as failure:  # noqa: BLE001 - the kubelet would fail the pod for good
            return f"{each}: {reason(failure)}"

    def _given_back(self, each: str) -> str:
        """Do the DEL that its last pod never got; return who holds it all the same, '' if nobody does."""

        def has_forfeited(record: Record) -> bool:
            return bool(resource_of(record)) and forfeited(record, self._allocated())

        for node in self._nodes():
            if not node.stored() or (record := node.attachments.holder(each)) is None:
                continue
            held = give_back(node, each, has_forfeited, f"the kubelet has given {each} to another pod", WHO)
            if held:
                return held
            self._give_notice(each, record)
        return ""

    def _allocated(self) -> tuple[Allocated, ...] | None:
        """Return what the kubelet has given to pods; None if it can't be asked, or may not know all pods yet."""
        return None if monotonic() - self._born[1] < self._options.young else self._kubelet.every()

    def _collect(self, complaints: list[Reason]) -> dict[str, Record]:
        """Do the DELs that were lost: of functions that the kubelet counts, and whose holders are gone.

        Gone is not enough: an agent that does not see the node's namespaces takes all of them for gone. The kubelet has
        to have taken back what it had given. Of what it had not given, this process has to have seen the namespace.

        Return who holds which device then. Records are read once in a look, and again where a DEL was done. By these
        the kubelet is shown what is held: so this process has looked for the namespace of each holder that it is shown.
        """
        counted = {each for those in self._functions.values() for each in those}
        seen: set[tuple[RecordKey, int]] = set()
        records: dict[str, Record] = {}
        for node in self._nodes():
            held, ended = _held(node), False
            for record in held:
                holder, gone = (record.key, record.since), is_gone(node, record)
                if not gone or holder in self._seen:
                    seen.add(holder)
                if not gone or counted.isdisjoint(record.devices):
                    continue
                if forfeited(record, self._allocated()) if resource_of(record) else holder in seen:
                    complaints += self._buried(node, record)
                    ended = True
            records |= {device: record for record in (_held(node) if ended else held) for device in record.devices}
        self._seen = seen
        return records

    def _buried(self, node: Node, record: Record) -> list[Reason]:
        """Do the DEL of one whose namespace is gone; return why its functions are held all the same."""
        device = record.devices[0]  # of several it holds all or none
        held = give_back(node, device, lambda _: False, f"its sandbox is gone, and the kubelet counts {device}", WHO)
        if held:
            return [Reason(held, _HELD)]
        self._give_notice(device, record)
        return []

    def _give_notice(self, device: str, record: Record) -> None:
        self._journal.complain(
            "warning", "device given back", _GIVEN_BACK, {"device": device, "attachment": str(record.attachment)}
        )

    def _turn(self) -> float:
        self._wait()
        if not self._loop.stopping:
            self.look()
        return 0.0

    def _wait(self) -> None:
        """Wait until the kubelet's folder changes or somebody wakes the loop, for `PERIOD` at most."""
        events = self._watching()
        waiting = select.poll()
        waiting.register(self._woken, select.POLLIN)
        if events is not None:
            waiting.register(events, select.POLLIN)
        if waiting.poll(PERIOD * 1000):
            sleep(_GATHERING)
        if events is not None and any(event.last for event in events.read()):
            events.close()  # the folder is another
            self._events = None
        while True:
            try:
                os.read(self._woken, 64)
            except BlockingIOError:
                return

    def _watching(self) -> Inotify | None:
        if self._events is None and self._folder.is_dir():
            made = Inotify()
            made.watch(str(self._folder), NAMES)
            self._events = made
            self.wake()  # what changed before is looked at now
        return self._events

    def look(self) -> None:
        """Have the kubelet be told what is so now, by plugins that it knows."""
        complaints: list[Reason] = []
        there = self._meet()
        if not there:
            complaints.append(Reason(f"{self._folder / KUBELET}: the kubelet is not there yet", _KUBELET))
        self._configure(complaints)
        with self._guard:
            # The functions after that: one that was given back is as it was found by then.
            self._look(self._collect(complaints), complaints)
        self._complain(complaints)
        failures: list[CniError] = []
        end = monotonic() + _REGISTERING
        for plugin in self._plugins.values():
            if there and not plugin.registered and not self._loop.stopping and monotonic() < end:
                try:
                    plugin.serve()
                except CniError as failure:
                    failures.append(failure)
                else:
                    about = {"resource": plugin.resource, "devices": sorted(self._functions[plugin.resource])}
                    self._journal.write("info", "devices served", about)
        if failures:
            raise failures[0]

    def _meet(self) -> bool:
        """Take note of a kubelet that has started anew; return whether there is one."""
        try:
            at = (self._folder / KUBELET).stat()
        except OSError:
            return False
        identity = f"{at.st_dev}:{at.st_ino}:{at.st_ctime_ns}"
        if identity != self._born[0]:
            self._born = identity, monotonic()
        return True

    def _look(self, records: Mapping[str, Record], complaints: list[Reason]) -> None:
        every, why, wires = self._facts()
        before = {each: name for name, those in self._functions.items() for each in those}
        given = shares(self._configuration.resources, every.values(), before)
        self._functions = {name: {vf.address: vf for vf in those} for name, those in given.items()}
        asked = any(vf.address in records or vf.address in why for those in given.values() for vf in those)
        allocated = self._allocated() if asked else ()
        counts: dict[str, tuple[int, int]] = {}
        for resource in self._configuration.resources:
            those = given[resource.name]
            found = tuple(
                device(
                    vf, records.get(vf.address), allocated,
                    deaf=wires[vf.pf], unusable=why.get(vf.address, ""),
                )
                for vf in those
            )  # fmt: skip
            for each in found:
                if self._shown.get(each.id) != each.why:
                    self._shown[each.id] = each.why
                    about = {"resource": resource.name, "device": each.id}
                    if each.why:
                        self._journal.complain("warning", "device", Reason(each.why, _UNHEALTHY), about)
                    else:
                        self._journal.write("info", "device", about)
            self._plugins[resource.name].show(found)
            healthy = sum(each.healthy for each in found)
            counts[resource.name] = healthy, len(found) - healthy
            nodes = {vf.address: pci.character_devices(vf.address) for vf in those if vf.userspace}
            try:
                files.about(resource, those, self._options.info)
                files.by_cdi(resource, those, nodes, self._options.cdi)
            except OSError as failure:
                complaints.append(reason(failure).within(resource.name))
        self.counts = counts

    def _facts(self) -> tuple[dict[str, Vf], dict[str, str], dict[str, str]]:
        """Return the functions, why they can't be had by what they are themselves, and why PFs carry nothing."""
        every: dict[str, Vf] = {}
        wires: dict[str, str] = {"": ""}
        for node in self._nodes():
            if not every:
                found = node.host.vfs()
                every = {vf.address: vf for vf in labelled(node, found)}
                wires |= {pf: deaf(node, pf) for pf in {vf.pf for vf in every.values() if vf.pf}}
        why = {vf.address: said for vf in every.values() if (said := unusable(vf, named=True))}
        return every, why, wires

    def _configure(self, complaints: list[Reason]) -> None:
        """Read the file of resources if it has changed; one that can't be read changes nothing."""
        try:
            at = self._options.file.stat()
            now = (at.st_dev, at.st_ino, at.st_mtime_ns, at.st_size)
            if now != self._read:
                self._configuration = files.configuration(self._options.file, self._options.prefix)
                self._read = now
        except (OSError, CniError) as failure:
            complaints.append(reason(failure))
        complaints += [Reason(*each) for each in self._configuration.refused]
        wanted = {each.name: each for each in self._configuration.resources}
        with ExitStack() as stopping:
            for name in [each for each in self._plugins if each not in wanted]:
                stopping.callback(self._plugins.pop(name).stop)
        for name, resource in wanted.items():
            if name not in self._plugins:
                self._plugins[name] = Plugin(self._folder, name, self, topology=resource.topology)

    def _complain(self, complaints: Sequence[Reason]) -> None:
        """Log what is wrong with the configuration or the files, once."""
        for each in sorted(set(complaints) - self._complaints):
            self._journal.complain("warning", "devices", each)
        self._complaints = frozenset(complaints)


def _held(node: Node) -> list[Record]:
    """Return the records of a store that are of devices."""
    return [record for record in node.attachments.all() if record.devices] if node.stored() else []
