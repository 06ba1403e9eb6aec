"""A pod that moves between nodes where etcd is all there is to ask: its node lets go, or an operator fences it."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cli.main import main
from podberth.verbs.repair import repair
from tests.contract.clusters import in_etcd
from tests.contract.identity.site import ADDRESS, Machine, Site
from tests.contract.ledgers import OPERATOR

if TYPE_CHECKING:
    from pathlib import Path

BOTH = [ADDRESS, "fd00:20::11"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, in_etcd())


@pytest.fixture
def nodes(site: Site) -> tuple[Machine, Machine]:
    """Two nodes; the pod runs on the first, in the sandbox `c1`."""
    one, two = site.machine("n1"), site.machine("n2")
    site.declare(one)
    assert one.add("c1", "u1").addresses == BOTH
    return one, two


def podberth(machine: Machine, *argv: str) -> tuple[int, dict[str, Any]]:
    """Run a command on the node; return its exit code and JSON. Who fences here has made sure: nobody is asked."""
    argv = (*argv, "--cut-running-pods") if argv[0] == "fence" and len(argv) > 1 else argv
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        code = main(["--state", str(machine.state), *argv, "--json"], lambda _: machine.node)
    return code, json.loads(out.getvalue())


def test_an_address_that_its_node_has_let_go_of_is_bound_again(site: Site, nodes: tuple[Machine, Machine]) -> None:
    one, two = nodes
    one.delete("c1", "u1")
    assert two.add("c2", "u2").addresses == BOTH
    assert two.host.probed == []
    assert site.story(two) == [("Bound", "c1", "n1"), ("Unbound", "c1", "n1"), ("Bound", "c2", "n2")]


def test_a_holder_on_another_node_is_waited_for_and_what_for_is_said(
    site: Site, nodes: tuple[Machine, Machine]
) -> None:
    _, two = nodes
    refused = two.add("c2", "u2")
    assert refused.code == 11
    assert "10.20.0.11 is still bound to bank/mysql-0 (container c1, interface eth0, node n1)" in refused.message
    assert "node n1 is not fenced" in refused.message
    assert "podberth fence n1" in refused.message
    assert site.story(two) == [("Bound", "c1", "n1")]
    assert two.node.attachments.all() == ()


def test_the_same_uid_proves_nothing_about_another_node(site: Site, nodes: tuple[Machine, Machine]) -> None:
    assert nodes[1].add("c2", "u1").code == 11
    assert site.holder(nodes[1]) == "c1"


def burn_first(site: Site, other: Machine) -> None:
    """Have the first node be off, and fenced from another."""
    podberth(other, "fence", "n1", "--why", "burnt")
    site.wire.silent.add("/run/netns/c1")


def test_from_a_fenced_node_it_moves_after_the_wire_was_asked(site: Site, nodes: tuple[Machine, Machine]) -> None:
    _, two = nodes
    code, said = podberth(two, "fence", "n1", "--why", "burnt, and switched off")
    assert code == 0
    assert [lease["address"] for lease in said["leases"]] == BOTH
    site.wire.silent.add("/run/netns/c1")
    assert two.add("c2", "u2").addresses == BOTH
    assert [str(address) for address in two.host.probed] == BOTH
    assert site.story(two) == [("Bound", "c1", "n1"), ("Moved", "c2", "n2")]
    why = site.last_why(two)
    assert why.startswith("ADD: from container c1 on node n1: node n1 is fenced by uid 0")
    assert why.endswith(": burnt, and switched off")


def test_a_fenced_node_that_still_answers_keeps_all_of_it(site: Site, nodes: tuple[Machine, Machine]) -> None:
    one, two = nodes
    podberth(two, "fence", "n1", "--why", "so it is said")
    refused = two.add("c2", "u2")
    assert refused.code == 11
    assert "but the host with MAC 02:50:00:00:00:00 answers for 10.20.0.11 on the wire" in refused.message
    assert site.story(two) == [
        ("Bound", "c1", "n1"),
        ("Moved", "c2", "n2"),
        ("Conflicted", "c2", "n2"),
        ("Moved", "c1", "n1"),
    ]
    assert site.last_why(two).startswith("given back by node n2: the host with MAC")
    assert [str(lease.address) for lease in one.node.ledger.leases()] == BOTH
    assert {lease.attachment.container_id for lease in one.node.ledger.leases()} == {"c1"}
    assert {lease.node for lease in one.node.ledger.leases()} == {"n1"}
    assert two.node.attachments.all() == ()
    assert one.start_agent() == []


def test_an_add_that_fails_after_all_leaves_the_address_where_it_was(
    site: Site, nodes: tuple[Machine, Machine]
) -> None:
    _, two = nodes
    burn_first(site, two)
    site.wire.cut = True
    assert two.add("c2", "u2").code != 0
    assert site.holder(two) == "c1"


def test_the_late_del_of_the_old_sandbox_touches_nothing_of_the_new_one(
    site: Site, nodes: tuple[Machine, Machine]
) -> None:
    one, two = nodes
    burn_first(site, two)
    two.add("c2", "u2")
    before = site.story(two)
    assert one.delete("c1", "u1").code == 0
    assert (site.story(two), site.holder(two), site.wire.where()) == (before, "c2", "c2")


def test_a_fenced_node_that_comes_back_is_cut_off_from_what_has_moved(
    site: Site, nodes: tuple[Machine, Machine]
) -> None:
    one, two = nodes
    burn_first(site, two)
    two.add("c2", "u2")
    assert one.start_agent() == ["c1: cut off"]
    site.wire.silent.clear()
    assert site.wire.where() == "c2"
    assert one.node.attachments.all() == ()
    assert (site.holder(one), one.start_agent()) == ("c2", [])


def test_repairing_what_has_moved_away_takes_it_back(site: Site, nodes: tuple[Machine, Machine]) -> None:
    one, two = nodes
    burn_first(site, two)
    two.add("c2", "u2")
    (record,) = one.node.attachments.all()
    assert repair(one.node, record.attachment, OPERATOR) != ()
    assert (one.node.attachments.all(), site.holder(one), site.wire.where()) == ((), "c2", "c2")


def test_a_table_shows_who_is_fenced(nodes: tuple[Machine, Machine]) -> None:
    two = nodes[1]
    podberth(two, "fence", "n1", "--why", "burnt")
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(["--state", str(two.state), "fence"], lambda _: two.node) == 0
    titles, row, count = out.getvalue().splitlines()
    assert titles.split() == ["NODE", "SINCE", "WHO", "WHY"]
    assert (row.split()[0], row.split()[-1], count) == ("n1", "burnt", "1 node fenced")


def test_what_moved_and_was_let_go_of_there_is_not_the_old_sandboxs_again(
    site: Site, nodes: tuple[Machine, Machine]
) -> None:
    one, two = nodes
    burn_first(site, two)
    two.add("c2", "u2")
    two.delete("c2", "u2")
    assert one.start_agent() == ["c1: cut off"]


def test_a_node_that_follows_the_store_hears_of_what_has_moved_away(nodes: tuple[Machine, Machine], site: Site) -> None:
    one, two = nodes
    heard: list[str] = []
    one.proposer.moved = lambda addresses: heard.extend(sorted(map(str, addresses)))
    burn_first(site, two)
    two.add("c2", "u2")
    one.proposer.catch_up()
    assert heard == BOTH


def test_what_was_said_about_a_node_is_kept_with_who_and_why(nodes: tuple[Machine, Machine]) -> None:
    two = nodes[1]
    assert podberth(two, "fence")[1] == {"fences": []}
    podberth(two, "fence", "n1", "--why", "burnt")
    assert podberth(two, "fence", "n1", "--why", "again")[0] == 1
    assert podberth(two, "unfence", "n1", "--why", "repaired")[0] == 0
    assert podberth(two, "unfence", "n1", "--why", "again")[0] == 3
    said = podberth(two, "fence")[1]["fences"]
    assert [(one["node"], one["fenced"], one["why"], one["from"]) for one in said] == [
        ("n1", True, "burnt", "n2"),
        ("n1", False, "repaired", "n2"),
    ]
    assert all(one["who"].startswith("uid 0") for one in said)
    assert two.add("c2", "u2").code == 11


def test_a_fenced_node_says_that_nothing_should_be_started_there(nodes: tuple[Machine, Machine]) -> None:
    one, two = nodes
    podberth(two, "fence", "n1", "--why", "burnt")
    refused = one.status()
    assert (refused.code, "podberth unfence n1" in refused.message) == (50, True)
    assert two.status().code == 0
    podberth(two, "unfence", "n1", "--why", "repaired")
    assert one.status().code == 0


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("fence", "n2", "--why", "it is this one"), 1),
        (("fence", "n9", "--why", "nobody is there"), 3),
        (("fence", "n1"), 2),
        (("fence", "n1", "--why", " "), 2),
        (("unfence", "n1"), 2),
    ],
)
def test_a_fence_that_makes_no_sense_is_refused(
    nodes: tuple[Machine, Machine], argv: tuple[str, ...], code: int
) -> None:
    assert podberth(nodes[1], *argv)[0] == code
    assert podberth(nodes[1], "fence")[1] == {"fences": []}
