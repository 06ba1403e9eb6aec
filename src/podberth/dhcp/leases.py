"""The leases on disk: a file for each, written before its address is handed out.

They are of one boot: with the namespaces of pods all leases end. The files are the daemon's alone, and for root only.
"""

from __future__ import annotations

import hashlib
import json
import os
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from podberth.cni import parsers, strictjson
from podberth.cni.errors import CniError, StoreFailed
from podberth.cni.fields import Fields
from podberth.cni.value import value
from podberth.dhcp.machine import Subject, Terms
from podberth.process.whole import sync, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOST = 1 << 16  # bytes of a file
_TIME = parsers.number
_COUNT = parsers.integer(0, 2**63 - 1)


@value
class Key:
    """Whose lease: an attachment."""

    network: str
    container_id: str
    ifname: str

    def __str__(self) -> str:
        return f"{self.container_id}/{self.network}/{self.ifname}"


@value
class Place:
    """The pod's link: its namespace at a path, by what tells that from the next one there, and the link's index."""

    netns: str
    device: int
    inode: int
    cookie: str
    index: int


@value
class Kept:
    """A lease as its file has it. `given` is the address that the pod got, `server_mac` where the server was heard."""

    key: Key
    place: Place
    subject: Subject
    given: IPv4Address
    terms: Terms
    server_mac: bytes
    lost: str = ""


class Leases:
    """The files of one folder, of this boot."""

    def __init__(self, folder: Path, boot: str) -> None:
        self._folder = folder
        self._boot = boot
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, kept: Kept) -> None:
        """Have the lease on disk. Raises OSError."""
        document = {"version": 1, "boot": self._boot, **_document(kept)}
        write_whole(os.fspath(self._path(kept.key)), strictjson.dumps(document).encode() + b"\n", 0o600)

    def forget(self, key: Key) -> None:
        """Have no file of it. Raises OSError."""
        path = self._path(key)
        if path.exists():
            path.unlink()
            sync(os.fspath(self._folder))

    def read(self, broken: Callable[[str], object]) -> Iterator[Kept]:
        """Yield what there is; what is of another boot is removed, and what can't be read is told of and left."""
        for path in sorted(self._folder.glob("[!.]*.json")):
            try:
                with path.open("rb") as file:
                    raw = file.read(MOST + 1)
                fields = Fields(strictjson.loads(raw, path.name, StoreFailed, most=MOST), path.name, StoreFailed)
                if fields.required("boot", parsers.string(min=0)) != self._boot:
                    path.unlink()
                    continue
                yield _kept(fields)
            except (OSError, CniError) as wrong:
                broken(f"{path}: {wrong}")

    def _path(self, key: Key) -> Path:
        name = hashlib.sha256(json.dumps([key.network, key.container_id, key.ifname]).encode()).hexdigest()
        return self._folder / f"{name[:32]}.json"


def options_json(options: tuple[tuple[int, bytes], ...]) -> dict[str, str]:
    """Return options as JSON has them: hexadecimal, by their numbers."""
    return {str(code): content.hex() for code, content in options}


def octets(raw: object) -> bytes:
    """Return bytes that are said in hexadecimal."""
    text = parsers.string(min=0, max=MOST)(raw)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("expected bytes in hexadecimal") from None


def code(raw: object) -> int:
    """Return the number of an option, which is a key of JSON."""
    text = parsers.string(max=3)(raw)
    if not text.isdecimal() or not 0 < int(text) < 255:
        raise ValueError(f"expected the number of an option, got {text!r}")
    return int(text)


def _document(kept: Kept) -> dict[str, object]:
    subject, terms, place = kept.subject, kept.terms, kept.place
    return {
        "network": kept.key.network,
        "containerID": kept.key.container_id,
        "ifname": kept.key.ifname,
        "netns": place.netns,
        "device": place.device,
        "inode": place.inode,
        "cookie": place.cookie,
        "index": place.index,
        "mac": subject.mac.hex(),
        "client": subject.client.hex(),
        "provide": options_json(subject.provide),
        "request": list(subject.request),
        "given": str(kept.given),
        "lost": kept.lost,
        "serverMAC": kept.server_mac.hex(),
        "address": str(terms.address),
        "server": str(terms.server),
        "options": options_json(terms.options),
        "t1": terms.t1,
        "t2": terms.t2,
        "end": terms.end,
    }


def _kept(said: Fields) -> Kept:
    text = parsers.string(min=0, max=4096)
    subject = Subject(
        mac=said.required("mac", octets),
        client=said.required("client", octets),
        provide=_pairs(said, "provide"),
        request=said.each("request", parsers.integer(1, 254)),
    )
    terms = Terms(
        address=said.required("address", _address),
        server=said.required("server", _address),
        options=_pairs(said, "options"),
        t1=said.required("t1", _TIME),
        t2=said.required("t2", _TIME),
        end=said.required("end", _TIME),
    )
    return Kept(
        key=Key(
            network=said.required("network", parsers.identifier),
            container_id=said.required("containerID", parsers.identifier),
            ifname=said.required("ifname", parsers.ifname),
        ),
        place=Place(
            netns=said.required("netns", parsers.absolute_path),
            device=said.required("device", _COUNT),
            inode=said.required("inode", _COUNT),
            cookie=said.required("cookie", text),
            index=said.required("index", _COUNT),
        ),
        subject=subject,
        given=said.required("given", _address),
        terms=terms,
        server_mac=said.required("serverMAC", octets),
        lost=said.required("lost", text),
    )


def _pairs(said: Fields, key: str) -> tuple[tuple[int, bytes], ...]:
    return tuple(
        (int(name), content) for name, content in said.pairs(key, lambda raw: str(code(raw)), octets, most=254)
    )


def _address(raw: object) -> IPv4Address:
    found = parsers.ip_address(raw)
    if not isinstance(found, IPv4Address):
        raise ValueError(f"expected an IPv4 address, got {found}")  # noqa: TRY004 - a parser
    return found
