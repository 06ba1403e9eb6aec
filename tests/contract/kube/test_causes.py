"""Why an API server can't be reached or says no: each cause has words and a remedy of its own."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError
from podberth.kube import errors
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.kube.resources import (
    IPAM_CLAIMS,
    MULTI_NETWORK_POLICIES,
    NAMESPACES,
    NETWORK_ATTACHMENTS,
    POOLS,
    Resource,
)
from tests.servers.certificates import certificates, dated
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.kube import KubeServer

PAST, FUTURE = ("20200101000000Z", "20210101000000Z"), ("20900101000000Z", "20910101000000Z")


def refusal(kubeconfig: Path, timeout: float = PATIENCE, /, **changes: object) -> CniError:
    """Ask with a kubeconfig of which the cluster's entry is changed, and return what comes of it."""
    document = json.loads(kubeconfig.read_text())
    document["clusters"][0]["cluster"] |= changes
    changed = kubeconfig.with_name(f"changed-{threading.get_ident()}.kubeconfig")
    changed.write_text(json.dumps(document))
    with closing(Client(load(str(changed)), timeout=timeout)) as client, pytest.raises(CniError) as raised:
        client.list(NAMESPACES)
    return raised.value


@contextmanager
def speaking(context: ssl.SSLContext | None) -> Iterator[int]:
    """A server on loopback that shakes hands, or answers as plain HTTP; yields its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer = listening.accept()[0]
            except OSError:
                return
            with closing(peer):
                try:
                    if context is None:
                        peer.recv(1)
                        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    else:
                        context.wrap_socket(peer, server_side=True).close()
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


@pytest.mark.parametrize(
    ("dates", "what"), [(PAST, "has expired"), (FUTURE, "is not yet valid")], ids=["expired", "not yet valid"]
)
def test_a_server_whose_certificate_is_of_another_time_is_told_so(
    kube: KubeServer, tmp_path: Path, dates: tuple[str, str], what: str
) -> None:
    ours = certificates(tmp_path)
    shown = dated(tmp_path, ours.ca, "server", *dates)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.cert, shown.key)
    with speaking(context) as port:
        told = refusal(kube.kubeconfig, server=f"https://127.0.0.1:{port}", **{"certificate-authority": ours.ca.cert})
    assert f"its certificate {what}" in told.message
    assert "clock" in told.details


def test_a_port_that_speaks_no_tls_is_told_so(kube: KubeServer) -> None:
    with speaking(None) as port:
        told = refusal(kube.kubeconfig, server=f"https://127.0.0.1:{port}")
    assert "it speaks no TLS on that port" in told.message


def test_a_certificate_for_another_host_is_told_so(kube: KubeServer) -> None:
    told = refusal(kube.kubeconfig, **{"tls-server-name": "elsewhere.example"})
    assert "its certificate is for another host name" in told.message
    assert "name the server as its certificate does" in told.details


def test_an_unknown_authority_is_told_so(kube: KubeServer, tmp_path: Path) -> None:
    told = refusal(kube.kubeconfig, **{"certificate-authority": certificates(tmp_path).ca.cert})
    assert "an authority that is not known here" in told.message
    assert "certificate-authority" in told.details


def test_a_key_of_another_certificate_is_told_so(kube: KubeServer, tmp_path: Path) -> None:
    ours = certificates(tmp_path)
    file = kube.write_kubeconfig("mixed", {"client-certificate": ours.client.cert, "client-key": ours.server.key})
    told = refusal(file)
    assert "the client's key is not that of its certificate" in told.message


def test_a_connection_that_is_refused_is_told_so(kube: KubeServer) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    told = refusal(kube.kubeconfig, server=f"https://127.0.0.1:{port}")
    assert "the connection was refused" in told.message
    assert "whether the server runs there" in told.details


def test_a_name_that_does_not_resolve_is_told_so(kube: KubeServer) -> None:
    told = refusal(kube.kubeconfig, server="https://no-such-host.invalid:6443")
    assert "its name can't be resolved" in told.message
    assert "DNS" in told.details


def test_a_host_that_is_silent_is_told_so(kube: KubeServer) -> None:
    kube.freeze()
    try:
        told = refusal(kube.kubeconfig, 2)
    finally:
        kube.thaw()
    assert "no answer came in time" in told.message
    assert told.code == 11


def test_an_expired_client_is_told_so(kube: KubeServer, tmp_path: Path) -> None:
    ours = certificates(tmp_path)
    mine = dated(tmp_path, ours.ca, "me", *PAST, hosts="")
    told = refusal(kube.write_kubeconfig("expired", {"client-certificate": mine.cert, "client-key": mine.key}))
    assert "this client's certificate has expired: it was valid until 2021-01-01" in told.details


@pytest.mark.parametrize(
    ("resource", "installed_by"),
    [
        *((version, "scheme.yml") for version in MULTI_NETWORK_POLICIES),
        (IPAM_CLAIMS, "k8snetworkplumbingwg/ipamclaims"),
        (NETWORK_ATTACHMENTS, "docs/several-networks.md"),
        (Resource(group="resource.k8s.io", version="v1", plural="resourceslices", kind="ResourceSlice",
                  namespaced=False), "docs/dra.md"),
        (Resource(group="podberth.io", version="v1alpha1", plural="berths", kind="Berth", namespaced=False),
         "deploy/base/crds"),
        (Resource(group="", version="v1", plural="berths", kind="Berth", namespaced=True), "kubectl api-resources"),
    ],
)  # fmt: skip
def test_a_kind_that_the_server_does_not_have_is_named_with_what_installs_it(
    kube: KubeServer, resource: Resource, installed_by: str
) -> None:
    with closing(Client(load(str(kube.kubeconfig)), timeout=PATIENCE)) as client:
        for ask in (lambda: client.list(resource), lambda: client.get(resource, "x", "default")):
            with pytest.raises(errors.NotFound) as raised:
                ask()
            assert raised.value.details.startswith(f"{resource.kind} is not installed: ")
            assert installed_by in raised.value.details


def test_a_right_that_is_missing_is_named_with_its_remedy(kube: KubeServer) -> None:
    kubeconfig = kube.user("nobody-in-particular")
    with closing(Client(load(str(kubeconfig)), timeout=PATIENCE)) as client, pytest.raises(errors.Forbidden) as raised:
        client.list(POOLS)
    assert "verb list, resource pools, API group podberth.io" in raised.value.details
    assert "kubectl apply -k" in raised.value.details
