"""The agent as a process: its socket, its parts, its signals, and how the next agent takes over.

SIGTERM and SIGINT end it: what runs is finished, what waits is refused, or left to systemd's socket if that is where
the socket came from. SIGHUP replaces it by itself, as installed now, with the socket handed on: no call is lost, and a
SIGHUP that comes meanwhile is one more replacement at most. A call whose state directory stands for another store than
the one that is open has the agent replaced too.
"""

from __future__ import annotations

import gc
import os
import socket
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from podberth import __version__
from podberth.agent.announcements import Announcements
from podberth.agent.calls import Calls, Served, code_of
from podberth.agent.departures import Departures
from podberth.agent.desk import Desk, desk_of
from podberth.agent.history import History
from podberth.agent.metrics import Metrics
from podberth.agent.records import Records
from podberth.agent.resident import Resident
from podberth.agent.server import Server, listen
from podberth.agent.trace import Trace
from podberth.agent.upkeep import Upkeep, recover
from podberth.cni.value import stay, value
from podberth.process.loop import report
from podberth.process.memory import gather, share_one_heap
from podberth.process.reason import Reason, reason
from podberth.process.signals import ENDING, REPLACE, Signals
from podberth.process.sockets import HANDED, handed_on
from podberth.verbs.role import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from podberth.agent.frame import Call
    from podberth.agent.resource_claims import ResourceClaimOptions, ResourceClaims
    from podberth.agent.server import Answer
    from podberth.agent.spans.exporter import Exporter
    from podberth.agent.spans.target import Target
    from podberth.agent.upkeep import Found
    from podberth.cni.errors import CniError
    from podberth.cni.pod import Attachment
    from podberth.devices.service import Devices
    from podberth.devices.service import Options as Given
    from podberth.ipam.epoch import Announcement, Epoch
    from podberth.process.certificate import Served as Certificate
    from podberth.process.journal import Journal
    from podberth.verbs.node import Node

_GARBAGE = 50_000  # objects made until the next look for cycles: some ten ADDs, which make none
_FLUSH = 5.0  # seconds that a stop waits for the collector at most
_LOST = "what is contested or homeless is another's in the ledger: end one of the two pods (docs/restore.md)"
_RESTORED = "nothing is to be done here; `podberth store` says which nodes are still awaited"
_OWN = "podberth-own"  # the name of a socket that an agent has made, and has to remove


@value
class Options:
    """`states` are the stores whose unfinished work is looked for at the start; times are in seconds.

    `metrics` is the TCP address where the desk can be asked too, with the `certificate` if there is one; `spans` is the
    collector that spans of calls go to. `status_on` is what STATUS fails for beside what makes a node useless.
    `devices`: which functions are the kubelet's to give, if any. With `resource_claims` it is the node's DRA driver
    too, whose claims are kept with the first store.
    """

    states: tuple[str, ...]
    path: Path
    workers: int
    grace: float
    upkeep: float
    repairing: bool
    metrics: tuple[str, int] | None
    certificate: Certificate | None
    spans: Target | None
    status_on: frozenset[str] = frozenset()
    devices: Given | None = None
    resource_claims: ResourceClaimOptions | None = None


class Agent:
    """All parts of one agent."""

    def __init__(
        self, options: Options, listening: socket.socket, journal: Journal, anew: Callable[[], None] = lambda: None
    ) -> None:
        self.options = options
        self.journal = journal
        self.calls = Calls()
        self.departures = Departures(self.nodes, self._found, self._not_looked)
        self.announcements = Announcements(self.nodes, self._announced, self._not_looked)
        self.records = Records(self.nodes, self._found, self._not_looked)
        self.resident = Resident(
            self._not_finished, self.departures.noticed, journal, anew, options.status_on, options.states
        )
        self.server = Server(listening, self._serve, self._refused, options.workers)
        asked = options.resource_claims
        self.resource_claims = None if asked is None else self._resource_claims(asked)
        self.upkeep = Upkeep(self.of_links, self._found, self._not_looked, options.upkeep, repairing=options.repairing)
        self.history = History(self.nodes, self._not_archived)
        self.metrics = Metrics(self)
        if self.resource_claims is not None:
            self.metrics.claiming(self.resource_claims)
        self.spans = None if options.spans is None else self._exporter(options.spans)
        self.devices = None if options.devices is None else self._device_plugins(options.devices)
        if self.devices is not None:
            self.metrics.giving(self.devices)
        self.serving = False
        self.desk = Desk(self)
        self.desk.open(desk_of(options.path), options.metrics, options.certificate)

    def start(self) -> None:
        """End what the agent before left unfinished, and begin to serve."""
        share_one_heap()
        stay()
        self._try("recovery", self.announcements.begin)
        self._try("recovery", self._recover)
        self._try("recovery", self.departures.look)
        self.departures.start()
        self.announcements.start()
        self.records.start()
        self.resident.finisher.start()
        self.resident.annotator.start()
        self._try("claims", self.resident.claims.start)
        self.resident.migrations.start()
        self.resident.hot_plug.start()
        self.resident.policing.start()
        self._try("hot plug", self.resident.follow_networks)
        self._try("policies", self._remember)
        self.resident.policies.start()
        self.upkeep.start()
        self.history.start()
        gc.collect()
        gc.freeze()  # what was loaded by now stays: no collection needs to look at it again
        gc.set_threshold(_GARBAGE)
        if self.spans is not None:
            self.spans.start()
        self.server.start()
        gather()  # on a busy machine it takes a while, and calls are served meanwhile
        if self.resource_claims is not None:
            self._try("resource claims", self.resource_claims.start)
        self.serving = True
        if self.devices is not None:
            self.devices.start()  # a pod that is given a function has its ADD next
        self.journal.write("info", "serving", {"version": __version__, "workers": self.server.workers})

    def stop(self, *, last: bool) -> None:
        """Finish what runs; with `last`, refuse what waits. A part that fails to end keeps no other from it."""
        grace = self.options.grace
        end = time.monotonic() + grace
        self.serving = False
        if self.resource_claims is not None:
            self._try("stop", partial(self.resource_claims.stop, grace))
        finished = self.server.stop(grace)
        turned = self.server.turn_away() if last else 0
        loops = (self.upkeep, self.history, self.departures, self.announcements, self.records)
        resident = self.resident
        waiting = (resident.hot_plug, resident.finisher, resident.annotator, resident.migrations, resident.claims)
        for part in (*loops, resident.policies, resident.policing, *waiting):
            self._try("stop", partial(part.stop, grace))
        if self.devices is not None:
            self._try("stop", partial(self.devices.stop, grace))
        self._try("stop", self.resident.close)
        unsent = self._flush(end)
        self._try("stop", self.desk.close)
        desk_of(self.options.path).unlink(missing_ok=True)
        left = self.resident.finisher.waiting
        busy = None if finished else self.server.busy
        about = {"refused": turned, "begunDels": left, "unfinished": busy, "unsentSpans": unsent or None}
        self.journal.write("info", "stopped", about)

    def unready(self) -> str:
        """Return why this agent can't do all it is there for just now; '' if it can."""
        return self.resident.trouble if self.serving else "no call is served: the agent is starting, or stopping"

    def _recover(self) -> None:
        for node in self.nodes():
            for found in recover(node):
                self._found(found)

    def _remember(self) -> None:
        for directory in self.stores():
            self.resident.remember(directory)

    def _try(self, what: str, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as failure:  # noqa: BLE001 - calls are served, and the rest is ended, whatever this was
            self.journal.complain("error", what, reason(failure), {"outcome": "failed"})

    def nodes(self) -> Iterator[Node]:
        """Yield the node of every store there is; each is closed when the next is asked for."""
        return self._each(self.stores())

    def _each(self, directories: Iterable[str]) -> Iterator[Node]:
        for directory in directories:
            node = self.resident.node(directory)
            try:
                yield node
            finally:
                node.host.close()

    def of_links(self) -> Iterator[Node]:
        """Yield those with links of podberth's own: the calls of meta plugins are others' to check, by an exec each."""
        return self._each(each for each in self.stores() if not each.endswith(f"/{NETWORKS}"))

    def of_functions(self) -> Iterator[Node]:
        """Yield those whose records may speak of virtual functions; the first is there before its store is."""
        own = self.options.states[0]
        others = (each for each in self.stores() if each != own and not each.endswith(f"/{NETWORKS}"))
        return self._each((own, *others))

    def stores(self) -> list[str]:
        """Return the state directories that calls or options have named, and that are there."""
        own = (each for state in self.options.states for each in (state, f"{state}/{NETWORKS}"))
        named = dict.fromkeys((*self.resident.directories, *own))
        return [directory for directory in named if Path(directory).exists()]

    def _serve(self, call: Call, netns: int, answer: Answer) -> None:
        trace = Trace(whole=self.spans is not None)
        code, stdout = self.resident.serve(call, netns, trace)
        seconds = time.monotonic() - trace.clock
        try:
            answer(code, stdout)
        finally:  # what is kept of a call is nothing that its caller has to wait for
            self._keep(
                Served(
                    call=call,
                    began=trace.began / 1e9,
                    seconds=seconds,
                    trace=trace,
                    code=code_of(code, stdout),
                    stdout=stdout,
                )
            )

    def _keep(self, served: Served) -> None:
        self.calls.add(served)
        if self.devices is not None:
            self.devices.wake()
        self.metrics.served(served)
        if self.spans is not None:
            self.spans.offer(served)
        if served.code:
            self.journal.complain("error", "call", served.why(), served.about())
        elif self.journal.wants("info"):
            self.journal.write("info", "call", served.about())

    def _device_plugins(self, given: Given) -> Devices:
        from podberth.devices.service import Devices  # most nodes have no need of gRPC

        return Devices(given, self.of_functions, self.journal)

    def _resource_claims(self, options: ResourceClaimOptions) -> ResourceClaims:
        from podberth.agent.resource_claims import ResourceClaims

        return ResourceClaims(options, self.options.states[0], self.resident, self.of_functions, self.journal)

    def _exporter(self, to: Target) -> Exporter:
        from podberth.agent.spans.exporter import Exporter

        exporter = Exporter(to, self.metrics.spans, self._lost)
        self.metrics.sending(exporter)
        return exporter

    def _flush(self, end: float) -> int:
        """Send the spans that are left until `end`, or until a call waits for the next agent; return how many stay."""
        if self.spans is None:
            return 0
        self.spans.stop(min(_FLUSH, max(0.0, end - time.monotonic())), lambda: bool(self.server.waiting))
        return self.spans.waiting

    def _lost(self, why: Reason, spans: int) -> None:
        self.journal.complain("warning", "spans lost", why, {"spans": spans})

    def _refused(self, why: Reason) -> None:
        self.journal.complain("warning", "refused", why)

    def _not_finished(self, attachment: Attachment, failure: CniError) -> None:
        self.journal.complain("warning", "DEL not ended yet", reason(failure), {"attachment": str(attachment)})

    def _not_looked(self, why: Reason) -> None:
        self.journal.complain("error", "upkeep", why, {"outcome": "failed"})

    def _not_archived(self, why: Reason) -> None:
        self.journal.complain("error", "history", why, {"outcome": "failed"})

    def _announced(self, epoch: Epoch, made: Announcement) -> None:
        about: dict[str, object] = {"epoch": epoch.number, "why": epoch.why}
        for name in ("bound", "ended", "contested", "homeless"):
            about[name] = [str(address) for address in getattr(made, name)] or None
        lost = bool(made.contested or made.homeless)
        why = Reason("this node has told the store that was put back of its pods", _LOST if lost else _RESTORED)
        self.journal.complain("warning", "announced", why, about)

    def _found(self, found: Found) -> None:
        self.metrics.found(found)
        about = {
            "attachment": str(found.attachment),
            "outcome": found.outcome,
            "drifts": [str(drift) for drift in found.drifts] or None,
        }
        self.journal.complain("warning", "upkeep", found.why, about)


def run(options: Options, journal: Journal) -> int:
    """Serve until a signal ends it; return the exit status. OSError if the socket can't be had."""
    signals = Signals((REPLACE, *ENDING))
    handed, name = handed_on()
    own = handed is None or name == _OWN
    agent = Agent(options, handed or listen(options.path), journal, lambda: os.kill(os.getpid(), REPLACE))
    agent.start()
    report(notify, "READY=1")
    replaced = signals.wait() == REPLACE
    report(notify, "RELOADING=1" if replaced else "STOPPING=1")
    agent.stop(last=own and not replaced)
    status = _handed_on(agent, signals, own=own) if replaced else 0
    if own:
        agent.server.turn_away()
        options.path.unlink(missing_ok=True)
    return status


def _handed_on(agent: Agent, signals: Signals, *, own: bool) -> int:
    """Become the next agent. Return the exit status if that can't be, or if this one was told to end meanwhile."""
    try:
        hand_on(agent.server.listening, signals, own=own)
    except OSError as failure:
        agent.journal.complain("error", "not replaced", reason(failure, "start the agent again: its supervisor does"))
        return 1
    return 0


def hand_on(listening: socket.socket, signals: Signals, *, own: bool) -> None:
    """Replace this process by a new one of the same command line, which finds the socket where systemd would put it.

    Does nothing if a signal has come that ends the process.
    """
    if listening.fileno() != HANDED:
        os.dup2(listening.fileno(), HANDED)
    os.set_inheritable(HANDED, True)
    name = _OWN if own else "podberth"
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": name}
    signals.replace()


def notify(state: str) -> None:
    """Tell systemd, if it started us (sd_notify(3))."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if name:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.connect("\0" + name[1:] if name.startswith("@") else name)
            to.send(state.encode())
