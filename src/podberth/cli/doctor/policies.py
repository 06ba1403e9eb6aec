"""Policies of pods' networks: can they be read, do they choose anybody, and does anybody keep them?"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from podberth import objects
from podberth.cli.text import counted
from podberth.cni.errors import CniError
from podberth.cni.fields import joined
from podberth.desk.doctor import OK, WARN, Finding
from podberth.desk.policies import standings_of
from podberth.kube.errors import NotFound
from podberth.kube.resources import MULTI_NETWORK_POLICIES, NETWORK_ATTACHMENTS, PODS
from podberth.networks.settings import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.cni.netconf import NetConf
    from podberth.kube.client import Client
    from podberth.netpolicy.standing import Standing

AREA = "policies"
MOST = 100  # policies of which pods and definitions are asked for
SHOWN = 16  # policies with mistakes that are told one by one
_CORRECT = "correct the policy; until then what held before stays, where there was something"
_OFF = 'say "networkPolicies": true, if no other daemon keeps them'


def look(name: str, conf: NetConf) -> Iterator[Finding]:
    """Yield what there is to say of the policies of a meta plugin's API server; `name` is the configuration's."""
    settings = read(conf.fields)
    if not settings.kubeconfig:
        return
    area, what = AREA, f"{name} policies"
    try:
        client = objects.client(settings.kubeconfig)
        found = client.list(MULTI_NETWORK_POLICIES).items
        standings = standings_of(conf, settings.kubeconfig, found)
        if found and not settings.policies:
            text = f"{counted(len(found), 'MultiNetworkPolicy', 'MultiNetworkPolicies')}, and podberth keeps none here"
            yield Finding(area=area, name=what, level=WARN, text=text, todo=_OFF)
            return
        if settings.policies:
            yield Finding(area=area, name=what, level=OK, text=_total(standings))
            yield from _mistaken(area, standings)
            yield from _idle(area, client, standings)
    except NotFound as missing:
        if settings.policies:
            todo = f"until then there are none: {missing.details}"
            yield Finding(area=area, name=what, level=WARN, text="the API server has no such kind", todo=todo)
    except CniError as away:
        if settings.policies:
            todo = away.details or "kubectl apply -k deploy/networks"
            yield Finding(area=area, name=what, level=WARN, text=f"can't be known: {away.message}", todo=todo)


def _total(standings: Sequence[Standing]) -> str:
    states = dict.fromkeys(one.state for one in standings)
    each = ", ".join(f"{sum(one.state == state for one in standings)} {state}" for state in states)
    return each or "none"


def _mistaken(area: str, standings: Sequence[Standing]) -> Iterator[Finding]:
    wrong = [one for one in standings if one.mistakes]
    for one in wrong[:SHOWN]:
        text = f"{one.state}: {joined(one.mistakes)}"
        yield Finding(area=area, name=str(one), level=WARN, text=text, todo=_CORRECT)
    if len(wrong) > SHOWN:
        yield Finding(
            area=area, name="others", level=WARN, text=f"{len(wrong) - SHOWN} more have mistakes", todo=_CORRECT
        )


def _idle(area: str, client: Client, standings: Sequence[Standing]) -> Iterator[Finding]:
    """Yield a line for each policy that is for no network, for one that is not there, or that chooses no pod."""
    definitions: dict[str, bool] = {}
    for one in islice((each for each in standings if not each.mistakes), MOST):
        policy = one.policy
        gone = [network for network in policy.networks or () if not _is_there(client, network, definitions)]
        if not policy.networks:
            text, todo = "it is for no network", "name its networks in the annotation k8s.v1.cni.cncf.io/policy-for"
        elif gone:
            text = f"there is no definition {joined(gone, ', ')}"
            todo = "correct the annotation, or make the definition"
        elif not next(client.pages(PODS, policy.namespace, labels=str(policy.pods or ""))).items:
            text = "it chooses no pod"
            todo = f"compare its podSelector with the labels of pods in {policy.namespace}"
        else:
            continue
        yield Finding(area=area, name=str(one), level=WARN, text=text, todo=todo)


def _is_there(client: Client, network: str, known: dict[str, bool]) -> bool:
    if network not in known:
        namespace, _, name = network.partition("/")
        try:
            client.get(NETWORK_ATTACHMENTS, name, namespace)
            known[network] = True
        except NotFound:
            known[network] = False
    return known[network]
