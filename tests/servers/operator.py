"""A cluster's operator without kubectl: the calls that `kubectl apply` and `create` make, in a fraction of the time.

kubectl is where the tests are about it: what it prints, what it refuses, the commands of the documentation.
"""

from __future__ import annotations

import subprocess
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from podberth.kube import errors
from podberth.kube.client import Call
from podberth.kube.config import load
from podberth.kube.resources import Resource
from podberth.policy import yamlfiles
from tests.servers.asking import PatientClient

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60.0  # for one step of a call: the machine may be busy


class Operator:
    """One user of one API server. What resources there are, the server's discovery says."""

    def __init__(self, kubeconfig: Path) -> None:
        self.client = PatientClient(load(str(kubeconfig)), timeout=SECONDS)
        self._kinds: dict[tuple[str, str], Resource] = {}

    def apply(self, *made: dict[str, Any], dry_run: bool = False) -> None:
        """Have the objects be, and what they said before and do not say now be gone."""
        for one in made:
            self.client.apply(self.resource(one), one, manager="kubectl", dry_run=dry_run)

    def create(self, *made: dict[str, Any]) -> None:
        """Create the objects. Raises AlreadyExists."""
        for one in made:
            self.client.create(self.resource(one), one, one["metadata"].get("namespace", ""))

    def refusal(self, made: dict[str, Any], *, dry_run: bool = False) -> str:
        """Apply an object; return why that was refused, '' if it was not."""
        try:
            self.apply(made, dry_run=dry_run)
        except (errors.Invalid, errors.Rejected, errors.Forbidden, errors.Unavailable) as refusal:
            return f"{refusal.message}; {refusal.details}"
        return ""

    def resource(self, made: dict[str, Any]) -> Resource:
        """Return the resource that an object is of."""
        version, kind = str(made["apiVersion"]), str(made["kind"])
        if (version, kind) not in self._kinds:
            self._kinds |= {(version, one.kind): one for one in self.resources(version)}
        return self._kinds[version, kind]

    def resources(self, version: str) -> list[Resource]:
        """Return what the server's discovery lists for an API version such as 'apps/v1'; nothing if it has none."""
        group, _, own = version.rpartition("/")
        all_of_it = Resource(group=group, version=own, plural="", kind="APIResourceList", namespaced=False)
        try:
            found = self.client.call(Call(verb="get", resource=all_of_it))["resources"]
        except errors.NotFound:
            return []
        return [
            Resource(group=group, version=own, plural=one["name"], kind=one["kind"], namespaced=one["namespaced"])
            for one in found
            if "/" not in one["name"]
        ]


@cache
def rendered(folder: Path) -> str:
    """Return what `kubectl kustomize` prints for a folder."""
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of a manifest."""
    return [dict(cast("dict[str, Any]", one.raw)) for one in yamlfiles.load(BytesIO(text.encode()), "manifest")]
