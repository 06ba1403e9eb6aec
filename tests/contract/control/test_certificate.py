"""The certificate that the webhook makes by itself, and what the API server is told of it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from podberth.controller.certificate import CONFIGURATIONS, SECRETS, SelfSigned, is_fresh, self_signed
from podberth.process.certificate import Served
from tests.contract.control.cluster import HOME

if TYPE_CHECKING:
    from tests.contract.control.cluster import Cluster


def source(cluster: Cluster) -> SelfSigned:
    return SelfSigned(cluster.client, "podberth-webhook", HOME, "podberth")


def trusted(cluster: Cluster) -> set[str]:
    found = cluster.client.get(CONFIGURATIONS, "podberth")
    return {base64.b64decode(hook["clientConfig"]["caBundle"]).decode() for hook in found["webhooks"]}


def test_the_certificate_is_made_once_and_trusted(cluster: Cluster) -> None:
    cluster.configure("https://127.0.0.1:1/validate")
    one, other = source(cluster).pair(), source(cluster).pair()
    assert one == other
    assert trusted(cluster) == {one.certificate}
    served = Served(source(cluster))
    assert served.renew()
    assert not served.renew()


def test_an_ageing_certificate_is_renewed_and_both_are_trusted(cluster: Cluster) -> None:
    cluster.configure("https://127.0.0.1:1/validate")
    aged = self_signed(("a.b.svc",), days=100)
    assert not is_fresh(aged.certificate)
    texts = {"tls.crt": aged.certificate, "tls.key": aged.key, "ca.crt": aged.certificate}
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    cluster.client.create(SECRETS, {"metadata": {"name": "podberth-webhook-tls"}, "data": data}, HOME)
    made = source(cluster).pair()
    assert is_fresh(made.certificate)
    assert trusted(cluster) == {made.certificate + aged.certificate}
