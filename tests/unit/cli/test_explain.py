"""`podberth explain` and `plan`: before the fact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Claim, Wanted
from tests.unit.cli.node import MYSQL, PLUGIN, POD

if TYPE_CHECKING:
    from tests.ended import Ended
    from tests.unit.cli.node import Operator

CONF = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth", "bridge": "bank0", "pool": "db", "mtu": 1400}
OTHER = """\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: web}
spec:
  pod: web
  attachments:
  - {ifname: net1, network: banknet, pool: db, sticky: true}
  - {ifname: net2, network: other, pool: db}
"""


def config(podberth: Operator, **changes: object) -> str:
    return podberth.file("net.json", json.dumps({**CONF, **changes}))


def values(ended: Ended, index: int = 0) -> dict[str, dict[str, Any]]:
    return {value["field"]: value for value in ended.json["interfaces"][index]["values"]}


def test_every_value_names_its_source_and_what_it_overrides(podberth: Operator) -> None:
    podberth.apply(POD)
    found = values(podberth("explain", "bank/mysql-0", "--config", config(podberth), "--json"))
    assert (found["ipv4"]["value"], found["ipv4"]["source"]) == ("10.20.0.11", "PodNetwork (StatefulSet)")
    assert (found["rates"]["value"], found["rates"]["source"]) == ({"egress": 1000}, "PodNetwork (StatefulSet)")
    assert found["vlan"]["source"] == "PodNetwork (pod)"
    assert [other["source"] for other in found["vlan"]["overridden"]] == ["pool"]
    assert (found["mtu"]["value"], found["mtu"]["source"]) == (9000, "pool")
    assert [other["value"] for other in found["mtu"]["overridden"]] == [1400]
    assert found["device"] == {
        "field": "device",
        "value": "bank0",
        "source": "network configuration",
        "detail": "banknet",
        "overridden": [],
    }
    assert found["sticky"]["source"] == "built-in default"


def test_the_table_shows_what_was_overridden_below_what_won(podberth: Operator) -> None:
    podberth.apply(POD)
    rows = podberth("explain", "bank/mysql-0", "--config", config(podberth)).table
    at = next(i for i, row in enumerate(rows) if row[0] == "mtu")
    assert rows[at][:3] == ["mtu", "9000", "pool"]
    assert rows[at + 1][:2] == ["1400", "overridden: network configuration"]


def test_what_follows_from_the_addresses_is_worked_out(podberth: Operator) -> None:
    podberth.apply(POD)
    ended = podberth("explain", "bank/mysql-0", "--json")
    assert ended.json["interfaces"][0]["effective"] == {
        "mac": "02:50:0a:14:00:0b",
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.20.0.1"}],
    }
    assert "fromAddress: 02:50:0a:14:00:0b" in podberth("explain", "bank/mysql-0").out


def test_an_address_nobody_names_is_the_reserved_one_or_an_example(podberth: Operator) -> None:
    podberth("reserve", "bank/web", "10.20.0.30")
    shown = podberth("explain", "bank/web", "--config", config(podberth), "--json").json
    assert shown["interfaces"][0]["addresses"] == [
        {"address": "10.20.0.30", "why": "reserved for the pod's name (manual)"},
        {"address": "fd00:20::1", "why": "any free address, for example this one"},
    ]


def test_the_example_is_an_address_that_nobody_has(podberth: Operator) -> None:
    podberth.attach("bank/one", "10.20.0.2")
    podberth("reserve", "bank/two", "10.20.0.3")
    shown = podberth("explain", "bank/web", "--config", config(podberth), "--json").json
    assert shown["interfaces"][0]["addresses"][0]["address"] == "10.20.0.4"


def test_without_an_ifname_every_declared_interface_is_explained(podberth: Operator) -> None:
    podberth.apply(OTHER)
    both = podberth("explain", "bank/web", "--json").json["interfaces"]
    assert [(each["ifname"], each["network"]) for each in both] == [("net1", "banknet"), ("net2", "other")]
    one = podberth("explain", "bank/web", "--ifname", "net2", "--json").json["interfaces"]
    assert [each["ifname"] for each in one] == ["net2"]
    of_network = podberth("explain", "bank/web", "--config", config(podberth), "--json").json["interfaces"]
    assert [each["ifname"] for each in of_network] == ["net1"]


def test_an_add_that_would_be_refused_is_said_so_with_exit_code_one(podberth: Operator) -> None:
    ended = podberth("explain", "bank/stray", "--config", config(podberth, undeclared="refuse"))
    assert ended.code == 1
    assert "refused: network banknet takes declared pods only" in ended.out
    told = podberth("explain", "bank/stray", "--config", config(podberth, undeclared="refuse"), "--json")
    assert told.code == 1
    assert told.json["interfaces"][0]["refusal"]["code"] == 102
    assert told.json["interfaces"][0]["addresses"] == []


def test_an_address_that_another_pod_has_is_a_refusal(podberth: Operator) -> None:
    asked = config(podberth, args={"cni": {"ips": ["10.20.0.11"]}})
    assert podberth("explain", "bank/thief", "--config", asked).code == 1


def test_without_a_pool_to_be_found_the_config_is_asked_for(podberth: Operator) -> None:
    ended = podberth("explain", "bank/stray")
    assert (ended.code, ended.out) == (1, "")
    assert "--config" in ended.err


def test_explaining_changes_nothing(podberth: Operator) -> None:
    before = podberth("history", "--json").json
    podberth("explain", "bank/mysql-0", "--config", config(podberth))
    podberth("explain", "bank/web", "--config", config(podberth, sticky=True))
    assert podberth("history", "--json").json == before


def test_a_list_of_plugins_lends_its_name_and_version(podberth: Operator) -> None:
    inner = {key: CONF[key] for key in CONF if key not in ("name", "cniVersion")}
    listed = {"cniVersion": "1.0.0", "name": "banknet", "plugins": [{"type": "loopback"}, inner]}
    file = podberth.file("10.conflist", json.dumps(listed))
    assert podberth("explain", "bank/mysql-0", "--config", file, "--json").json["interfaces"][0]["network"] == "banknet"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "bridge"}]}',
        '{"cniVersion": "1.0.0", "name": "x", "plugins": 7}',
        '{"cniVersion": "1.0.0", "name": "../x", "type": "podberth"}',
        '{"cniVersion": "9.9.9", "name": "x", "type": "podberth"}',
        '{"cniVersion": "1.0.0", "name": "x", "type": "podberth", "mtu": "tall"}',
        '{"name": "x", "name": "y", "type": "podberth"}',
    ],
)
@pytest.mark.parametrize("command", ["explain", "plan"])
def test_a_configuration_at_fault_is_refused(podberth: Operator, command: str, text: str) -> None:
    ended = podberth(command, "bank/mysql-0", "--config", podberth.file("net.json", text))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")


@pytest.mark.parametrize("command", ["explain", "plan"])
def test_a_configuration_that_is_not_there_is_refused(podberth: Operator, command: str) -> None:
    assert podberth(command, "bank/mysql-0", "--config", "/nowhere/net.json").code == 3


def test_a_plan_is_the_commands_that_would_do_the_same(podberth: Operator) -> None:
    ended = podberth("plan", "bank/mysql-0", "--config", config(podberth), "--netns", "/run/netns/mysql")
    assert ended.code == 0
    assert ended.out.startswith("# 10.20.0.11: PodNetwork (StatefulSet)\n# fd00:20::11: PodNetwork (StatefulSet)\n")
    assert "bank0.100" in ended.out
    assert "10.20.0.11/24" in ended.out
    assert podberth.host.undone == []


def test_the_json_of_a_plan_has_every_op(podberth: Operator) -> None:
    shown = podberth("plan", "bank/mysql-0", "--config", config(podberth), "--json").json
    assert shown["attachment"] == {"network": "banknet", "container_id": "CONTAINER", "ifname": "eth0"}
    assert [each["address"] for each in shown["addresses"]] == ["10.20.0.11", "fd00:20::11"]
    names = [each["op"] for each in shown["ops"]]
    assert names[:2] == ["CreateVeth", "JoinBridge"]
    assert {"AddAddress", "AddRoute", "LimitReceive"} <= set(names)
    assert all(each["command"] for each in shown["ops"])


def test_a_plan_for_addresses_only_has_no_ops(podberth: Operator) -> None:
    conf = {"cniVersion": "1.0.0", "name": "banknet", "type": "macvlan", "ipam": {"type": "podberth", "pool": "db"}}
    file = podberth.file("net.json", json.dumps(conf))
    assert podberth("plan", "bank/mysql-0", "--config", file, "--json").json["ops"] == []
    assert "addresses only" in podberth("plan", "bank/mysql-0", "--config", file).out


def test_a_plan_of_a_refused_add_is_that_refusal(podberth: Operator) -> None:
    ended = podberth("plan", "bank/stray", "--config", config(podberth, undeclared="refuse"), "--json")
    assert (ended.code, ended.json["code"]) == (1, 102)


def test_a_plan_needs_a_configuration(podberth: Operator) -> None:
    assert podberth("plan", "bank/mysql-0").code == 2


def test_a_replica_beyond_those_declared_is_refused(podberth: Operator) -> None:
    assert "replicas: 3" in MYSQL
    ended = podberth("explain", "bank/mysql-3", "--config", config(podberth))
    assert ended.code == 1
    assert "bank/mysql-3" in ended.err


def test_a_refused_pod_with_a_reservation_is_told_of_it_and_how_it_would_count(podberth: Operator) -> None:
    podberth("reserve", "bank/stray", "10.20.0.30")
    where = config(podberth, undeclared="refuse")
    refusal = podberth("explain", "bank/stray", "--config", where, "--json").json["interfaces"][0]["refusal"]
    assert "10.20.0.30 of pool db is reserved for it, which is no declaration" in refusal["msg"]
    assert "`ifname: eth0`, `pool: db` and `addresses: [10.20.0.30]`" in refusal["details"]
    told = podberth("explain", "bank/stray", "--ifname", "net7", "--config", where, "--json")
    assert "reserved" not in told.json["interfaces"][0]["refusal"]["msg"]


def test_people_see_a_field_as_documents_write_it_and_programs_as_0_1_0_wrote_it(podberth: Operator) -> None:
    podberth.apply(POD)
    shown = podberth("explain", "bank/mysql-0", "--config", config(podberth)).out
    assert "linkState" in shown
    assert "link_state" not in shown
    assert "link_state" in values(podberth("explain", "bank/mysql-0", "--config", config(podberth), "--json"))


RESTING = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.20.0.0/30}]
  quarantine: 600
  allow: [{namespaces: [bank], podRequests: true}]
"""


def rested(podberth: Operator) -> str:
    """Have bank/a give back 10.20.0.1, which rests from then on; return a network configuration."""
    podberth.apply(RESTING)
    attached = podberth.attach("bank/a", "10.20.0.1", recorded=False)
    podberth.connect(str(podberth.state)).ledger.unbind(attached, PLUGIN)
    return config(podberth)


def test_an_address_in_quarantine_is_planned_for_no_other_pod_as_add_gives_it_to_none(bare: Operator) -> None:
    file = rested(bare)
    shown = bare("plan", "bank/c", "--config", file, "--json").json
    assert [each["address"] for each in shown["addresses"]] == ["10.20.0.2"]
    claim = Claim(
        attachment=Attachment(network="banknet", container_id="c", ifname="eth0"),
        pod=PodRef(namespace="bank", name="c"),
        netns="/run/netns/c",
        wanted=(Wanted(pool="db", family=4),),
    )
    (lease,) = bare.connect(str(bare.state)).ledger.bind(claim, PLUGIN)
    assert str(lease.address) == "10.20.0.2"


def test_a_resting_address_that_a_pod_names_is_refused_by_plan_as_by_add(bare: Operator) -> None:
    file = rested(bare)
    with pytest.raises(TryAgainLater) as refused:
        bare.attach("bank/b", "10.20.0.1")
    named = bare.file("named.json", json.dumps({**CONF, "args": {"cni": {"ips": ["10.20.0.1"]}}}))
    assert bare("plan", "bank/b", "--config", file).code == 0
    planned = bare("plan", "bank/b", "--config", named)
    assert planned.code == 1
    assert refused.value.message.partition(" for another")[0] in planned.err
