"""`podberth store use`: what it writes, its reader takes; what it leaves behind, it tells."""

from __future__ import annotations

import http.server
import json
import socketserver
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podberth.agent.desk import desk_of
from podberth.cli.store.command import document_of, rows
from podberth.stores.chosen import chosen, path_of
from podberth.stores.replica.undelivered import Undelivered
from tests.unit.cli.node import POOL, Operator

if TYPE_CHECKING:
    from collections.abc import Iterator

ETCD = ("store", "use", "etcd", "--endpoint", "http://127.0.0.1:2379")
WORDS = st.one_of(
    st.sampled_from(
        [
            "http://127.0.0.1:2379", "127.0.0.1:2379", "https://etcd-1:2379", "http://[fd00::1]", "http://a/b", "a:b",
            "/etc/podberth/ca.crt", "ca.crt", "/podberth", "podberth", "/a//b", "worker-3", "Worker 3", "..", "", "é",
            "x" * 70_000, "http://" + "h" * 70_000, "\udc80", "\x00", "kube-system", "Kube",
        ]
    ),
    st.text(max_size=12),
)  # fmt: skip
VALUED = ("node", "ca", "cert", "key", "user", "password-file", "prefix", "kubeconfig", "context", "namespace")


def test_settings_are_shown_by_their_path_and_what_nobody_has_set_is_not() -> None:
    about = {
        "store": "etcd", "etcd": {"endpoints": ["https://a:1", "https://b:1"], "caFile": "/ca.crt", "keyFile": ""},
        "kubernetes": {"kubeconfig": None, "namespace": "podberth-system"}, "identity": None,
    }  # fmt: skip
    assert list(rows(about)) == [
        ("store", "etcd"),
        ("etcd.endpoints", "https://a:1, https://b:1"),
        ("etcd.caFile", "/ca.crt"),
        ("kubernetes.namespace", "podberth-system"),
    ]


@pytest.fixture
def nobody(tmp_path: Path) -> tuple[str, str]:
    """Return the option that names a socket where no agent listens."""
    return "--socket", str(tmp_path / "agent.sock")


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["etcd", "kubernetes"]),
    endpoints=st.lists(WORDS, max_size=18),
    said=st.dictionaries(st.sampled_from(VALUED), WORDS, max_size=5),
)
def test_what_store_use_accepts_its_reader_takes(kind: str, endpoints: list[str], said: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        operator = Operator(Path(folder, "state"))
        argv = [part for each in endpoints for part in ("--endpoint", each)]
        argv += [part for option, word in said.items() for part in (f"--{option}", word)]
        ended = operator("store", "use", kind, "--socket", f"{folder}/none", *argv)
        there = Path(path_of(str(operator.state)))
        assert there.is_file() == (ended.code == 0)
        if ended.code == 0:
            assert chosen(str(operator.state)).store == kind
        else:
            assert ended.out == ""
            assert ended.err.startswith(("error: ", "Usage: "))


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("etcd", "--endpoint", "127.0.0.1:2379"), "store.etcd.endpoints[0]: expected a URL as 'https://etcd-1:2379'"),
        (("etcd",), "store.etcd.endpoints: expected at least one URL"),
        (("etcd", "--endpoint", "https://a:2379"), "store.etcd.caFile: required field is missing"),
        (("etcd", "--endpoint", "http://a", "--user", "u"), "store.etcd.passwordFile: required field is missing"),
        (("etcd", "--endpoint", "http://a", "--prefix", "podberth"), "store.etcd.prefix: expected a prefix"),
        (("etcd", "--endpoint", "http://a", "--node", "a b"), "store.node: expected"),
        (("kubernetes", "--kubeconfig", "admin.conf"), "store.kubernetes.kubeconfig: expected an absolute path"),
        (("kubernetes", "--namespace", "Podberth"), "store.kubernetes.namespace: expected a name"),
        (("kubernetes", "--context", "x" * 70_000), "store: expected at most"),
    ],
)
def test_what_no_later_command_could_read_is_not_written(
    podberth: Operator, nobody: tuple[str, str], argv: tuple[str, ...], told: str
) -> None:
    ended = podberth("store", "use", *argv, *nobody)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert not Path(path_of(str(podberth.state))).exists()


def test_what_is_out_of_sight_from_now_on_is_counted(podberth: Operator, nobody: tuple[str, str]) -> None:
    podberth.attach("bank/web", "10.20.0.120")
    ended = podberth(*ETCD, *nobody)
    assert ended.code == 0
    assert ended.out.splitlines()[1:] == [
        "1 lease and 6 reservations of the store of before are out of sight: `podberth migrate` takes them along"
    ]


def test_the_same_store_again_leaves_nothing_behind_and_the_file_as_it_is(
    podberth: Operator, nobody: tuple[str, str]
) -> None:
    podberth(*ETCD, *nobody, "--node", "n1")
    file = Path(path_of(str(podberth.state)))
    before = file.stat()
    told = podberth(*ETCD, *nobody, "--node", "n1", "--json").json
    assert "outOfSight" not in told
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert "outOfSight" not in podberth(*ETCD, *nobody, "--node", "n2", "--json").json


def test_a_file_that_an_older_release_wrote_and_nobody_can_read_is_replaced(
    podberth: Operator, nobody: tuple[str, str]
) -> None:
    document = document_of("etcd", "n1", "refuse", {"endpoints": ("127.0.0.1:2379",)})
    Path(path_of(str(podberth.state))).write_text(json.dumps(document))
    told = podberth(*ETCD, *nobody, "--json")
    assert told.code == 0
    assert "endpoints[0]: expected a URL" in told.json["outOfSight"]["unknown"]


def test_answers_that_are_on_their_way_to_the_store_of_before_are_not_cut_off(
    podberth: Operator, nobody: tuple[str, str]
) -> None:
    Undelivered(str(podberth.state)).add({"do": "unbind"})
    ended = podberth(*ETCD, *nobody)
    assert (ended.code, ended.out) == (1, "")
    assert "1 of this node's answers are not in the store of before yet" in ended.err
    assert podberth(*ETCD, *nobody, "--force").code == 0


def test_an_agent_that_would_go_on_with_the_store_of_before_is_a_refusal(podberth: Operator, tmp_path: Path) -> None:
    with listening(tmp_path, lambda: None) as socket:
        ended = podberth(*ETCD, "--socket", socket)
        assert (ended.code, ended.out) == (1, "")
        assert "would go on with the store of before" in ended.err
        assert not Path(path_of(str(podberth.state))).exists()
        assert podberth(*ETCD, "--socket", socket, "--force").code == 0


def test_an_agent_that_notices_is_waited_for(podberth: Operator, tmp_path: Path) -> None:
    looks: list[str] = []

    def stores() -> object:
        looks.append(chosen(str(podberth.state)).store)
        used = "etcd" if len(looks) > 2 else "sqlite"
        return [{"directory": str(podberth.state), "store": used, "state": "open", "message": ""}]

    with listening(tmp_path, stores) as socket:
        assert podberth(*ETCD, "--socket", socket).code == 0
    assert looks == ["sqlite", "etcd", "etcd"]


@contextmanager
def listening(folder: Path, stores: Any) -> Iterator[str]:
    """Be an agent, of which only this page is asked; None: an older one, which has none."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = stores()
            body = json.dumps({"stores": found}).encode() if found is not None else b"pages: /metrics\n"
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "local"

        def log_message(self, *_: object) -> None:
            pass

    path = folder / "agent.sock"
    with (
        socketserver.UnixStreamServer(str(path), socketserver.BaseRequestHandler),
        socketserver.UnixStreamServer(str(desk_of(path)), Handler) as desk,
    ):
        thread = threading.Thread(target=desk.serve_forever, daemon=True)
        thread.start()
        try:
            yield str(path)
        finally:
            desk.shutdown()
            thread.join()


def test_a_directory_without_a_store_has_no_operations(tmp_path: Path) -> None:
    ended = Operator(tmp_path / "nowhere")("store", "operations")
    assert (ended.code, ended.out) == (3, "")
    assert f"there is no store in {tmp_path / 'nowhere'}" in ended.err


@pytest.mark.parametrize("command", ["upgrade", "downgrade"])
@pytest.mark.parametrize("version", ["abc", "", "1.2.3.4.5", "0.-1"])
def test_a_version_that_is_none_is_a_usage_error(tmp_path: Path, command: str, version: str) -> None:
    ended = Operator(tmp_path)("store", command, "--to", version)
    assert ended.code == 2
    assert "--to" in ended.err


def test_a_node_s_own_store_has_no_other_nodes_to_leave_out_of_an_upgrade(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    operator.apply(POOL)
    ended = operator("store", "upgrade", "--except", "nope")
    assert ended.code == 2
    assert "--except: a node's own store has no other nodes" in ended.err
