"""The controller and the webhook of a Kubernetes cluster: does one lead, and does the other answer?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from podberth.cli.doctor import api
from podberth.cli.text import duration
from podberth.cni.errors import CniError
from podberth.desk.doctor import FAIL, OK, WARN, Finding
from podberth.kube import errors
from podberth.kube.resources import LEASES, POOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cli.session import Session
    from podberth.kube.client import Client, Object

_UNSEEN = "not asked: this node's account may not; `podberth doctor` with an administrator's kubeconfig tells"
# A Pool that the API's own schema takes and that only podberth's webhook refuses: the gateway is of another subnet.
_ASKED = {
    "metadata": {"name": "podberth-doctor"},
    "spec": {"subnets": [{"subnet": "192.0.2.0/30", "gateway": "198.51.100.1"}]},
}
_OURS = re.compile(r'admission webhook "[^"]*podberth\.io" denied')
_UNASKED = (
    "see `kubectl get validatingwebhookconfiguration podberth`: `kubectl apply -k` an overlay of deploy/, any but "
    "without-webhook, makes it; until then a wrong declaration is stored, and is not in force"
)


def look(session: Session) -> Iterator[Finding]:
    """Yield a line for each."""
    at = api.chosen(session)
    if at is None:
        return
    try:
        with api.client(at) as client:
            yield _controller(client, at.namespace)
            yield _webhook(client)
    except CniError:
        return  # that the API does not answer is told already


def _controller(client: Client, home: str) -> Finding:
    from podberth.controller.service import LEASE  # what it imports is nothing for every command

    try:
        now = datetime.now(UTC)  # noqa: TID251 - the clock is wired here
        return led(client.get(LEASES, LEASE, home), now)
    except errors.Forbidden:
        return Finding(area=api.AREA, name="controller", level=OK, text=_UNSEEN)
    except errors.NotFound:
        text, todo = f"none has ever led: there is no Lease {home}/{LEASE}", "see the Deployment podberth-controller"
        return Finding(area=api.AREA, name="controller", level=WARN, text=text, todo=todo)


def led(lease: Object, now: datetime) -> Finding:
    """Judge the Lease by which controllers elect one."""
    spec = lease.get("spec", {})
    holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
    todo = "see the Deployment podberth-controller: leases of dead pods are not ended, kubectl's declarations wait"
    if not holder or not renewed:
        return Finding(area=api.AREA, name="controller", level=WARN, text="none leads", todo=todo)
    age = (now - datetime.fromisoformat(renewed)).total_seconds()
    if age > 2 * int(spec.get("leaseDurationSeconds") or 15):
        text = f"{holder} was the last to lead, {duration(age)} ago"
        return Finding(area=api.AREA, name="controller", level=WARN, text=text, todo=todo)
    return Finding(area=api.AREA, name="controller", level=OK, text=f"{holder} leads")


def _webhook(client: Client) -> Finding:
    """Have a Pool asked about, which is not made: one that nobody but podberth's webhook refuses."""
    try:
        client.create(POOLS, _ASKED, dry_run=True)
    except errors.WebhookDown as down:
        return Finding(area=api.AREA, name="webhook", level=FAIL, text=down.message, todo=down.details)
    except errors.AlreadyExists:
        pass  # it was refused by nobody before
    except CniError as refused:
        return judged(refused)
    text = "no webhook judges declarations: a wrong Pool was accepted"
    return Finding(area=api.AREA, name="webhook", level=WARN, text=text, todo=_UNASKED)


def judged(refused: CniError) -> Finding:
    """Say what a refusal of the Pool tells of the webhook."""
    if _OURS.search(refused.message):
        text = "a wrong declaration is refused: it answers"
        return Finding(area=api.AREA, name="webhook", level=OK, text=text)
    if isinstance(refused, errors.Forbidden) and "admission webhook" not in refused.message:
        return Finding(area=api.AREA, name="webhook", level=OK, text=_UNSEEN)
    text = f"whether it judges is unknown: somebody else refused first: {refused.message}"
    return Finding(area=api.AREA, name="webhook", level=WARN, text=text, todo=_UNASKED)
