"""Resource claims as a part of the agent: what kubelet, the runtime and the API server are told and asked for them."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import podberth
from podberth.agent.frame import Call
from podberth.agent.statuses import Statuses
from podberth.agent.trace import Trace
from podberth.cni.errors import InvalidConfig
from podberth.cni.value import value
from podberth.dra.cdi import Fence
from podberth.dra.driver import DRIVER, HOLDING, Driver, Parts
from podberth.dra.inventory import Inventory
from podberth.dra.kubelet import Kubelet
from podberth.dra.pods import ClaimedPods
from podberth.dra.prepared import PreparedClaims
from podberth.dra.publisher import Publisher
from podberth.dra.watch import Watch
from podberth.nri.plugin import Plugin
from podberth.process.loop import WAIT, Loop
from podberth.process.reason import Reason
from podberth.process.whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from podberth.agent.resident import Resident
    from podberth.dra.devices import Device, Shared
    from podberth.dra.health import Health
    from podberth.dra.prepared import Prepared
    from podberth.kube.client import Client
    from podberth.nri.messages import Runtime
    from podberth.process.journal import Journal
    from podberth.verbs.node import Node

PACKED = Path(podberth.__file__).parent / "_shim" / "podberth-link-hook"  # in a wheel: tools/hatch_build.py
# Seconds after which the slices are read again, at first and later on, though nothing has changed here: a kubelet that
# has started deletes them all, at a time of its own (pkg/kubelet/cm/dra/plugin, wipeResourceSlices).
_SOON, _LOOK = 2.0, 600.0
_UNREADABLE = "start the podberth that wrote it, or delete the file once its claim is gone"
_UNHEALTHY = "`podberth vf list` says who holds it, and why it can't be had; a pod that has it keeps it"
_PAUSE = 60.0  # seconds between two tries at most: a server that refuses a slice would refuse it again


@value
class ResourceClaimOptions:
    """Where the peers of a DRA driver are. `shared`: links that pods may share. `hook`: a program of the node's.

    An empty `hook` stands for the one that came with podberth, which is put beside the store.
    """

    client: Client
    node: str
    kubelet: Path
    runtime: Path
    cdi: Path
    shared: tuple[Shared, ...] = ()
    hook: str = ""
    holding: str = HOLDING


@value
class _Published:
    """What the slices say. `due`: when they are read again.

    `pause`: seconds between two reads, which double from kubelet's `taking` on, up to a bound.
    """

    devices: Mapping[str, Device]
    due: float
    pause: float
    taking: int


class ResourceClaims:
    """Everything about resource claims. `nodes` opens each store whose records may speak of functions, that of `state`
    first. `journal` is the agent's log.
    """

    def __init__(
        self,
        options: ResourceClaimOptions,
        state: str,
        resident: Resident,
        nodes: Callable[[], Iterator[Node]],
        journal: Journal,
    ) -> None:
        self._options, self._state, self._resident, self._journal = options, state, resident, journal
        self._publisher = Publisher(options.client, options.node)
        self._claims = PreparedClaims(Path(state) / "claims")
        self._inventory = Inventory(options.node, nodes, options.shared, self._claims)
        self._watch = Watch(self._look, self._seen, self._failed)
        fence = Fence(folder=options.cdi, hook=options.hook or f"{state}/bin/{PACKED.name}", vendor=DRIVER)
        parts = Parts(
            state=state,
            claims=self._claims,
            fence=fence,
            claim=self._publisher.claim,
            devices=self._inventory.devices,
            handle=self._handle,
            node=self._node,
            told=self._told,
            holding=options.holding,
        )
        driver = Driver(parts)
        self._kubelet = Kubelet(options.kubelet, driver, fence, self._watch, self._taken, self._failed)
        pods = ClaimedPods(driver, self._claims, self._failed)
        self._runtime = Plugin(options.runtime, pods, self._heard, self._failed)
        self._published: _Published | None = None
        self._takings = 0  # how often a kubelet has taken the driver
        self._slices = Loop("resource-slices", self._publish, self._failed, longest=_PAUSE)
        self._statuses: Statuses[str, Prepared] = Statuses(
            "resource claims' status",
            lambda _, prepared: self._publisher.tell(prepared),
            lambda _, prepared: f"status of {prepared}",
            self._failed,
        )

    def start(self) -> None:
        """Begin: first what is known, then the peers. A CniError or an OSError keeps it from that."""
        if not self._options.hook:
            self._put_hook()
        self._claims.load()
        for path in self._claims.unreadable:
            self._failed(Reason(f"{path}: not a claim that this version can read: it is left alone", _UNREADABLE))
        self._statuses.start()
        self._runtime.start()
        self._watch.start()
        self._kubelet.start()
        self._slices.start()

    def stop(self, seconds: float) -> None:
        """End; kubelet and runtime find nobody from now on."""
        self._kubelet.stop(seconds)
        self._watch.stop(seconds)
        self._runtime.stop(seconds)
        self._slices.end(seconds)
        self._statuses.stop(seconds)

    @property
    def connected(self) -> bool:
        """Whether a runtime tells of its pods now: without one no pod gets a link by a claim."""
        return self._runtime.connected

    @property
    def counts(self) -> tuple[int, int]:
        """How many devices are healthy, and how many are not."""
        return self._watch.counts

    def _look(self) -> tuple[Health, ...]:
        """Return the health of all devices; have the slices follow where other devices are there than they say."""
        found, healths = self._inventory.look()
        if self._published is not None and self._published.devices != found:
            self._slices.wake()
        return healths

    def _seen(self, health: Health) -> None:
        about = {"device": health.device}
        if health.why:
            self._journal.complain("warning", "device", Reason(health.why, _UNHEALTHY), about)
        else:
            self._journal.write("info", "device", about)

    def _put_hook(self) -> None:
        target = Path(self._state) / "bin" / PACKED.name
        try:
            content = PACKED.read_bytes()
        except OSError as wrong:
            raise InvalidConfig(f"{PACKED}: {wrong.strerror}", "a wheel has it; else name one by --dra-hook") from wrong
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_whole(str(target), content, 0o755)

    @contextmanager
    def _node(self) -> Iterator[Node]:
        node = self._resident.node(self._state)
        try:
            yield node
        finally:
            node.host.close()

    def _handle(self, env: Mapping[str, str], stdin: bytes) -> tuple[int, str]:
        call = Call(plugin_type="podberth", env=env, stdin=stdin)
        return self._resident.serve(call, -1, Trace(whole=False))

    def _publish(self) -> float:
        taking, before = self._takings, self._published
        found, _ = self._inventory.look()
        known = before is not None and before.taking == taking
        if before is not None and known and before.devices == found and before.due > monotonic():
            return min(WAIT, before.due - monotonic())
        generation = self._publisher.publish(found)
        pause = min(2 * before.pause, _LOOK) if before is not None and known else _SOON
        self._published = _Published(devices=found, due=monotonic() + pause, pause=pause, taking=taking)
        if before is None or before.devices != found:
            self._journal.write("info", "devices published", {"devices": len(found), "generation": generation})
        return min(WAIT, pause)

    def _taken(self) -> None:
        """Publish anew: a kubelet that has started has deleted all slices of its node, or is about to."""
        self._takings += 1
        self._slices.wake()

    def _told(self, prepared: Prepared) -> None:
        self._statuses.put(prepared.uid, prepared)

    def _heard(self, runtime: Runtime) -> None:
        about: dict[str, object] = {
            "name": runtime.name,
            "version": runtime.version,
            "patience": runtime.patience or None,
        }
        self._journal.write("info", "runtime", about)

    def _failed(self, why: Reason) -> None:
        self._journal.complain("warning", "resource claims", why, {"outcome": "failed"})
