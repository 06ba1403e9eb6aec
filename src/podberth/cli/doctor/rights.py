"""Rights in the Kubernetes API: has this node's account each that the agent's role of this version grants?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podberth.cli.doctor import api
from podberth.cni.errors import CniError
from podberth.desk.doctor import FAIL, OK, Finding
from podberth.kube.client import RIGHTS
from podberth.kube.resources import ACCESS_REVIEWS
from podberth.stores import chosen as choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.session import Session
    from podberth.kube.client import Client

HEARTBEATS = "kube-node-lease"


class Right(NamedTuple):
    """A verb on a resource; in one namespace, or on one object, where these are said."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        full = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {full}{'/' + self.name if self.name else ''}{where}"


_EVERYWHERE = (
    ("podberth.io", "pools", "get list watch"),
    ("podberth.io", "podnetworks", "get list watch"),
    ("", "configmaps", "list watch"),
    ("podberth.io", "addressleases", "get list watch create patch"),
    ("podberth.io", "addresshistories", "get list create"),
    ("", "pods", "get"),
    ("", "nodes", "get"),
    ("", "namespaces", "get"),
    ("", "events", "get create patch"),
)


def rights(home: str) -> tuple[Right, ...]:
    """Return what deploy/base/agent-rights grants an agent; `home` is podberth's own namespace."""
    from podberth.stores.kubernetes import epoch  # no other command needs it

    lease = ("coordination.k8s.io", "leases")
    return (
        *(Right(verb, group, resource) for group, resource, verbs in _EVERYWHERE for verb in verbs.split()),
        *(Right(verb, *lease, namespace=home) for verb in ("get", "list", "create")),
        Right("update", *lease, namespace=home, name=epoch.NAME),
        Right("get", *lease, namespace=HEARTBEATS),
    )


def machines(home: str) -> tuple[Right, ...]:
    """Return what the Role podberth-machine grants beside: for a machine that is no Node."""
    return (Right("update", "coordination.k8s.io", "leases", namespace=home),)


def look(session: Session) -> Iterator[Finding]:
    """Yield a line for each right that is missing, or one for all."""
    at = api.chosen(session)
    if at is None:
        return
    wanted = rights(at.namespace) + (machines(at.namespace) if at.nodes == choice.NONE else ())
    try:
        with api.client(at) as client:
            missing = [right for right in wanted if not may(client, right)]
    except CniError as wrong:
        yield Finding(area=api.AREA, name="rights", level=FAIL, text=wrong.message, todo=wrong.details)
        return
    for right in missing:
        yield Finding(
            area=api.AREA,
            name="rights",
            level=FAIL,
            text=f"this node's account may not {right}",
            todo=f"grant it: {RIGHTS}",
        )
    if not missing:
        yield Finding(area=api.AREA, name="rights", level=OK, text=f"all {len(wanted)} that the agent's role grants")


def may(client: Client, right: Right) -> bool:
    """Ask the API whether whoever asks has the right (authorization.k8s.io/v1, SelfSubjectAccessReview)."""
    asked = {"verb": right.verb, "group": right.group, "resource": right.resource}
    given = {"namespace": right.namespace, "name": right.name}
    attributes = asked | {key: said for key, said in given.items() if said}
    answer = client.create(ACCESS_REVIEWS, {"metadata": {}, "spec": {"resourceAttributes": attributes}})
    return bool(answer.get("status", {}).get("allowed"))
