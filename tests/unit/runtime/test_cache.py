"""The cache of attachments: libcni's own file, to the key, and what is in it counts, not what it is called."""

from __future__ import annotations

import base64
import json
import os
import resource
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed
from podberth.runtime.cache import DEFAULT, Cache, Cached
from podberth.runtime.conf import RuntimeConf

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = b'{"cniVersion": "1.0.0", "name": "banknet", "plugins": [{"type": "bridge"}]}\n\xff'
RESULT: dict[str, object] = {
    "cniVersion": "1.0.0",
    "ips": [{"address": "10.20.0.11/24", "beyond": None}],
    "beyond": {"text": "\u00e9"},
}
CONF = RuntimeConf(
    container_id="c0ffee",
    ifname="net1",
    netns="/run/netns/blue",
    args=(("IgnoreUnknown", "1"), ("K8S_POD_NAME", "mysql-0")),
    capability_args=(("portMappings", [{"hostPort": 80, "containerPort": 8080}]), ("mac", "02:00:00:00:00:11")),
)
FILE = "banknet-c0ffee-net1"
KEPT = Cached(
    network="banknet",
    container_id="c0ffee",
    ifname="net1",
    netns=CONF.netns,
    config=CONFIG,
    args=CONF.args,
    capability_args=CONF.capability_args,
    result=tuple(RESULT.items()),
)
# One line, as encoding/json writes it: no spaces, keys in the order of the structure, maps' sorted.
GO = (
    '{"kind":"cniCacheV1","containerId":"c0ffee",'
    f'"config":"{base64.b64encode(CONFIG).decode()}","ifName":"net1","networkName":"banknet","netns":"/run/netns/blue",'
    '"cniArgs":[["IgnoreUnknown","1"],["K8S_POD_NAME","mysql-0"]],'
    '"capabilityArgs":{"portMappings":[{"hostPort":80,"containerPort":8080}],"mac":"02:00:00:00:00:11"},'
    '"result":{"cniVersion":"1.0.0","ips":[{"address":"10.20.0.11/24","beyond":null}],"beyond":{"text":"\u00e9"}}}'
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "cni" / "results"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "cni"))


def put(cache: Cache, network: str = "banknet", container_id: str = "c0ffee", ifname: str = "net1") -> None:
    cache.put(network, RuntimeConf(container_id=container_id, ifname=ifname), CONFIG, RESULT)


def written(results: Path, text: str | bytes, file: str = FILE) -> Path:
    results.mkdir(parents=True, exist_ok=True)
    path = results / file
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def everything(results: Path) -> list[str]:
    return sorted(str(path.relative_to(results.parent)) for path in results.parent.rglob("*") if path != results)


def test_the_file_is_libcnis_to_the_key(cache: Cache, results: Path) -> None:
    cache.put("banknet", CONF, CONFIG, RESULT)
    document = json.loads((results / FILE).read_text())
    assert document == json.loads(GO)
    assert list(document) == list(json.loads(GO))
    assert base64.b64decode(document["config"], validate=True) == CONFIG


def test_what_is_empty_is_left_out_as_go_leaves_it_out(cache: Cache, results: Path) -> None:
    cache.put("banknet", RuntimeConf(container_id="c0ffee", ifname="net1"), CONFIG, RESULT)
    document = json.loads((results / FILE).read_text())
    assert sorted(document) == ["config", "containerId", "ifName", "kind", "networkName", "result"]


def test_folder_and_file_are_for_their_owner_alone(cache: Cache, results: Path) -> None:
    before = os.umask(0)
    try:
        put(cache)
    finally:
        os.umask(before)
    assert results.stat().st_mode & 0o7777 == 0o700
    assert (results / FILE).stat().st_mode & 0o7777 == 0o600


def test_libcnis_own_place_is_the_default() -> None:
    assert DEFAULT == "/var/lib/cni"


def test_what_is_put_is_got(cache: Cache) -> None:
    cache.put("banknet", CONF, CONFIG, RESULT)
    assert cache.get("banknet", "c0ffee", "net1") == KEPT
    assert list(cache.all()) == [KEPT]


def test_a_file_as_go_writes_it_is_read(cache: Cache, results: Path) -> None:
    written(results, GO)
    assert cache.get("banknet", "c0ffee", "net1") == KEPT


def test_a_file_of_go_without_a_configuration_is_read(cache: Cache, results: Path) -> None:
    body = {
        "kind": "cniCacheV1",
        "containerId": "c0ffee",
        "config": None,  # what a nil slice of bytes becomes
        "ifName": "net1",
        "networkName": "banknet",
    }
    written(results, json.dumps(body))
    assert cache.get("banknet", "c0ffee", "net1") == Cached(network="banknet", container_id="c0ffee", ifname="net1")


def test_an_older_libcnis_bare_result_is_read(cache: Cache, results: Path) -> None:
    written(results, json.dumps(RESULT))
    assert cache.get("banknet", "c0ffee", "net1") == Cached(
        network="", container_id="", ifname="", result=tuple(RESULT.items())
    )
    assert list(cache.all()) == []  # whose it is, nothing says
    cache.drop("banknet", "c0ffee", "net1")
    assert everything(results) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        GO[:-40],
        "[]",
        "null",
        b"\xff\xfe",
        b"\0" * 100,
        GO.replace('"config":"', '"config":"!'),
        GO.replace('"config":"', '"config":"\u00e9'),
        GO.replace('["IgnoreUnknown","1"]', '["IgnoreUnknown"]'),
        GO.replace('["IgnoreUnknown","1"]', "7"),
        GO.replace('[["IgnoreUnknown","1"],["K8S_POD_NAME","mysql-0"]]', "true"),
    ],
)
def test_a_damaged_file_is_nothing_and_can_be_dropped(cache: Cache, results: Path, text: str | bytes) -> None:
    written(results, text)
    assert cache.get("banknet", "c0ffee", "net1") is None
    assert list(cache.all()) == []
    cache.drop("banknet", "c0ffee", "net1")
    assert everything(results) == []


def test_a_damaged_result_leaves_the_rest_readable(cache: Cache, results: Path) -> None:
    start, _, _ = GO.partition('"result"')
    written(results, start + '"result":[1]}')
    found = cache.get("banknet", "c0ffee", "net1")
    assert found is not None
    assert (found.result, found.args, found.config) == (None, CONF.args, CONFIG)


def test_a_file_of_another_attachment_under_the_same_name_is_neither_returned_nor_dropped(
    cache: Cache, results: Path
) -> None:
    put(cache, "bank", "net-c0ffee", "net1")
    before = (results / "bank-net-c0ffee-net1").read_bytes()
    assert cache.get("bank-net", "c0ffee", "net1") is None
    cache.drop("bank-net", "c0ffee", "net1")
    assert (results / "bank-net-c0ffee-net1").read_bytes() == before
    assert cache.get("bank", "net-c0ffee", "net1") is not None


def test_attachments_of_one_network_are_told_from_those_of_another_by_what_is_inside(cache: Cache) -> None:
    put(cache, "bank", "net-1")
    put(cache, "bank-net", "2")
    put(cache, "bank-net", "3", "net2")
    assert [(one.network, one.container_id) for one in cache.all("bank")] == [("bank", "net-1")]
    assert [(one.container_id, one.ifname) for one in cache.all("bank-net")] == [("2", "net1"), ("3", "net2")]
    assert len(list(cache.all())) == 3
    assert list(cache.all("net")) == []


def test_a_second_put_replaces_the_first(cache: Cache, results: Path) -> None:
    cache.put("banknet", CONF, b"old", {"cniVersion": "0.4.0"})
    cache.put("banknet", CONF, CONFIG, RESULT)
    assert cache.get("banknet", "c0ffee", "net1") == KEPT
    assert everything(results) == [f"results/{FILE}"]


def test_what_is_dropped_is_gone_without_leftovers(cache: Cache, results: Path) -> None:
    put(cache)
    cache.drop("banknet", "c0ffee", "net1")
    assert cache.get("banknet", "c0ffee", "net1") is None
    assert everything(results) == []


def test_dropping_what_is_not_there_does_nothing(cache: Cache, results: Path) -> None:
    cache.drop("banknet", "c0ffee", "net1")
    assert not results.exists()


def test_an_empty_cache_has_nothing(cache: Cache, results: Path) -> None:
    assert cache.get("banknet", "c0ffee", "net1") is None
    assert list(cache.all()) == []
    assert not results.exists()


def test_a_put_that_fails_at_the_end_leaves_nothing_beside(cache: Cache, results: Path) -> None:
    (results / FILE).mkdir(parents=True)
    with pytest.raises(StoreFailed, match=f"{FILE}: Is a directory"):
        put(cache)
    assert everything(results) == [f"results/{FILE}"]


def test_a_full_disk_leaves_the_old_file_and_nothing_beside(cache: Cache, results: Path) -> None:
    put(cache)
    before = (results / FILE).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, limits[1]))
    try:
        with pytest.raises(StoreFailed, match="File too large") as refused:
            cache.put("banknet", CONF, CONFIG, RESULT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refused.value.details == "the cache directory has to be writable"
    assert (results / FILE).read_bytes() == before
    assert everything(results) == [f"results/{FILE}"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "cni").write_text("in the way")
    with pytest.raises(StoreFailed, match="Not a directory"):
        put(Cache(str(tmp_path / "cni")))


@pytest.mark.parametrize(
    ("network", "container_id", "ifname"),
    [
        ("", "c0ffee", "net1"),
        ("banknet", "", "net1"),
        ("banknet", "c0ffee", ""),
        ("../banknet", "c0ffee", "net1"),
        ("banknet", "../../c0ffee", "net1"),
        ("banknet", "c0ffee", "net1/../../x"),
        ("/banknet", "c0ffee", "net1"),
        ("bank\0net", "c0ffee", "net1"),
        ("banknet", "c0ffee\0", "net1"),
        ("banknet", "\ud800", "net1"),
    ],
)
def test_names_that_are_no_part_of_a_file_name_are_refused(
    cache: Cache, tmp_path: Path, network: str, container_id: str, ifname: str
) -> None:
    with pytest.raises(StoreFailed, match="no cache file can be named"):
        put(cache, network, container_id, ifname)
    with pytest.raises(StoreFailed, match="no cache file can be named"):
        cache.get(network, container_id, ifname)
    with pytest.raises(StoreFailed, match="no cache file can be named"):
        cache.drop(network, container_id, ifname)
    assert list(tmp_path.iterdir()) == []


def test_names_of_dots_stay_in_the_folder(cache: Cache, results: Path) -> None:
    put(cache, "..", "..", "..")
    assert everything(results) == ["results/..-..-.."]


def test_a_link_put_in_the_way_is_replaced_not_followed(cache: Cache, results: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    results.mkdir(parents=True)
    (results / FILE).symlink_to(target)
    put(cache)
    assert target.read_text() == "precious"
    assert not (results / FILE).is_symlink()
