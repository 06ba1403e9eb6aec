"""A meta plugin's configuration: are the networks of every pod there, and may its account ask what it has to?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from podberth import objects
from podberth.cni.errors import CniError
from podberth.cni.fields import joined
from podberth.desk.doctor import FAIL, OK, Finding
from podberth.desk.legs import legs
from podberth.kube.resources import ACCESS_REVIEWS, MULTI_NETWORK_POLICIES, NAMESPACES, NETWORK_ATTACHMENTS, PODS
from podberth.runtime import invoke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.session import Session
    from podberth.cni.netconf import NetConf
    from podberth.kube.client import Client
    from podberth.kube.resources import Resource
    from podberth.networks.settings import Settings

FIRST = "eth0"
AREA = "runtime"
# What deploy/networks grants that each pod needs; with `networkPolicies` the second part too.
_RIGHTS: tuple[tuple[Resource, str, str], ...] = (
    *((resource, "", verb) for resource in (NETWORK_ATTACHMENTS, PODS) for verb in ("get", "list", "watch")),
    (PODS, "status", "patch"),
)
_OF_POLICIES = tuple((resource, "", verb) for resource in (MULTI_NETWORK_POLICIES[0], NAMESPACES)
                     for verb in ("list", "watch"))  # fmt: skip
_GRANT = "grant it: kubectl apply -k deploy/networks, or the same to this account"


def look(session: Session, name: str, conf: NetConf, settings: Settings) -> Iterator[Finding]:
    """Yield what there is to say of the networks that every pod has, and of the API server; `name` is the file's.

    `settings`: with those of a file beside it.
    """
    if session.exists():
        yield _networks(session, name, conf, settings)
    if settings.kubeconfig:
        yield from _account(name, settings)


def _networks(session: Session, name: str, conf: NetConf, settings: Settings) -> Finding:
    """Say which networks a pod without an annotation has, as its ADD would find them."""
    what = f"{name} networks"
    try:
        every = legs(session.node, None, conf, FIRST)
        for kind in dict.fromkeys(kind for leg in every for kind in leg.plugins):
            invoke.find(kind, (settings.bin_dir, *filter(None, os.environ.get("CNI_PATH", "").split(":"))))
    except CniError as wrong:
        text = f"no pod starts: {wrong.message}"
        return Finding(area=AREA, name=what, level=FAIL, text=text, todo=wrong.details or "correct it")
    shown = joined([f"{leg.network} ({', '.join(leg.plugins)})" for leg in every], ", ")
    return Finding(area=AREA, name=what, level=OK, text=f"each pod has {shown}")


def _account(name: str, settings: Settings) -> Iterator[Finding]:
    """Yield a line for each right that the account of the kubeconfig lacks, or one for all."""
    what = f"{name} API"
    wanted = _RIGHTS + (_OF_POLICIES if settings.policies else ())
    try:
        client = objects.client(settings.kubeconfig)
        missing = [right for right in wanted if not _may(client, *right)]
    except CniError as away:
        text, todo = f"no pod starts: {away.message}", away.details or "start it"
        yield Finding(area=AREA, name=what, level=FAIL, text=text, todo=todo)
        return
    for resource, subresource, verb in missing:
        text = f"the account of {settings.kubeconfig} may not {verb} {resource.shown()}"
        text += f"/{subresource}" if subresource else ""
        yield Finding(area=AREA, name=what, level=FAIL, text=text, todo=_GRANT)
    if not missing:
        text = f"{settings.kubeconfig}: the API server answers, and its account has the rights"
        yield Finding(area=AREA, name=what, level=OK, text=text)


def _may(client: Client, resource: Resource, subresource: str, verb: str) -> bool:
    asked = {"verb": verb, "group": resource.group, "resource": resource.plural, "subresource": subresource}
    answer = client.create(ACCESS_REVIEWS, {"metadata": {}, "spec": {"resourceAttributes": asked}})
    return bool(answer.get("status", {}).get("allowed"))
