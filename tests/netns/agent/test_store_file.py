"""A running agent whose store is replaced under it: it never goes on with a ledger of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns.agent.running import DOCUMENTS, agent
from tests.sizes import size
from tests.waiting import at_rest, until

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet

FILES = len(("podberth.db", "podberth.db-wal", "podberth.db-shm"))
WRONG = size(20, 150)  # directories: more than an agent keeps open


def test_a_store_that_is_deleted_and_made_anew_under_an_agent_gives_no_address_twice(node: Kubelet) -> None:
    first, second = node.pod("mysql-0"), node.pod("mysql-1")
    with agent(node) as running:
        given = node.call("ADD", first).address
        for file in node.state.glob("podberth.db*"):
            file.unlink()
        node.apply(DOCUMENTS)
        assert node.call("ADD", second).address != given
        leased = {str(address) for (address,) in node.rows("SELECT container_id FROM leases")}
        assert leased == {first.container_id, second.container_id}  # the agent has told the new store of the first
        assert node.call("STATUS", second).code == 0
        assert running.process.poll() is None


def test_a_wrong_state_directory_is_neither_made_nor_kept_open(node: Kubelet, tmp_path: Path) -> None:
    pod = node.pod("mysql-0")
    with agent(node) as running:
        assert node.call("ADD", pod).code == 0

        def opened() -> int:
            return len(list(Path(f"/proc/{running.process.pid}/fd").iterdir()))

        before = at_rest(opened)
        for number in range(WRONG):
            assert node.call("DEL", pod, stateDir=str(tmp_path / f"wrong-{number}")).code == 0
        until(lambda: opened() <= before + FILES, lambda: f"{before} were open, and {opened()} are")
        assert list(tmp_path.glob("wrong-*")) == []
