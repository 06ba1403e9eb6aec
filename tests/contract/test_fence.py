"""`fence` asks the node first: one that is heard of is not fenced, by the clock of whoever listens."""

from __future__ import annotations

import io
import json
import threading
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

import pytest

from podberth.cli.listening import LISTENING, listen
from podberth.cli.main import main
from podberth.cni.value import replace
from podberth.ipam.registration import ASK, Registration
from tests.contract.clusters import clear_kubernetes, in_etcd, in_kubernetes
from tests.contract.identity.api import Api
from tests.contract.identity.site import Site
from tests.contract.ledgers import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from podberth.stores.replica.shared import Cluster
    from tests.contract.identity.site import Machine

N1 = Registration(node="n1", machine="m1", boot="b1", key="k1", time=NOON)


class Watch:
    """A monotonic clock that moves as the one who listens rests; `then` is what others do meanwhile."""

    def __init__(self, then: Callable[[float], None] = lambda _: None) -> None:
        self.now = 0.0
        self.then = then

    def __call__(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += seconds
        self.then(self.now)


@pytest.fixture(params=["etcd", "kubernetes"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Two machines of one ledger; of one in the Kubernetes API they are no Nodes."""
    if request.param == "etcd":
        yield Site(tmp_path, in_etcd())
        return
    api = Api()
    yield Site(tmp_path, in_kubernetes(alone=True))
    api.close()
    clear_kubernetes()


@pytest.fixture
def nodes(site: Site) -> tuple[Machine, Machine]:
    one, two = site.machine("n1"), site.machine("n2")
    site.declare(one)
    assert one.add("c1", "u1").code == 0
    return one, two


def heard(machine: Machine, watch: Watch) -> str:
    return listen(machine.node, "n1", LISTENING, watch, watch.rest)


def alive(cluster: Cluster, mine: Registration = N1) -> Callable[[float], None]:
    """Return what an agent does each 15 s."""

    def then(now: float) -> None:
        if now % ASK == 0:
            assert cluster.prove(mine, lambda _: None, waited=False).refusal == ""

    return then


def test_a_node_that_lives_answers_and_its_registration_is_as_before(site: Site, nodes: tuple[Machine, ...]) -> None:
    told: list[str] = []
    site.cluster.prove(N1, told.append, waited=False)
    assert heard(nodes[1], Watch(alive(site.cluster))) == "it has answered, 15 s after it was asked"
    assert nodes[1].node.elsewhere.machines("n1") == (N1,)
    assert told == []


def test_a_node_that_says_nothing_for_a_minute_is_not_heard_of(site: Site, nodes: tuple[Machine, ...]) -> None:
    site.cluster.prove(N1, print, waited=False)
    watch = Watch()
    assert heard(nodes[1], watch) == ""
    assert watch.now == LISTENING
    assert nodes[1].node.elsewhere.machines("n1") == (N1,)  # nothing is left of the question


def test_a_question_is_no_copy_of_the_node(site: Site, nodes: tuple[Machine, ...]) -> None:
    told: list[str] = []
    site.cluster.prove(N1, told.append, waited=False)
    assert nodes[1].node.elsewhere.ask("n1", "alive?1")
    assert site.cluster.prove(N1, told.append, waited=False).refusal == ""
    assert told == ["somebody asked whether node n1 lives, to fence it: it does"]
    assert nodes[1].node.elsewhere.machines("n1")[0].former == ()


def test_a_node_that_reboots_while_it_is_asked_is_heard_of(site: Site, nodes: tuple[Machine, ...]) -> None:
    site.cluster.prove(N1, print, waited=False)
    rebooted = replace(N1, boot="b2")

    def then(now: float) -> None:
        if now == 20.0:
            assert site.cluster.prove(rebooted, print, waited=False).pending

    assert "it has answered" in heard(nodes[1], Watch(then))


def test_a_node_of_before_that_registers_nowhere_is_heard_of_by_what_it_binds(
    site: Site, nodes: tuple[Machine, ...]
) -> None:
    one, two = nodes

    def then(now: float) -> None:
        if now == 30.0:
            one.delete("c1", "u1")

    assert heard(two, Watch(then)) == "the addresses that it holds have changed since it was asked"
    assert heard(two, Watch()) == ""


def test_a_clock_of_another_day_is_nothing_that_is_looked_at(site: Site, nodes: tuple[Machine, ...]) -> None:
    site.cluster.prove(replace(N1, time=NOON + 86400 * 10**9), print, waited=False)
    assert heard(nodes[1], Watch()) == ""


def podberth(machine: Machine, *argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["--state", str(machine.state), *argv], lambda _: machine.node)
    return code, out.getvalue(), err.getvalue()


def test_the_command_refuses_a_node_that_lives_unless_pods_may_be_cut(site: Site, nodes: tuple[Machine, ...]) -> None:
    site.cluster.prove(N1, print, waited=False)
    over = threading.Event()

    def live() -> None:
        while not over.wait(0.1):
            site.cluster.prove(N1, lambda _: None, waited=False)

    agent = threading.Thread(target=live)
    agent.start()
    try:
        code, out, err = podberth(nodes[1], "fence", "n1", "--why", "wrong line of the list")
        assert (code, out) == (1, "")
        assert "error: node n1 lives: it has answered" in err
        assert "--cut-running-pods" in err
        assert json.loads(podberth(nodes[1], "fence", "--json")[1]) == {"fences": []}
        assert podberth(nodes[1], "fence", "n1", "--why", "burnt", "--cut-running-pods")[0] == 0
    finally:
        over.set()
        agent.join()
    (said,) = json.loads(podberth(nodes[1], "fence", "--json")[1])["fences"]
    assert (said["node"], said["why"]) == ("n1", "burnt")


def test_a_fence_after_silence_lets_one_other_machine_in(site: Site, nodes: tuple[Machine, ...]) -> None:
    site.cluster.prove(N1, print, waited=False)
    assert heard(nodes[1], Watch()) == ""
    assert podberth(nodes[1], "fence", "n1", "--why", "burnt", "--cut-running-pods")[0] == 0
    other = Registration(node="n1", machine="m2", boot="b2", key="k2", time=NOON)
    assert site.cluster.prove(other, print, waited=False).refusal == ""
    assert "machine-id m2" in site.cluster.prove(N1, print, waited=False).refusal
