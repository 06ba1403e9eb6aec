"""A pod's life under containerd: its address, its end, and what may go wrong in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.waiting import until

if TYPE_CHECKING:
    from tests.runtime.site import Site


def test_a_sandbox_has_the_address_declared_for_its_pod_and_its_status_says_so(bank: Site) -> None:
    sandbox = bank.run("mysql-1")

    assert bank.address(sandbox) == "10.50.0.41"
    assert "inet 10.50.0.41/24" in bank.inside(sandbox, "ip", "-o", "address", "show", "eth0")


def test_pods_reach_each_other_from_their_containers(bank: Site) -> None:
    first, second = bank.run("mysql-0"), bank.run("mysql-1")
    container = bank.container(first)

    assert bank.exec(container, "ping", "-c", "1", "-w", "60", bank.address(second)) == 0
    assert bank.exec(container, "ping", "-c", "1", "-W", "1", "10.50.0.99") == 1


def test_stop_and_remove_leave_nothing(bank: Site) -> None:
    sandbox = bank.run("mysql-0")
    bank.container(sandbox)
    there = {line.split()[0] for line in bank.left_behind()}
    assert there >= {"attachments", "file", "leases", "link", "network", "sandbox"}

    bank.remove(sandbox)

    assert bank.left_behind() == []


def test_the_pod_made_anew_under_another_id_has_the_same_address(bank: Site) -> None:
    old = bank.run("mysql-2")
    bank.remove(old)
    bank.remove(bank.run("mysql-3"))

    new = bank.run("mysql-2")

    assert new.id != old.id
    assert bank.address(new) == "10.50.0.42"


def test_a_pod_whose_pause_process_was_killed_ends_without_remains(bank: Site) -> None:
    sandbox = bank.run("mysql-0")
    bank.node.run("kill", "-KILL", str(bank.info(sandbox)["pid"]))
    until(
        lambda: bank.status(sandbox).get("state") == 1,
        bank.containerd.log_after("it is still said to be ready"),
    )

    bank.remove(sandbox)

    assert bank.left_behind() == []


def test_a_pod_that_ran_on_while_containerd_was_killed_and_started_ends_without_remains(bank: Site) -> None:
    sandbox = bank.run("mysql-0")
    bank.containerd.kill()
    bank.containerd.start()
    assert bank.address(sandbox) == "10.50.0.40"

    bank.remove(sandbox)

    assert bank.left_behind() == []


def test_a_pod_that_ended_while_containerd_was_down_ends_without_remains(bank: Site) -> None:
    sandbox = bank.run("mysql-0")
    pause = str(bank.info(sandbox)["pid"])
    bank.containerd.kill()
    bank.node.run("kill", "-KILL", pause)
    bank.containerd.start()

    bank.remove(sandbox)

    assert bank.left_behind() == []


def test_a_pod_that_ended_after_its_network_was_renamed_gets_its_address_again(bank: Site) -> None:
    old = bank.run("mysql-0")
    bank.use()  # under another name: containerd deletes from the network there is, not from the one the pod is on
    bank.remove(old)

    assert bank.address(bank.run("mysql-0")) == "10.50.0.40"


def test_every_further_stop_is_another_del_that_succeeds(bank: Site) -> None:
    sandbox = bank.run("mysql-0")
    netns = bank.netns(sandbox)
    for _ in range(4):
        bank.stop(sandbox)

    calls = bank.containerd.calls(sandbox.id)
    assert calls[:2] == [("ADD", netns), ("DEL", netns)]
    assert calls[2:]
    assert set(calls[2:]) == {("DEL", "-")}
    assert bank.rows("leases") == []
    assert bank.rows("attachments") == []
