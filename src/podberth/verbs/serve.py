"""From a request to its verb: reads the configuration as a whole first, then opens the node, then acts.

What one verb alone needs is loaded when that is called: the process of a plugin without an agent serves a single call.
"""

from __future__ import annotations

from podberth.cni.call import Verb
from podberth.cni.errors import InvalidConfig
from podberth.net.addresses import Addresses
from podberth.verbs.adopted import take_away
from podberth.verbs.delegated import forward, over_link
from podberth.verbs.delete import delete_call
from podberth.verbs.role import NETWORKS, Role, delegated, own_fields, role_of, state_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from podberth.cni.call import Call
    from podberth.cni.result import Result
    from podberth.verbs.delegated import Delegate
    from podberth.verbs.network import Network
    from podberth.verbs.node import Node, Plugin

    Connect: TypeAlias = Callable[[str], Node]


def serve(call: Call, plugin: Plugin, connect: Connect, delegate: Delegate) -> Result | None:
    """Do what is asked; return ADD's result, None for the verbs that have nothing to say.

    `delegate` calls the IPAM plugin of a configuration that leaves addresses to another.
    A configuration of another type that arrives here delegates: only addresses are wanted (SPEC.md section 4).
    """
    if plugin.ADDRESSES is Addresses.CALLED:
        from podberth.verbs.called import serve_called

        return serve_called(connect(f"{state_dir(call.conf.fields)}/{NETWORKS}"), call, plugin)
    if plugin.ADDRESSES in (Addresses.PREVIOUS, Addresses.KERNEL):
        return _served_behind(call, plugin, connect(state_dir(call.conf.fields)))
    role = _role(call, plugin)
    directory = state_dir(own_fields(call.conf, role))
    ipam_type = "" if role is Role.GIVE else delegated(call.conf, plugin)
    if call.verb is Verb.DEL:
        _delete(connect(directory), call, plugin, delegate if ipam_type else None)
        return None
    if call.verb in (Verb.GC, Verb.CHECK):
        before = call.verb is Verb.GC and over_link(call)
        try:
            if ipam_type and before:
                forward(call, delegate)
        finally:
            (_collect if call.verb is Verb.GC else _check)(connect(directory), call, plugin)
        if ipam_type and not before:
            forward(call, delegate)
        return None
    from podberth.verbs.network import network_of

    network = network_of(call.conf, plugin)
    if call.verb is Verb.STATUS:
        from podberth.verbs.status import status_for_now, status_of_ipam

        status_for_now(lambda: connect(directory), network)
        if ipam_type:
            status_of_ipam(call, delegate)
        return None
    from podberth.verbs.attach import attach

    node = connect(directory)
    _require_store(node, network, directory)
    return attach(node, network, call, plugin, delegate)


def load() -> None:
    """Load what calls need once they are there, in a process that stays: no call has to wait for it."""
    for verb in ("attach", "chained", "check", "collect", "finish", "status"):
        __import__(f"podberth.verbs.{verb}")


def _served_behind(call: Call, plugin: Plugin, node: Node) -> Result | None:
    """Serve a plugin that works on what was made before it in the chain."""
    if call.verb is Verb.DEL:
        _delete(node, call, plugin, None)
    elif call.verb is Verb.GC:
        _collect(node, call, plugin)
    elif call.verb is Verb.CHECK:
        _check(node, call, plugin)
    elif call.verb is Verb.STATUS:
        from podberth.verbs.status import serves_anybody

        serves_anybody(node)
    else:
        from podberth.verbs.chained import add_chained

        return add_chained(node, call, plugin)
    return None


def _check(node: Node, call: Call, plugin: Plugin) -> None:
    from podberth.verbs.check import check

    check(node, call, plugin)


def _collect(node: Node, call: Call, _plugin: Plugin) -> None:
    from podberth.verbs.collect import collect

    collect(node, call.conf.name, _valid(call))


def _valid(call: Call) -> frozenset[tuple[str, str]]:
    valid = call.conf.valid_attachments
    if valid is None:
        raise InvalidConfig("cni.dev/valid-attachments: required for GC", "an empty list means that none is valid")
    return frozenset(valid)


def _role(call: Call, plugin: Plugin) -> Role:
    """Return what the plugin is called for. InvalidConfig for no DEL: the ADD of its configuration was refused."""
    try:
        return role_of(call.conf, plugin)
    except InvalidConfig:
        if call.verb is not Verb.DEL:
            raise
        return Role.GIVE


def _require_store(node: Node, network: Network, directory: str) -> None:
    if not (network.plain or network.policy_dir or node.stored()):
        raise InvalidConfig(
            f"stateDir: there is no store in {directory}, so no pool is declared there",
            "`podberth apply` makes it with the first pool; or name the directory that has it",
        )


def _delete(node: Node, call: Call, plugin: Plugin, delegate: Delegate | None) -> None:
    over = delegate is not None and over_link(call)
    try:
        if delegate is not None and over:
            delegate(call, "DEL")
    finally:
        if not node.stored():
            take_away(node, call, plugin)  # a DEL makes no store
        elif over or node.later is None:
            delete_call(node, call, plugin)
        else:
            from podberth.verbs.finish import begin

            begin(node, call, plugin, node.later)
    if delegate is not None and not over:
        delegate(call, "DEL")  # it may give the address away at once: nobody can use it any more by then
