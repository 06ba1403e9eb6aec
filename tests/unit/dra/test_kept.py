"""What is kept of claims, what the runtime is told of them, and kubelet's messages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from podberth.dra.cdi import Fence
from podberth.dra.messages import Asked, asking, claims_of, registered
from podberth.dra.prepared import Interface, Prepared, PreparedClaims
from podberth.protobuf.wire import Malformed, encoded_bytes, encoded_number, encoded_text

if TYPE_CHECKING:
    from pathlib import Path

INTERFACE = Interface(
    request="net1",
    pool="node1",
    device="vf-1",
    ifname="net1",
    conf='{"name": "n"}',
    identity="Pod",
    mac="02:00:00:00:00:01",
    ips=("10.0.0.1/24",),
)
CLAIM = Prepared(namespace="bank", name="fast", uid="u1", pod_name="db-0", pod_uid="p1", interfaces=(INTERFACE,))


def test_a_claim_is_found_by_its_uid_and_its_pods_by_the_next_agent_too(tmp_path: Path) -> None:
    first = PreparedClaims(tmp_path)
    first.put(CLAIM)
    next_one = PreparedClaims(tmp_path)
    next_one.load()

    for claims in (first, next_one):
        assert claims.find("u1") == CLAIM
        assert claims.of_pod("p1") == (CLAIM,)
        assert claims.of_pod("p2") == ()


@pytest.mark.parametrize("name", ["fast", "db-0"])
def test_whose_an_address_is_follows_from_the_claim_s_word_also_where_it_has_its_pod_s_name(name: str) -> None:
    claim = replace(CLAIM, name=name)

    assert claim.owner(INTERFACE) == ("db-0", "p1")
    assert claim.owner(replace(INTERFACE, identity="Claim")) == (name, "u1")


def test_a_file_that_is_no_claim_is_named_and_left_alone_and_the_others_are_read(tmp_path: Path) -> None:
    claims = PreparedClaims(tmp_path)
    claims.put(CLAIM)
    own = (tmp_path / "u1.json").read_text()
    broken = {
        "half": '{"uid"', "list": "[1]", "none": "", "null": "null", "deep": "[" * 100_000,
        "other": '{"uid": "x", "interfaces": [{"y": 1}]}', "copy": own, "u2": own.replace('"u1"', '["u2"]'),
        "u3": own.replace('"u1"', '"u3"').replace("name", "nome"),
        "u4": own.replace('"u1"', '"u4"').replace('"Pod"', '"pod"'),
    }  # fmt: skip
    for name, text in broken.items():
        (tmp_path / f"{name}.json").write_text(text)
    claims.load()

    assert claims.find("u1") == CLAIM
    assert [path.rpartition("/")[2] for path in claims.unreadable] == sorted(f"{name}.json" for name in broken)


def test_a_claim_is_forgotten_once_and_again(tmp_path: Path) -> None:
    claims = PreparedClaims(tmp_path)
    claims.put(CLAIM)
    claims.remove("u1")
    claims.remove("u1")

    assert claims.find("u1") is None
    assert list(tmp_path.glob("*.json")) == []


def test_the_runtime_is_told_of_a_hook_that_looks_for_the_link(tmp_path: Path) -> None:
    fence = Fence(folder=tmp_path / "cdi", hook="/x/podberth-link-hook", vendor="dra.podberth.io")
    two = replace(CLAIM, interfaces=(INTERFACE, replace(INTERFACE, ifname="net2", mac="")))
    fence.put(two)
    (file,) = (tmp_path / "cdi").iterdir()
    said = json.loads(file.read_text())

    assert file.name == "dra.podberth.io-claim-u1.json"
    assert (said["cdiVersion"], said["kind"]) == ("0.5.0", "dra.podberth.io/claim")
    assert fence.names(two) == ("dra.podberth.io/claim=claim-u1-0", "dra.podberth.io/claim=claim-u1-1")
    assert [each["name"] for each in said["devices"]] == ["claim-u1-0", "claim-u1-1"]
    (hook,) = said["devices"][0]["containerEdits"]["hooks"]
    assert hook["hookName"] == "createRuntime"
    assert (hook["path"], hook["args"][1:]) == ("/x/podberth-link-hook", ["net1", "02:00:00:00:00:01"])
    fence.remove("u1")
    fence.remove("u1")
    assert list((tmp_path / "cdi").iterdir()) == []


def test_claims_of_a_request_are_read_as_they_were_written() -> None:
    asked = (Asked(namespace="bank", name="fast", uid="u1"), Asked(namespace="web", name="slow", uid="u2"))
    assert claims_of(asking(asked)) == asked


@pytest.mark.parametrize("uid", ["", "../../etc/x", "a/b", "a" * 300])
def test_a_uid_that_can_be_no_files_name_is_no_uid(uid: str) -> None:
    with pytest.raises(Malformed):
        claims_of(asking([Asked(namespace="bank", name="fast", uid=uid)]))


def test_a_request_of_too_many_claims_is_refused() -> None:
    with pytest.raises(Malformed, match="claims in one request"):
        claims_of(encoded_bytes(1, b"") * 300)


def test_kubelet_says_why_it_does_not_take_a_driver() -> None:
    assert registered(encoded_number(1, 1)) == ""
    assert registered(encoded_text(2, "no version of it")) == "no version of it"
    assert registered(b"") != ""
