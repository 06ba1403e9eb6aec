"""Which version of a kind an API server serves: it may have others tomorrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.kube.client import Call
from podberth.kube.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.kube.client import Client
    from podberth.kube.resources import Resource


def served(client: Client, versions: Sequence[Resource]) -> Resource:
    """Return the first of a kind's versions that the server has; it is asked with the right to list that kind.

    NotFound, of the last, if it has none. Else raises as a `list` does: what can't be asked is not "not served".
    """
    *others, last = versions
    for version in others:
        try:
            _ask(client, version)
        except NotFound:
            continue
        return version
    _ask(client, last)
    return last


def _ask(client: Client, version: Resource) -> None:
    client.call(Call(verb="list", resource=version, query=(("limit", "1"),)))
