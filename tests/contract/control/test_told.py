"""What the controller says of an object is said, although the API server's answers do not come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podberth.controller.conditions import pool_status
from podberth.controller.effects import MAX_UNTOLD, Effects
from podberth.kube.errors import Forbidden, Unknown
from podberth.kube.events import WARNING, Recorder
from podberth.kube.resources import EVENTS, POOLS
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from tests.contract.control.cluster import pool
from tests.contract.control.new_node import told as messages
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.kube.client import Object
    from tests.contract.control.cluster import Cluster


STATUS = pool_status((), ("it is not in force",))


class Losing:
    """A client of the cluster whose next writes, `failures` of them, raise; they are carried out or they are not."""

    def __init__(self, cluster: Cluster, *, carried_out: bool, failure: type[Exception] = Unknown) -> None:
        self.client = cluster.client
        self.failures = 0
        self._carried_out = carried_out
        self._failure = failure

    def get(self, *arguments: Any) -> Object:
        return self.client.get(*arguments)

    def create(self, *arguments: Any) -> Object:
        return self._write(lambda: self.client.create(*arguments))

    def merge_patch(self, *arguments: Any, **more: Any) -> Object:
        return self._write(lambda: self.client.merge_patch(*arguments, **more))

    def _write(self, done: Callable[[], Object]) -> Object:
        if not self.failures:
            return done()
        self.failures -= 1
        if self._carried_out:
            done()
        raise self._failure("no answer")


def told(losing: Any, cluster: Cluster, folder: Path) -> Effects:
    proposer = Proposer(Replica(str(folder / "effects")), cluster.store, "controller", current=False)
    return Effects(losing, proposer, Recorder(losing, "test", "test"), "test")


def reasons(cluster: Cluster) -> list[str]:
    return [event["reason"] for event in cluster.client.list(EVENTS).items]


def the_pool(cluster: Cluster) -> Object:
    cluster.apply(pool())
    return cluster.client.list(POOLS).items[0]


@pytest.mark.parametrize("carried_out", [True, False])
def test_an_event_whose_post_had_no_answer_is_posted_later(
    cluster: Cluster, tmp_path: Path, *, carried_out: bool
) -> None:
    losing = Losing(cluster, carried_out=carried_out)
    effects, about = told(losing, cluster, tmp_path), the_pool(cluster)
    losing.failures = 2
    effects.tell(about, WARNING, "PoolNearlyFull", "1 of 2 addresses is free")
    effects.tell_again()
    assert reasons(cluster) == (["PoolNearlyFull"] if carried_out else [])
    effects.tell_again()
    assert reasons(cluster) == ["PoolNearlyFull"]
    losing.failures = 1
    effects.tell_again()  # has nothing more to post
    assert losing.failures == 1


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_status_whose_write_had_no_answer_is_news_at_the_next_look(
    cluster: Cluster, tmp_path: Path, *, carried_out: bool
) -> None:
    losing = Losing(cluster, carried_out=carried_out)
    effects, found = told(losing, cluster, tmp_path), the_pool(cluster)
    losing.failures = 1
    with pytest.raises(Unknown):
        effects.show(POOLS, found, STATUS)
    now = cluster.client.list(POOLS).items[0]
    assert effects.show(POOLS, now, STATUS)
    assert not effects.show(POOLS, cluster.client.list(POOLS).items[0], STATUS)


def test_an_event_that_the_server_refuses_is_not_posted_again(cluster: Cluster, tmp_path: Path) -> None:
    losing = Losing(cluster, carried_out=False, failure=Forbidden)
    effects, about = told(losing, cluster, tmp_path), the_pool(cluster)
    losing.failures = 1
    effects.tell(about, WARNING, "PoolNearlyFull", "")
    effects.tell_again()
    assert reasons(cluster) == []


def test_the_newest_events_wait_if_there_are_too_many(cluster: Cluster, tmp_path: Path) -> None:
    losing = Losing(cluster, carried_out=False)
    effects, about = told(losing, cluster, tmp_path), the_pool(cluster)
    losing.failures = MAX_UNTOLD + 5
    for number in range(MAX_UNTOLD + 2):
        effects.tell(about, WARNING, f"Reason{number}", "")
    effects._untold = dict(list(effects._untold.items())[:3])
    losing.failures = 0
    effects.tell_again()
    assert sorted(reasons(cluster)) == ["Reason2", "Reason3", "Reason4"]


def test_a_server_that_is_silent_is_asked_once_for_all_events_that_wait(cluster: Cluster, tmp_path: Path) -> None:
    losing = Losing(cluster, carried_out=False)
    effects, about = told(losing, cluster, tmp_path), the_pool(cluster)
    losing.failures = 7
    for number in range(3):
        effects.tell(about, WARNING, f"Reason{number}", "")
    effects.tell_again()
    assert losing.failures == 3  # each may cost a timeout, and a sweep has an end
    effects.tell_again()  # begins with another
    losing.failures = 0
    effects.tell_again()
    assert sorted(reasons(cluster)) == ["Reason0", "Reason1", "Reason2"]


def test_a_pool_whose_refusal_was_written_without_an_answer_has_its_event(cluster: Cluster) -> None:
    controller = cluster.controller()
    cluster.apply(pool("db", "10.20.0.0/24"))
    until(lambda: cluster.condition("pool", "db")[0] == "True")
    losing = Losing(cluster, carried_out=True)
    losing.failures = 1
    controller._sweep._effects._client = losing  # type: ignore[assignment]
    cluster.apply(pool("aa", "10.20.0.0/16"))
    until(lambda: any("overlap" in message for message in messages(cluster, "NotInForce")))
    assert losing.failures == 0
