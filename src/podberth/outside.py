"""Beyond the kernel (`net.outside.Outside`): plugins that are called, files of networks, objects of an API server.

Podberth's own plugins are served in this process, with the pod's namespace as it is open here: one exec of a runtime
serves all the networks of a pod.
"""

from __future__ import annotations

import binascii
import json
import os
from functools import partial

from podberth.catalogue import plugin_of
from podberth.cni import netlist, parsers, strictjson
from podberth.cni.errors import CniError, InvalidConfig, KernelRefused
from podberth.cni.fields import Fields
from podberth.cni.result import Result
from podberth.cni.value import replace
from podberth.net.ops import CallPlugins
from podberth.net.suited import Suited
from podberth.networks.device_info import CAPABILITY, MOST_BYTES
from podberth.networks.device_info import read as read_info
from podberth.networks.legs import PASSTHRU
from podberth.networks.shedding import shed
from podberth.process.log import notice
from podberth.process.reason import reason
from podberth.process.whole import write_whole
from podberth.runtime.allowance import Allowance
from podberth.runtime.cache import Cache
from podberth.runtime.chain import Gate, Runtime
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.invoke import find
from podberth.runtime.networks import chain, load_all, parse
from podberth.runtime.own import is_own
from podberth.runtime.passthru import passthru

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet
    from typing import TypeAlias

    from podberth.cni.netlist import NetworkList, PluginConf
    from podberth.net.ops import AdoptCalls
    from podberth.net.seen import DevicesOf, ObjectSought
    from podberth.runtime.chain import Call
    from podberth.verbs.node import Node

    # Serves a call of one of podberth's plugins: environment, stdin, type, and descriptors of namespaces, which become
    # its own.
    Serve: TypeAlias = Callable[[Mapping[str, str], bytes, str, dict[str, int]], tuple[int, str]]
    Handle: TypeAlias = Callable[[Mapping[str, str], bytes, str, Callable[[str], Node]], tuple[int, str]]
    Look: TypeAlias = Callable[[ObjectSought], Mapping[str, object] | None]
    Open: TypeAlias = Callable[[str], Node]  # the node whose store is in a directory, for one use

KUBELET = "PODBERTH_KUBELET"  # the folder of the kubelet, where it has another
_BY_HAND = "the plugin that wrote it has to end what it made: what can't be read is left as it is"
FOREIGN = 4  # of others' plugins that run at once, but for DELs: an agent has eight workers for all calls of a node
_GATE = Gate(FOREIGN)
_IN_PROCESS = {PASSTHRU: passthru}
# Codes of errors about what a plugin was called with: version, field, JSON, configuration (SPEC.md section 5, "Error").
_OF_THE_CONFIGURATION = (1, 2, 6, 7)
# Seconds that another's plugin may take, that all of one pod may take, and that each has at least. A runtime waits for
# some two minutes.
TIMEOUT, TOGETHER, LEAST = 90.0, 100.0, 2.0


def calls(handle: Handle, node: Callable[[str, Mapping[str, int]], Node], look: Look | None) -> Calls:
    """Return the outside of a node whose own plugins `handle` serves, with the nodes that `node` returns.

    `look`: None to ask API servers for each object.
    """
    from podberth import objects

    def serve(env: Mapping[str, str], stdin: bytes, plugin_type: str, given: dict[str, int]) -> tuple[int, str]:
        def connect(directory: str) -> Node:
            found = node(directory, dict(given))
            given.clear()  # they are the host's now
            return found

        return handle(env, stdin, plugin_type, connect)

    return Calls(serve, look or objects.look, lambda directory: node(directory, {}))


class Calls:
    """The outside of one host. `look` finds an object of an API server, `open_node` the store of a directory."""

    def __init__(self, serve: Serve, look: Look, open_node: Open) -> None:
        self._serve = serve
        self._look = look
        self._open = open_node
        self._added: dict[CallPlugins, Result] = {}  # by this host
        self._returned: dict[CallPlugins, list[str]] = {}  # the types of plugins whose ADD has succeeded here
        self._read: dict[str, NetworkList] = {}  # by their text
        self._allowance = Allowance(TIMEOUT, TOGETHER, LEAST)

    def add(self, op: CallPlugins, netns: int) -> None:
        """Call ADD of a network's plugins, in order, and remember the result. None is called if one is missing."""
        network = self._network(op)
        for plugin in network.plugins:
            if plugin.type not in _IN_PROCESS:
                find(plugin.type, op.path)
        if op.info_file and CAPABILITY in op.capabilities:
            _copied(op.info_from, op.info_file)
        self._added[op] = self._runtime(op, netns).add(network, _conf(op, netns)).result

    def delete(self, op: CallPlugins, netns: int) -> None:
        """Call DEL of the plugins, in reverse order; `netns` is -1 if the namespace is gone.

        An ADD that was not ended is taken back plugin by plugin. Who refuses its configuration, or is not there, had
        refused the ADD too: a definition that nobody can serve must not keep its pod from going away.
        """
        if op.info_file:
            _unlink(op.info_file)  # who reads it has it from the ADD
        network, conf, runtime = self._network(op), _conf(op, netns), self._runtime(op, netns)
        if Cache(op.cache).get(op.network, op.container_id, op.ifname) is not None:
            runtime.delete(network, conf)
            return
        returned = self._returned.get(op, ())
        for plugin in reversed(network.plugins):
            try:
                runtime.delete(replace(network, plugins=(plugin,)), conf)
            except CniError as refused:
                if refused.code not in _OF_THE_CONFIGURATION or plugin.type in returned:
                    raise

    def check(self, op: CallPlugins, netns: int) -> None:
        """Call CHECK of the plugins, as far as the network's version has it."""
        network = self._network(op)
        if netlist.has_check(network):
            self._runtime(op, netns).check(network, _conf(op, netns))

    def collect(self, op: CallPlugins, valid: AbstractSet[tuple[str, str]]) -> None:
        """Have everything of the network gone but what is valid, and all interfaces of the same containers.

        Those that Multus made stay too.
        """
        containers = {container_id for container_id, _ in valid}
        cached = Cache(op.cache).all(op.network)
        more = {(one.container_id, one.ifname) for one in cached if one.container_id in containers}
        self._runtime(op, -1).collect(self._network(op), sorted(valid | more))

    def status(self, network: NetworkList, path: tuple[str, ...]) -> None:
        """Call STATUS of the network's plugins."""
        Runtime(path, timeout=TIMEOUT, own=self._handler(None, -1)).status(network)

    def answered(self, op: CallPlugins) -> Result:
        """Return the result of an ADD. KernelRefused if it is not remembered."""
        if op in self._added:
            return self._added[op]
        cached = Cache(op.cache).get(op.network, op.container_id, op.ifname)
        if cached is None or cached.result is None:
            raise KernelRefused(
                f"{op.label or op.network}: the result of {op.container_id}'s {op.ifname} is not in {op.cache}",
                "somebody took its file away: DEL and ADD the pod again",
            )
        return Result.parse(Fields(dict(cached.result), "the cached result"), self._network(op).cni_version)

    def shed(self, op: CallPlugins) -> None:
        """Remember the result without default routes but those by the op's gateways."""
        cache = Cache(op.cache)
        cached = cache.get(op.network, op.container_id, op.ifname)
        if cached is None or cached.result is None:
            return
        result = shed(dict(cached.result), tuple(map(int, op.sheds)), op.gateways)
        cache.put(op.network, _conf(op, 0), cached.config, result)
        self._added.pop(op, None)

    def remembered(self, op: AdoptCalls) -> tuple[CallPlugins, ...]:
        """Return the calls that Multus has made for a pod, in order, as far as they can be read; () if it made none."""
        return tuple(found for found in self._remembered(op) if found is not None)

    def forget(self, op: AdoptCalls) -> None:
        """Take away what Multus has remembered of a pod; what can't be read is put aside, for people."""
        found = self._remembered(op)
        try:
            if found and None not in found:
                os.unlink(op.path)
            else:
                os.replace(op.path, f"{op.path}.unread")
        except OSError:
            pass  # there is none; or plugins whose DEL has nothing more to do are called once more

    def _remembered(self, op: AdoptCalls) -> list[CallPlugins | None]:
        try:
            with open(op.path, "rb") as file:
                listed = strictjson.loads(file.read(strictjson.MAX_BYTES + 1), op.path)
        except FileNotFoundError:
            return []
        except (OSError, CniError) as wrong:
            notice(reason(wrong, _BY_HAND).within(op.path))
            return [None]
        every = listed if isinstance(listed, list) else [None]
        return [_readable(op, place, one) for place, one in enumerate(every)]

    def devices(self, sought: DevicesOf) -> tuple[tuple[str, str], ...]:
        """Return what the kubelet has given to a pod: resource and device. TryAgainLater if that can't be known."""
        from podberth.devices import checkpoint

        root, whose = os.environ.get(KUBELET) or checkpoint.ROOT, (sought.namespace, sought.name, sought.uid)
        try:
            from podberth.devices.kubelet import Kubelet
        except ModuleNotFoundError:  # a plugin without an agent has no gRPC
            found = checkpoint.of_pod(root, *whose)
        else:
            found = Kubelet(root).of_pod(*whose)
        return tuple((each.resource, each.device) for each in found)

    def suiting(self, op: CallPlugins, among: tuple[str, ...]) -> Suited:
        """Return which of the devices the network's first plugin would take, as the pod is declared: by others any."""
        network = self._network(op)
        main = network.plugins[0]
        plugin = plugin_of(main.type)
        if plugin is None or not is_own(find(main.type, op.path)):
            return Suited(devices=among)
        from podberth.cni.call import Call
        from podberth.verbs.dealing import directory_of, suited

        made = Call.parse(*self._runtime(op, 0).first(network, _conf(op, 0)))
        assert isinstance(made, Call)
        node = self._open(directory_of(made, plugin))
        try:
            return suited(node, made, plugin, among)
        finally:
            node.host.close()

    def device_infos(self, op: CallPlugins) -> tuple[Mapping[str, object], ...]:
        """Return what is known of the network's devices from files: the plugins' own, or else the device plugin's."""
        if op.info_file and (own := _info(op.info_file)) is not None:
            return (own,)
        found = map(_info, op.info_from.split(",") if op.info_from else ())
        return tuple(each for each in found if each is not None)

    def networks(self, path: str) -> tuple[NetworkList, ...]:
        """Return the networks of a folder, or of the file at the path; () if there are none that can be read."""
        try:
            if os.path.isdir(path):
                return load_all(path)[0]
            with open(path, "rb") as file:
                return (parse(file.read(strictjson.MAX_BYTES + 1), path),)
        except (OSError, CniError):
            return ()

    def chain(self, path: str) -> tuple[PluginConf, ...]:
        """Return the plugins of a folder's files; () if there is no folder. InvalidConfig names a file at fault."""
        return chain(path)

    def object(self, sought: ObjectSought) -> Mapping[str, object] | None:
        """Return an object of an API server, None if there is none. TryAgainLater if it can't be asked."""
        return self._look(sought)

    def _runtime(self, op: CallPlugins, netns: int) -> Runtime:
        def watch(call: Call) -> None:
            if call.verb == "ADD" and call.error is None:
                self._returned.setdefault(op, []).append(call.plugin)

        own, timeout = self._handler(op, netns), partial(self._allowance.left, op.container_id)
        return Runtime(
            op.path, cache=Cache(op.cache), timeout=timeout, watch=watch, in_process=_IN_PROCESS, own=own, gate=_GATE
        )

    def _handler(
        self, op: CallPlugins | None, netns: int
    ) -> Callable[[Mapping[str, str], bytes, str], tuple[int, str]]:
        def handle(env: Mapping[str, str], stdin: bytes, plugin_type: str) -> tuple[int, str]:
            given = {op.netns: os.dup(netns)} if op is not None and netns >= 0 else {}
            try:
                return self._serve(env, stdin, plugin_type, given)
            finally:
                for descriptor in given.values():
                    os.close(descriptor)

        return handle

    def _network(self, op: CallPlugins) -> NetworkList:
        if op.config not in self._read:
            self._read[op.config] = netlist.parse(op.config.encode(), name=op.network)
        return self._read[op.config]


def _copied(origin: str, to: str) -> None:
    """Have the file about a device be there for plugins; what can't be copied is told on stderr, as Multus does."""
    try:
        with open(origin, "rb") as file:
            content = file.read(MOST_BYTES + 1)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        write_whole(to, content, 0o644)
    except OSError as failure:
        notice(reason(failure, "the pod starts without that file: is its folder to be written?").within(to))


def _info(path: str) -> Mapping[str, object] | None:
    """Return what a file about a device says; None if it can't be read."""
    try:
        with open(path, "rb") as file:
            return read_info(file.read(MOST_BYTES + 1))
    except OSError:
        return None


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # there is none


def _conf(op: CallPlugins, netns: int) -> RuntimeConf:
    args = tuple((key, text) for key, _, text in (pair.partition("=") for pair in op.args))
    return RuntimeConf(
        container_id=op.container_id,
        ifname=op.ifname,
        netns=op.netns if netns >= 0 else "",
        args=args,
        capability_args=tuple(json.loads(op.capabilities).items()) if op.capabilities else (),
    )


def _readable(op: AdoptCalls, place: int, document: object) -> CallPlugins | None:
    """Return one call of Multus'; None if it can't be read, which is told on stderr."""
    try:
        return _delegate(op, place, document)
    except CniError as wrong:
        notice(reason(wrong, _BY_HAND).within(f"{op.path}[{place}]"))
        return None


def _delegate(op: AdoptCalls, place: int, document: object) -> CallPlugins:
    """Return one call of Multus' as it has remembered it. InvalidConfig if it can't be read.

    The interface's name is the pod's own word, which Multus remembers before anybody has looked at it.
    """
    fields = Fields(document, f"{op.path}[{place}]", InvalidConfig).from_go()
    asked = fields.get("ifnameRequest", parsers.ifname, "")
    ifname = op.ifname if place == 0 else asked or f"net{place}"
    config = fields.required("Bytes", _base64)
    network = netlist.parse(config, op.path)
    cached = Cache(op.cache).get(network.name, op.container_id, ifname)
    if cached is not None and cached.config:
        config = _restored(config, cached.config, op.path)
        network = netlist.parse(config, op.path)
    return CallPlugins(
        network=network.name,
        netns=op.netns,
        ifname=ifname,
        container_id=op.container_id,
        config=config.decode(),
        path=op.search,
        cache=op.cache,
        args=op.args,
        label=fields.get("Name", parsers.string(), network.name),
        default=place == 0,
    )


def _base64(raw: object) -> bytes:
    return binascii.a2b_base64(parsers.any_text(raw))


def _restored(remembered: bytes, called: bytes, path: str) -> bytes:
    """Return a network that Multus has remembered, with what libcni's file of the attachment says of it besides."""
    from podberth.networks.remembered import restored

    try:
        found = strictjson.loads(called, path)
    except CniError:
        return remembered
    return strictjson.dumps(restored(Fields(strictjson.loads(remembered, path)).raw, found)).encode()
