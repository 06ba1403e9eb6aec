"""Where people and Prometheus look at the agent: HTTP, on a socket beside the agent's own, and on TCP if asked for."""

from __future__ import annotations

import json
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from podberth import __version__
from podberth.cni.errors import CniError
from podberth.desk import state as states
from podberth.desk.attachments import attachments
from podberth.desk.calls import read
from podberth.desk.form import placed
from podberth.desk.leases import leases
from podberth.desk.pools import pools
from podberth.desk.reservations import reservations
from podberth.process import roll
from podberth.process.certificate import renewing
from podberth.process.pages import JSON, METRICS, TEXT, Pages, alive, on_tcp, on_unix, ready
from podberth.stores.chosen import chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from podberth.agent.service import Agent
    from podberth.desk.calls import Calls
    from podberth.desk.form import Answer
    from podberth.desk.state import State
    from podberth.process.certificate import Served
    from podberth.process.loop import Loop
    from podberth.process.pages import Page
    from podberth.process.reason import Reason
    from podberth.verbs.node import Node

QUESTIONS: Mapping[str, Callable[[Node], Answer]] = {
    "attachments": attachments,
    "leases": leases,
    "pools": pools,
    "reservations": reservations,
}


def desk_of(path: Path) -> Path:
    """Return where the desk is of the agent that listens at `path`."""
    return path.with_name(f"{path.stem}-desk{path.suffix}")


class Desk:
    """The pages of one agent, on as many addresses as wanted."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._open: list[Pages] = []
        self._renewing: Loop | None = None
        self._pages: Mapping[str, Page] = {
            "/metrics": self._metrics,
            "/healthz": alive,
            "/readyz": ready(agent.unready),
            "/v1/calls": _json(lambda: self.calls().document()),
            "/v1/stores": _json(lambda: {"stores": agent.resident.stores()}),
            "/v1/state": _json(lambda: self.state().document()),
        }
        # Of the whole ledger, not of this node alone: for root.
        self._answers: Mapping[str, Page] = {
            f"/v1/{name}": partial(self._answered, question) for name, question in QUESTIONS.items()
        }

    def calls(self) -> Calls:
        """Return the last calls, oldest first, each with what it did to the kernel."""
        last = self._agent.calls.last()
        told = [{**served.about(), "began": served.began, "ops": served.trace.lines()} for served in last]
        return read({"calls": told})

    def _answered(self, question: Callable[[Node], Answer]) -> tuple[int, str, bytes]:
        """Answer a question about the first store that this agent serves, as the command line does with --json."""
        directory = next(iter(self._agent.stores()), None)
        if directory is None:
            return 404, TEXT, b"no call has named a store yet\n"
        node = self._agent.resident.node(directory)
        try:
            document = placed(question(node).document(), chosen(directory).cluster)
        except CniError as refused:
            error = {"code": refused.code, "msg": refused.message, "details": refused.details}
            return 503, JSON, json.dumps(error).encode()
        finally:
            node.host.close()
        return 200, JSON, json.dumps(document).encode()

    def state(self) -> State:
        """Return what the agent is doing, how full its pools are, and how the directories of documents stand."""
        agent, now, pools = self._agent, monotonic(), []
        for node in agent.nodes():
            try:
                usage = node.ledger.usage()
            except CniError:
                continue  # `unready` says why
            pools += [{"pool": use.pool, "family": use.family, "size": use.size, **use.shares} for use in usage]
        told = {
            "version": __version__,
            "workers": agent.server.workers,
            "busy": agent.server.busy,
            "waiting": agent.server.waiting,
            "begun_dels": agent.resident.finisher.waiting,
            "loops": [
                {"loop": loop.name, "last_turn_seconds": round(now - loop.last, 3), "bound_seconds": loop.bound}
                for loop in sorted(roll.running(), key=lambda loop: loop.name)
            ],
            "drifted": agent.upkeep.drifted,
            "policies": [standing.form() for standing in agent.resident.policies.standings()],
            "pools": pools,
            "unready": [why for why in (agent.unready(),) if why],
        }
        return states.read(told)

    def open(self, path: Path, address: tuple[str, int] | None, certificate: Served | None = None) -> None:
        """Begin to answer, at the path for root only, and at a TCP address if one is given. OSError if it is taken.

        With a certificate the TCP address is for HTTPS.
        """
        self._serve(Pages(on_unix(path), {**self._pages, **self._answers}, self._failed))
        if address is not None:
            context = None if certificate is None else certificate.context
            self._serve(Pages(on_tcp(address), self._pages, self._failed, tls=context))
        if certificate is not None:
            self._renewing = renewing(certificate, self._renewed, self._failed)
            self._renewing.start()

    def close(self) -> None:
        """End."""
        if self._renewing is not None:
            self._renewing.stop()
        for pages in self._open:
            pages.close()

    def _serve(self, pages: Pages) -> None:
        self._open.append(pages)
        pages.start()

    def _metrics(self) -> tuple[int, str, bytes]:
        return 200, METRICS, self._agent.metrics.text()

    def _failed(self, why: Reason) -> None:
        self._agent.journal.complain("warning", "desk", why)

    def _renewed(self) -> None:
        self._agent.journal.write("info", "renewed", {"what": "certificate"})


def _json(make: Callable[[], object]) -> Page:
    return lambda: (200, JSON, json.dumps(make()).encode())
