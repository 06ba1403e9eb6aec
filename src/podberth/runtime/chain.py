"""The caller's side of CNI: what libcni does, for runtimes written in Python (SPEC.md section 3).

```python
from podberth.runtime.chain import Runtime
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.networks import load

runtime = Runtime(path=("/opt/cni/bin",))
network = load("/etc/cni/net.d", "banknet")
conf = RuntimeConf(container_id="c0ffee", netns="/run/netns/blue")
added = runtime.add(network, conf)
print(added.result.ips[0].address)
runtime.delete(network, conf)
```

As with libcni, an ADD that fails is not followed by a DEL: whoever called has to do that.
"""

from __future__ import annotations

import json
import os
import time
from _thread import allocate_lock

from podberth.cni import strictjson
from podberth.cni import version as versions
from podberth.cni.errors import (
    CniError,
    DecodingFailure,
    IncompatibleVersion,
    InvalidConfig,
    KernelRefused,
    TryAgainLater,
)
from podberth.cni.fields import Fields
from podberth.cni.result import Result, encode
from podberth.cni.value import value
from podberth.runtime import invoke
from podberth.runtime.cache import Cache
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.own import is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable, Iterable, Mapping

    from podberth.cni.netlist import NetworkList, PluginConf

    Handler = Callable[[Mapping[str, str], bytes, str], tuple[int, str]]

_PATIENCE, _PAUSE = 10.0, 0.01  # seconds until a plugin that finds no place is refused; between two looks
_DUMMY = "dummy"  # what a VERSION call has for a netns, an ifname and a path, as libcni's


@value
class Added:
    """An ADD's result, and the same as JSON has it, with whatever plugins say beyond the specification."""

    result: Result
    raw: Mapping[str, object]


@value
class Call:
    """One call of one plugin, for whoever watches: what it got, what it said, how long it took (seconds)."""

    plugin: str
    verb: str
    stdin: bytes
    stdout: bytes
    error: CniError | None
    seconds: float


class Gate:
    """How many plugins run at once, but for DELs, of all runtimes that share it."""

    def __init__(self, most: int) -> None:
        self._places = [allocate_lock() for _ in range(most)]

    def enter(self) -> LockType:
        """Return a place, which the caller releases. TryAgainLater if none gets free for a while."""
        end = time.monotonic() + _PATIENCE
        while True:
            for place in self._places:
                if place.acquire(blocking=False):
                    return place
            if time.monotonic() > end:
                raise TryAgainLater(
                    f"{len(self._places)} plugins of others run, and none has ended for {_PATIENCE:g} s",
                    "see what they wait for: `podberth trace` shows the calls that take long",
                )
            time.sleep(_PAUSE)


class Runtime:
    """Calls networks' plugins, found on `path`, and remembers attachments in `cache`.

    `timeout` (seconds) ends a plugin that takes longer, None never; a function is asked before each call. `watch` is
    told of each call after it. Plugins whose types are in `in_process` are not executed: their function gets the
    environment, stdin and the type, and returns the exit status and stdout, as what `podberth.entry.staying` returns
    does; no `timeout` ends it. `own` is that function for any plugin of podberth's that is found on the path. `gate`
    bounds how many are executed at once. Threads may share a Runtime: it has no state of its own but the cache's files.
    """

    def __init__(
        self,
        path: tuple[str, ...],
        *,
        cache: Cache | None = None,
        timeout: float | Callable[[], float] | None = None,
        watch: Callable[[Call], None] | None = None,
        in_process: Mapping[str, Handler] | None = None,
        own: Handler | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.path = path
        self.cache = cache or Cache()
        self._timeout = timeout
        self._watch = watch
        self._in_process = in_process or {}
        self._own = own
        self._gate = gate

    def add(self, network: NetworkList, conf: RuntimeConf) -> Added:
        """ADD in order, each plugin with the result of the one before; remember and return the last one's."""
        added: Added | None = None
        env = self._environment(conf)
        for plugin in network.plugins:
            stdin = self._stdin(network, plugin, conf, added.raw if added is not None else None)
            added = _read(network, plugin, self._run("ADD", plugin.type, stdin, env), added) or added
        if added is None:
            raise DecodingFailure(
                f"no plugin of {network.name} returned a result", "one of them has to make the interface, and print it"
            )
        self.cache.put(network.name, conf, network.raw, dict(added.raw))
        return added

    def first(self, network: NetworkList, conf: RuntimeConf) -> tuple[dict[str, str], bytes]:
        """Return the environment and the stdin of the ADD of the network's first plugin, which is not called."""
        return {**self._environment(conf), "CNI_COMMAND": "ADD"}, self._stdin(network, network.plugins[0], conf, None)

    def check(self, network: NetworkList, conf: RuntimeConf) -> None:
        """CHECK in order, with the cached result; nothing is asked of a network with `disableCheck`.

        IncompatibleVersion before 0.4.0; InvalidConfig for an attachment that is not in the cache.
        """
        versions.require_verb("CHECK", network.cni_version)
        if network.disable_check:
            return
        previous, conf = self._remembered(network, conf)
        if previous is None:
            raise InvalidConfig(
                f"{network.name}: {conf.container_id} has no cached result for {conf.ifname}",
                "ADD it first, with the same cache directory",
            )
        env = self._environment(conf)
        for plugin in network.plugins:
            self._run("CHECK", plugin.type, self._stdin(network, plugin, conf, previous), env)

    def delete(self, network: NetworkList, conf: RuntimeConf) -> None:
        """DEL in reverse order, with the cached result if there is one; one that fails ends it, and the cache stays."""
        previous, conf = self._remembered(network, conf)
        if not versions.at_least(network.cni_version, "0.4.0"):
            previous = None
        env = self._environment(conf)
        for plugin in reversed(network.plugins):
            self._run("DEL", plugin.type, self._stdin(network, plugin, conf, previous), env)
        self.cache.drop(network.name, conf.container_id, conf.ifname)

    def collect(self, network: NetworkList, valid: Iterable[tuple[str, str]]) -> None:
        """Have everything gone that is not among `valid`, pairs of (container ID, ifname).

        First a DEL for each cached attachment of the network, then GC for each plugin; one failure does not keep the
        others, and KernelRefused names all. With no `valid` everything is invalid. Nothing is done with `disableGC`.
        """
        if network.disable_gc:
            return
        stay = tuple(valid)
        failures: list[str] = []
        for cached in tuple(self.cache.all(network.name)):
            if (cached.container_id, cached.ifname) in stay:
                continue
            conf = RuntimeConf(container_id=cached.container_id, ifname=cached.ifname, netns=cached.netns)
            _try(failures, self.delete, network, conf)
        if versions.at_least(network.cni_version, "1.1.0"):
            listed = [{"containerID": container_id, "ifname": ifname} for container_id, ifname in stay]
            told = {"cni.dev/valid-attachments": listed, "cni.dev/attachments": listed}
            env = self._environment(None)
            for plugin in network.plugins:
                stdin = self._stdin(network, plugin, None, None, told)
                _try(failures, self._run, "GC", plugin.type, stdin, env)
        if failures:
            raise KernelRefused("; ".join(failures), "what failed is still cached: collect again")

    def status(self, network: NetworkList) -> None:
        """STATUS of every plugin; the error of the first that can't serve an ADD is raised (codes 50, 51)."""
        if versions.at_least(network.cni_version, "1.1.0"):
            env = self._environment(None)
            for plugin in network.plugins:
                self._run("STATUS", plugin.type, self._stdin(network, plugin, None, None), env)

    def versions(self, plugin_type: str) -> tuple[str, ...]:
        """Return the versions of the specification that a plugin speaks, oldest first as it says them.

        One that does not know VERSION speaks 0.1.0 (SPEC.md 0.2.0).
        """
        stdin = json.dumps({"cniVersion": versions.LATEST}).encode()
        env = {**os.environ, "CNI_NETNS": _DUMMY, "CNI_IFNAME": _DUMMY, "CNI_PATH": _DUMMY, "CNI_CONTAINERID": _DUMMY}
        try:
            stdout = self._run("VERSION", plugin_type, stdin, env)
        except CniError as refused:
            if "unknown CNI_COMMAND: VERSION" in refused.message:
                return (versions.UNDECLARED,)
            raise
        fields = Fields(strictjson.loads(stdout, f"the answer of {plugin_type}"), plugin_type, DecodingFailure)
        found = fields.each("supportedVersions", str, most=64)
        return found or (versions.UNDECLARED,)

    def validate(self, network: NetworkList) -> None:
        """Raise IncompatibleVersion if a plugin does not speak the network's version, InvalidConfig if it's missing."""
        for plugin in network.plugins:
            spoken = self.versions(plugin.type)
            if network.cni_version not in spoken:
                raise IncompatibleVersion(
                    f"{network.name}: {plugin.type} does not speak {network.cni_version}",
                    f"it speaks {', '.join(spoken)}",
                )

    def _stdin(
        self,
        network: NetworkList,
        plugin: PluginConf,
        conf: RuntimeConf | None,
        previous: Mapping[str, object] | None,
        more: Mapping[str, object] | None = None,
    ) -> bytes:
        """Return what a plugin reads of one call."""
        offered = dict(conf.capability_args) if conf is not None else {}
        body = {**derived(network, plugin, offered), **(more or {})}
        if previous is not None:
            body["prevResult"] = previous
        return json.dumps(body).encode()

    def _remembered(self, network: NetworkList, conf: RuntimeConf) -> tuple[Mapping[str, object] | None, RuntimeConf]:
        """Return the cached result, and the conf with the arguments of the ADD, as libcni has it."""
        cached = self.cache.get(network.name, conf.container_id, conf.ifname)
        if cached is None:
            return None, conf
        if cached.network:
            conf = RuntimeConf(
                container_id=conf.container_id,
                ifname=conf.ifname,
                netns=conf.netns,
                args=cached.args or conf.args,
                capability_args=cached.capability_args,
                trace_parent=conf.trace_parent,
            )
        if cached.result is None:
            return None, conf
        document = dict(cached.result)
        if document.get("cniVersion") == network.cni_version:
            return document, conf
        try:  # the network's version was changed while the container ran
            result = Result.parse(Fields(document, "the cached result"), network.cni_version)
            return encode(result, network.cni_version), conf
        except CniError:
            return None, conf  # a damaged result must not keep a pod from going away

    def _environment(self, conf: RuntimeConf | None) -> dict[str, str]:
        """Return the environment of a chain's calls: this process's own, and the parameters."""
        env = {**os.environ, "CNI_PATH": ":".join(self.path)}
        if conf is not None:
            env.update(
                CNI_CONTAINERID=conf.container_id,
                CNI_NETNS=conf.netns,
                CNI_IFNAME=conf.ifname,
                CNI_ARGS=";".join(f"{key}={text}" for key, text in conf.args),
            )
            if conf.trace_parent:
                env["TRACEPARENT"] = conf.trace_parent
        return env

    def _run(self, verb: str, plugin_type: str, stdin: bytes, env: Mapping[str, str]) -> bytes:
        began, stdout, error = time.monotonic(), b"", None
        whole = {**env, "CNI_COMMAND": verb}
        try:
            stdout = self._answer(plugin_type, whole, stdin)
        except CniError as refused:
            error = refused
            raise
        finally:
            if self._watch is not None:
                seconds = time.monotonic() - began
                self._watch(
                    Call(plugin=plugin_type, verb=verb, stdin=stdin, stdout=stdout, error=error, seconds=seconds)
                )
        return stdout

    def _answer(self, plugin_type: str, env: Mapping[str, str], stdin: bytes) -> bytes:
        handler = self._in_process.get(plugin_type)
        if handler is None:
            executable = invoke.find(plugin_type, self.path)
            handler = self._own if self._own is not None and is_own(executable) else None
            if handler is None:
                return self._executed(executable, env, stdin)
        status, stdout = handler(env, stdin, plugin_type)
        if status:
            raise invoke.refusal(plugin_type, status, stdout.encode())
        return stdout.encode()

    def _executed(self, executable: str, env: Mapping[str, str], stdin: bytes) -> bytes:
        place = self._gate.enter() if self._gate is not None and env["CNI_COMMAND"] != "DEL" else None
        try:
            timeout = self._timeout() if callable(self._timeout) else self._timeout
            return invoke.call(executable, env, stdin, timeout)
        finally:
            if place is not None:
                place.release()


def derived(network: NetworkList, plugin: PluginConf, offered: Mapping[str, object]) -> dict[str, object]:
    """Return a plugin's configuration for a call (SPEC.md section 3, "Deriving request configuration").

    `offered` are capabilities: the plugin is told those that it declares.
    """
    body = {**plugin.raw, "name": network.name, "cniVersion": network.cni_version}
    wanted = {name: offered[name] for name in plugin.capabilities if name in offered}
    return {**body, "runtimeConfig": wanted} if wanted else body


def _read(network: NetworkList, plugin: PluginConf, stdout: bytes, previous: Added | None) -> Added | None:
    """Read a plugin's result; what it says beyond the specification stays in it. None if it printed none."""
    document = strictjson.loads(stdout, f"the result of {plugin.type}") if stdout.strip() else None
    if not isinstance(document, dict):
        return None
    if previous is not None and document == previous.raw:
        return previous  # it was passed on, as by most plugins of a chain
    result = Result.parse(Fields(document, f"{plugin.type}'s result", DecodingFailure), network.cni_version)
    if document.get("cniVersion", "") in ("", network.cni_version):
        return Added(result=result, raw={**document, "cniVersion": network.cni_version})
    return Added(result=result, raw=encode(result, network.cni_version))


def _try(failures: list[str], act: Callable[..., object], *args: object) -> None:
    try:
        act(*args)
    except CniError as refused:
        failures.append(refused.message)
