"""What a runtime says of one attachment when it calls a network's plugins."""

from __future__ import annotations

from podberth.cni.value import value


@value
class RuntimeConf:
    """One interface of one container, for a call.

    `netns` is the path of its network namespace, '' where that is gone. `args` become CNI_ARGS, in order.
    `capability_args` are offered to the plugins that declare the capability of that name (`runtimeConfig`), as plain
    JSON values. `trace_parent` is passed on as TRACEPARENT (W3C Trace Context).
    """

    container_id: str
    ifname: str = "eth0"
    netns: str = ""
    args: tuple[tuple[str, str], ...] = ()
    capability_args: tuple[tuple[str, object], ...] = ()
    trace_parent: str = ""
