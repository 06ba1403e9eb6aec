"""Whatever somebody has written into a cluster's store by hand, each of its readers says StoreFailed."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, cast

import pytest

from podberth.cni.errors import StoreFailed
from podberth.ipam.epoch import Epoch, epoch_form
from podberth.stores.etcd import keys
from podberth.stores.kubernetes import epoch, machines, objects
from podberth.stores.registered import read_fences, read_registration
from podberth.stores.sqlite import packing

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.kube.client import Client

EPOCH = Epoch(number=1, seq=7, time=5, who="uid 0", why="a snapshot", node="n1", awaited=("n1",))
HALF = {**epoch_form(EPOCH), "who": "\ud800"}
FENCE = {"time": 1, "lifted": False, "who": "\ud800", "why": "burnt", "node": "n1"}
MACHINE = {"machine": "\ud800", "boot": "b", "key": "k", "time": 1, "claim": "", "former": []}


class Api:
    """One Lease with annotations."""

    def __init__(self, annotations: dict[str, str]) -> None:
        self.lease = {"metadata": {"name": "a", "resourceVersion": "3", "annotations": annotations}}

    def get(self, *_: object) -> dict[str, Any]:
        return self.lease


def of_api(text: str) -> object:
    return epoch.epoch(cast("Client", Api({epoch.EPOCH: text})), "podberth", lambda _: None)


def machine(annotation: str) -> Callable[[str], object]:
    def read(text: str) -> object:
        return machines.Machines(cast("Client", Api({annotation: text})), "podberth").find("n1")

    return read


READERS: dict[str, tuple[Callable[[str], object], object]] = {
    "fences": (lambda text: read_fences("n1", text), [FENCE]),
    "a registration": (lambda text: read_registration("n1", text), MACHINE),
    "a machine's fences": (machine(machines.FENCES), [FENCE]),
    "a machine's registration": (machine(machines.REGISTRATION), MACHINE),
    "etcd's epoch": (lambda text: keys.read_epoch(text.encode()), HALF),
    "the API's epoch": (of_api, HALF),
    "an archive": (lambda text: keys.read_archive(b"/h/0a140009/1", zlib.compress(text.encode())), [{"who": "\ud800"}]),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", ["", "{", "7", '"x"', "[7]", "{}", "[" * 100_000, None])
def test_what_is_written_by_hand_is_refused(reader: str, text: str | None) -> None:
    read, half = READERS[reader]
    with pytest.raises(StoreFailed):
        read(json.dumps(half) if text is None else text)


EVENT: dict[str, Any] = {
    "sequence": 7, "time": 1, "kind": "Bound", "state": "LEASED", "ifname": "eth0", "network": "n",
    "containerID": "c", "who": "w", "why": "y", "node": "n1",
}  # fmt: skip
ARCHIVED = {"metadata": {"name": "10.20.0.9.1"}, "spec": {"address": "10.20.0.9", "events": [EVENT]}}
ARCHIVE = b"/h/0a140009/1"


def of_etcd(event: dict[str, Any]) -> object:
    return keys.read_archive(ARCHIVE, zlib.compress(json.dumps([event]).encode()))


def of_the_api(event: dict[str, Any]) -> object:
    return objects.archived_in({**ARCHIVED, "spec": {"address": "10.20.0.9", "events": [event]}})


def of_a_lease(event: dict[str, Any]) -> object:
    return objects.events_in(
        {"metadata": {"name": "10.20.0.9"}, "spec": {"address": "10.20.0.9", "history": {event["sequence"]: event}}}
    )


@pytest.mark.parametrize(
    ("read", "name"),
    [(of_etcd, "archive /h/0a140009/1"), (of_the_api, "AddressHistory 10.20.0.9.1")],
    ids=["etcd", "kubernetes"],
)
@pytest.mark.parametrize("field", ["sequence", "time", "ahead"])
@pytest.mark.parametrize("raw", [1 << 64, 10**400, -(1 << 64), "7", [7], {}, 0.5])
def test_an_archive_with_a_number_that_no_node_can_keep_names_itself_and_the_field(
    read: Callable[[dict[str, Any]], object], name: str, field: str, raw: object
) -> None:
    read(EVENT)
    with pytest.raises(StoreFailed) as refused:
        read({**EVENT, field: raw})
    assert name in refused.value.message
    assert f"{field}: expected a whole number" in refused.value.message
    assert refused.value.details


@pytest.mark.parametrize("key", ["x", "", "-7", str(1 << 63), "9" * 400])
def test_an_event_of_an_address_under_a_key_that_is_no_number_names_the_object(key: str) -> None:
    with pytest.raises(StoreFailed, match=r"AddressLease 10\.20\.0\.9 can't be read: expected a whole number"):
        of_a_lease({**EVENT, "sequence": key})


@pytest.mark.parametrize("key", [b"/e/0a140009/x", b"/e/0a140009/ffffffffffffffff", b"/e/zz/1", b"/e/0a/1", b"1"])
def test_an_event_under_a_key_that_is_none_names_the_key(key: bytes) -> None:
    with pytest.raises(StoreFailed, match=f"{key.decode()} is no event's key"):
        keys.read_event(key, json.dumps(EVENT).encode())


@pytest.mark.parametrize("column", ["seq", "time", "ahead"])
@pytest.mark.parametrize("raw", [[1 << 64], [10**400], [-(1 << 64)], ["7"], [None], [[]], 7, [0.5]])
def test_a_part_of_a_nodes_own_archive_with_such_a_number_names_itself_and_the_column(column: str, raw: object) -> None:
    row = [{"seq": 7, "time": 5, "ahead": 0, "address": b"\n\x14\0\t"}.get(name, "x") for name in packing.COLUMNS]
    body = packing.packed([tuple(row)])
    assert list(packing.unpacked(body, "podberth.db: part 3")) == [tuple(row)]
    form = {**json.loads(zlib.decompress(body)), column: raw}
    with pytest.raises(StoreFailed, match=r"podberth\.db: part 3 can't be read"):
        packing.unpacked(zlib.compress(json.dumps(form).encode()), "podberth.db: part 3")


def test_an_epoch_of_the_api_is_read_as_it_was_written() -> None:
    assert of_api(json.dumps(epoch_form(EPOCH))) == (EPOCH, 3)
