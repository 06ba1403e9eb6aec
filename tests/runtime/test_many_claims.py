"""Pods with a claim each, while the agent is killed and stopped in the middle: of fifty in a soak.

No container runs without its network, and none is stuck once the agent is back.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.runtime.cri import Refused
from tests.runtime.kubelet import Unprepared
from tests.runtime.test_claims import api, bank, start
from tests.sizes import size
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from tests.runtime.claims import Claims
    from tests.runtime.site import Sandbox

    T = TypeVar("T")

__all__ = ["api", "bank"]  # the fixtures
PODS = size(6, 50)
KILLED, STOPPED = PODS // 3, 2 * PODS // 3  # the pods whose start meets that


@dataclass
class Started:
    """A pod with a claim, and its container once that runs."""

    claim: dict[str, Any]
    sandbox: Sandbox
    names: list[str]


def begun(bank: Claims, number: int, between: Callable[[], None] = lambda: None) -> Started:
    """Have a claim prepared, and the pod's sandbox run, trying again as kubelet does."""
    name, uid = f"many-{number}", str(uuid.uuid4())
    claim = bank.claim(f"many-{number}-{uid[:8]}", name, uid, number=number, operator={"network": {"pool": "trade"}})
    names = until(lambda: tried(lambda: bank.kubelet.prepare(claim)), bank.log) or []
    between()
    sandbox = until(lambda: tried(lambda: start(bank, name, uid)), bank.log)
    assert sandbox is not None
    return Started(claim=claim, sandbox=sandbox, names=names)


def tried(action: Callable[[], T]) -> T | None:
    """Return what comes of it; None if it is refused for now."""
    try:
        return action()
    except (Refused, Unprepared, grpc.RpcError):
        return None


def contained(bank: Claims, pod: Started) -> str | None:
    """Start the pod's container; return its ID, None if it is refused."""
    return tried(lambda: bank.site.container(pod.sandbox, *pod.names))


def has_link(bank: Claims, pod: Started) -> bool:
    return "net1" in bank.site.inside(pod.sandbox, "ip", "-o", "-4", "address")


def ended(bank: Claims, pod: Started) -> None:
    """Have the claim taken back, trying again as kubelet does."""

    def unprepared() -> bool:
        bank.kubelet.unprepare(pod.claim)
        return True

    until(lambda: tried(unprepared), bank.log)


@pytest.mark.parametrize("bank", [{"places": PODS}], indirect=True)
def test_no_container_runs_without_its_network_and_none_is_stuck_once_the_agent_is_back(bank: Claims) -> None:
    pods = []
    for number in range(PODS):
        pod = begun(bank, number, {KILLED: bank.kill, STOPPED: bank.freeze}.get(number, lambda: None))
        if number in (KILLED, STOPPED):  # the runtime goes on without the agent, and the hook is there
            assert not has_link(bank, pod)
            assert contained(bank, pod) is None
            (bank.start if number == KILLED else bank.thaw)()
        assert until(partial(contained, bank, pod), bank.log)
        assert has_link(bank, pod)
        pods.append(pod)
    bank.kill()
    bank.site.remove(pods[0].sandbox)
    bank.start()
    for pod in pods[1:]:
        assert has_link(bank, pod)
        bank.site.remove(pod.sandbox)
    for pod in pods:
        ended(bank, pod)
    assert [line for line in bank.site.left_behind() if bank.link not in line] == []
