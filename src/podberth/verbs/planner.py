"""How an attachment is planned: the plugin's questions are answered once, and then it plans."""

from __future__ import annotations

from podberth.cni.errors import UnsupportedField
from podberth.net.seen import see
from podberth.verbs import suiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.net.endpoint import Endpoint
    from podberth.net.host import Host
    from podberth.net.plan import Plan
    from podberth.net.requests import Request
    from podberth.net.seen import Seen
    from podberth.net.vf import FunctionWanted, Vf
    from podberth.policy.precedence import Resolved
    from podberth.verbs.node import Kind, Plugin


class Planner:
    """The planning of one call, by a plugin's reading of its configuration.

    What the plugin asks depends on what was `resolved`, None where nothing is, and not on the addresses.
    """

    def __init__(self, host: Host, plugin: Plugin, kind: Kind, call: Call, resolved: Resolved | None = None) -> None:
        self._host = host
        self._plugin = plugin
        self._kind = kind
        self._call = call
        self._resolved = resolved
        self._answers: Seen | None = None

    def wanted(self, end: Endpoint) -> FunctionWanted | None:
        """Return which functions the plan is for; None if for none. UnsupportedField if some are declared then."""
        wanted = self._seen(end).wanted
        if wanted is None and self._resolved is not None and self._resolved.vf is not None:
            origin = self._resolved.origin("vf")
            raise UnsupportedField(
                f"vf: network {self._call.name} gives no virtual functions, {origin.source} {origin.detail} asks"
                " for one",
                "leave `vf` out there, or give the network `device: sriov`",
            )
        return wanted if wanted is None or self._resolved is None else suiting.met(wanted, self._resolved, self._call)

    def __call__(self, end: Endpoint, vfs: tuple[Vf, ...] = ()) -> Plan:
        """Return the plan for the pod's end, with the functions that were claimed for it.

        Refused if the pod's annotation asks for something that is not the pod's to say.
        """
        seen = self._seen(end)
        plan = self._plugin.plan(self._kind, self._call, end, seen.with_functions(vfs) if vfs else seen)
        for request in plan.requests:
            _require_permitted(request)
        if not end.standby:
            return plan
        from podberth.net.standby import standing_by

        return standing_by(plan, end)

    def _seen(self, end: Endpoint) -> Seen:
        if self._answers is None:
            self._answers = see(self._host, lambda seen: self._plugin.asks(self._kind, self._call, end, seen))
        return self._answers


def _require_permitted(request: Request) -> None:
    from podberth.policy.permit import ANNOTATION, TENANT, Selecting, permit  # few networks have rules

    refusal = permit(request.pod.namespace, TENANT, ANNOTATION, Selecting(request=request))
    if refusal is not None:
        raise refusal
