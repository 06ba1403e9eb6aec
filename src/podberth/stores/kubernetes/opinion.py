"""The API server's clock, by the Date of its answers (RFC 9110, 6.6.1): a second opinion on this node's."""

from __future__ import annotations

from podberth.ipam.moment import Opinion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.ipam.moment import Uptime
    from podberth.kube.client import Client

_SECOND = 10**9


class Dated:
    """What a client has last heard, counted on by this node's uptime."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __call__(self, now: Uptime) -> Opinion | None:
        """Return what the API server holds to be the time; None if it was never asked anything."""
        heard = self._client.dated
        if heard is None:
            return None
        # A Date has whole seconds, and was written at some time while the answer was waited for.
        time = heard.date + _SECOND // 2 + (now.ns - heard.at)
        return Opinion(time=time, within=2 * _SECOND + heard.waited)
