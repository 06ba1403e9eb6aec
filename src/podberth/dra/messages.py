"""What kubelet and a DRA driver say to each other, as bytes and values. Pure.

Numbers and names are facts of kubelet's published interfaces (k8s.io/kubelet, pkg/apis/dra/v1 and v1beta1, which have
the same messages; dra-health/v1, which kubelet 1.37 asks for, and v1alpha1, which 1.34 to 1.39 do, which have too;
pluginregistration/v1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podberth.cni import parsers
from podberth.protobuf.wire import Malformed, Message, encoded_bytes, encoded_number, encoded_text, encoded_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SERVICES = tuple(f"k8s.io.kubelet.pkg.apis.dra.{version}.DRAPlugin" for version in ("v1", "v1beta1"))
HEALTH = ("v1.DRAResourceHealth", "v1alpha1.DRAResourceHealth")
VERSIONS = ("v1.DRAPlugin", "v1beta1.DRAPlugin", *HEALTH)
REGISTRATION = "pluginregistration.Registration"
TYPE = "DRAPlugin"
MOST = 256  # claims of one request
_HEALTHY, _UNHEALTHY = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A claim that kubelet speaks of."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A device that was prepared: of which request, and by which names of CDI the runtime knows it."""

    request: str
    pool: str
    device: str
    names: tuple[str, ...]


def claims_of(body: bytes) -> tuple[Asked, ...]:
    """Read a NodePrepareResourcesRequest or NodeUnprepareResourcesRequest. Malformed if it is none."""
    found = Message(body).messages(1)
    if len(found) > MOST:
        raise Malformed(f"{len(found)} claims in one request, {MOST} are the most")
    try:
        return tuple(
            Asked(
                namespace=parsers.label(each.text(1)),
                uid=parsers.identifier(each.text(2)),
                name=parsers.name(each.text(3)),
            )
            for each in found
        )
    except ValueError as wrong:
        raise Malformed(f"a claim: {wrong}") from wrong


def asking(claims: Sequence[Asked]) -> bytes:
    """Return either request, as kubelet writes it."""
    return b"".join(
        encoded_bytes(1, encoded_text(1, each.namespace) + encoded_text(2, each.uid) + encoded_text(3, each.name))
        for each in claims
    )


def prepared(answers: Mapping[str, Sequence[Given] | str]) -> bytes:
    """Return a NodePrepareResourcesResponse: by claim's UID what it was given, or why it can't be."""
    return b"".join(_entry(uid, _given(answer)) for uid, answer in answers.items())


def unprepared(answers: Mapping[str, str]) -> bytes:
    """Return a NodeUnprepareResourcesResponse: by claim's UID why it has to be tried again, '' if not."""
    return b"".join(_entry(uid, encoded_text(1, error)) for uid, error in answers.items())


def watched(devices: Iterable[tuple[str, str, str]], at: int, timeout: int) -> bytes:
    """Return a NodeWatchResourcesResponse: of each device its pool, its name, and why it is unhealthy, '' if it is not.

    `at`: when that was so, in seconds since 1970. `timeout`: seconds after which nothing is known any more.
    """
    return b"".join(
        encoded_bytes(
            1,
            encoded_bytes(1, encoded_text(1, pool) + encoded_text(2, name))
            + encoded_number(2, _UNHEALTHY if why else _HEALTHY)
            + encoded_number(3, at)
            + encoded_number(4, timeout)
            + encoded_text(5, why),
        )
        for pool, name, why in devices
    )


def plugin_info(driver: str, endpoint: str) -> bytes:
    """Return a PluginInfo: which driver it is, by which socket it is asked, in which versions."""
    told = encoded_text(1, TYPE) + encoded_text(2, driver) + encoded_text(3, endpoint)
    return told + encoded_texts(4, VERSIONS)


def registered(body: bytes) -> str:
    """Read a RegistrationStatus: return why kubelet does not take the driver, '' if it does."""
    said = Message(body)
    return "" if said.number(1) else said.text(2) or "kubelet says no reason"


def _entry(uid: str, answer: bytes) -> bytes:
    return encoded_bytes(1, encoded_text(1, uid) + encoded_bytes(2, answer))


def _given(answer: Sequence[Given] | str) -> bytes:
    if isinstance(answer, str):
        return encoded_text(2, answer)
    return b"".join(
        encoded_bytes(
            1,
            encoded_texts(1, (each.request,))
            + encoded_text(2, each.pool)
            + encoded_text(3, each.device)
            + encoded_texts(4, each.names),
        )
        for each in answer
    )
