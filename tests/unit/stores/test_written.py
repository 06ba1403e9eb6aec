"""Whatever somebody has written into a cluster's store by hand, each of its readers says StoreFailed."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, cast

import pytest

from podberth.cni.errors import StoreFailed
from podberth.ipam.epoch import Epoch, epoch_form
from podberth.stores.etcd import keys
from podberth.stores.kubernetes import epoch, machines
from podberth.stores.registered import read_fences, read_registration

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


def test_an_epoch_of_the_api_is_read_as_it_was_written() -> None:
    assert of_api(json.dumps(epoch_form(EPOCH))) == (EPOCH, 3)
