"""Why a server can't be reached is told in words, whatever its name and its certificates' comments are."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from podberth.process.reach import Door, diagnose
from tests.servers.authority import Authority

if TYPE_CHECKING:
    from pathlib import Path


def nobody_listens_at() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
    return port


def test_a_comment_that_is_not_ascii_beside_an_authority_keeps_nobody_from_the_cause(tmp_path: Path) -> None:
    pem = (
        "# Autorit\N{LATIN SMALL LETTER E WITH ACUTE} de la banque\n".encode()
        + Authority(tmp_path).certificate.read_bytes()
    )
    found = diagnose(Door("127.0.0.1", nobody_listens_at(), secure=True, authority=pem), 1.0)
    assert found is not None
    assert found.what == "the connection was refused"


@pytest.mark.parametrize("host", ["etcd..example", "a" * 64 + ".example"])
@pytest.mark.parametrize("secure", [True, False])
def test_a_name_that_dns_can_not_have_is_one_that_is_not_resolved(host: str, *, secure: bool) -> None:
    found = diagnose(Door(host, 2379, secure=secure), 1.0)
    assert found is not None
    assert found.what == "its name can't be resolved"
