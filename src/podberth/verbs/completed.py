"""A call of a meta plugin whose configuration is in two files of the node: the runtime's, and one beside it."""

from __future__ import annotations

from podberth.cni.call import Verb
from podberth.cni.errors import CniError
from podberth.cni.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.net.host import Host
    from podberth.verbs.node import Plugin

_JUDGED = (Verb.ADD, Verb.STATUS)


def completed(host: Host, call: Call, plugin: Plugin) -> Call:
    """Return the call with what the other file says; the call itself for a plugin that has none (`BESIDE`).

    ADD and STATUS are refused for a file that can't be read, and for one that says too little. The other verbs work
    from records, and from the runtime's file.
    """
    beside = getattr(plugin, "BESIDE", None)
    if beside is None:
        return call
    from podberth.networks import daemon

    try:
        fields = daemon.completed(call.conf.fields, host.lines(beside.of(call.conf.fields)))
        if call.verb in _JUDGED:
            daemon.require_kubeconfig(fields)
    except CniError as wrong:
        if call.verb in _JUDGED:
            raise
        from podberth.process.log import notice
        from podberth.process.reason import reason

        notice(reason(wrong))
        return call
    return replace(call, conf=replace(call.conf, fields=fields))
