"""The bench that a plugin is put on: containers' namespaces, calls of the plugin, and what the kernel has of both.

It runs plugins and makes network namespaces; it judges nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podberth.cni import version as versions
from podberth.conformance.check import Broken, DoesNotApply, need
from podberth.linux import netns
from podberth.linux.namespaces import Namespaces
from podberth.linux.netlink import addresses, routes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KINDS = ("interface", "chained", "ipam", "loopback")
_PEER = "conf"  # what the name of the node's end of a chained plugin's interface begins with
_LOST = "lost0"
_SETTLED = 5.0  # seconds that a process has to enter a namespace
_PAUSE = 0.02
_FAMILIES = (4, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of the bench: its ID and the path of its network namespace."""

    container_id: str
    netns: str
    name: str

    @property
    def namespace(self) -> str:
        """The namespace's name, as `ip netns` has it."""
        return Path(self.netns).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one call came to."""

    verb: str
    status: int
    stdout: str
    stderr: str

    @property
    def said(self) -> dict[str, Any]:
        """The JSON object on stdout; Broken if there is something else."""
        try:
            found = json.loads(self.stdout)
        except ValueError as failure:
            raise Broken(f"{self.verb}: stdout is not JSON ({failure}): {self.stdout[:200]!r}") from None
        need(isinstance(found, dict), f"{self.verb}: stdout is no JSON object: {self.stdout[:200]!r}")
        return dict(found)

    def succeeded(self) -> Answer:
        """Return itself; Broken if the call failed."""
        need(self.status == 0, f"{self.verb} failed with status {self.status}: {self._told()}")
        return self

    def _told(self) -> str:
        """Return what it said, on one line."""
        return " ".join((self.stdout.strip() or self.stderr).split())[:300]

    def refused(self) -> dict[str, Any]:
        """Return the error object; Broken if the call succeeded, or there is none."""
        need(self.status != 0, f"{self.verb} succeeded and should have been refused")
        need(self.status > 0, f"{self.verb} was ended by signal {-self.status}")
        said = self.said
        code = said.get("code")
        need(
            isinstance(code, int) and not isinstance(code, bool) and code > 0,
            f"{self.verb}: the error's code is {code!r}",
        )
        need(isinstance(said.get("msg"), str) and said["msg"], f"{self.verb}: the error's msg is {said.get('msg')!r}")
        return said


@dataclass(slots=True, kw_only=True)
class Bench:
    """A plugin on the bench.

    `conf` is its configuration as in a list's `plugins`, with name and cniVersion; `previous` the prevResult that a
    chained plugin gets. `seconds` is how long one call may take,
    `settle` how many the kernel has for what it removes later. What a check makes is gone after `clear`.
    """

    plugin: Path
    conf: Mapping[str, object]
    kind: str
    search: tuple[str, ...]
    args: str = ""
    seconds: float = 60.0
    settle: float = 5.0
    containers: list[Container] = field(default_factory=list)
    namespaces: Namespaces = field(default_factory=Namespaces)
    spoken: tuple[str, ...] | None = None
    _added: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def container(self, name: str = "pod") -> Container:
        """Make a container with a namespace of its own."""
        mark = uuid.uuid4().hex
        made = Container(container_id=mark, netns=f"/run/netns/conformance-{mark[:12]}", name=f"{name}-{mark[:6]}")
        _ip("netns", "add", made.namespace)
        _ip("-n", made.namespace, "link", "set", "lo", "up" if self.kind != "loopback" else "down")
        self.containers.append(made)
        if self.kind == "chained":
            self._before(made)
        return made

    def vanish(self, container: Container) -> None:
        """Take a container's namespace away, as when its sandbox died."""
        if Path(container.netns).exists():
            _ip("netns", "delete", container.namespace)

    def environment(self, verb: str, container: Container | None, ifname: str = "eth0") -> dict[str, str]:
        """Return what a runtime sets for a call."""
        env = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "CNI_COMMAND": verb}
        env["CNI_PATH"] = ":".join(self.search)
        if container is not None:
            args = ["IgnoreUnknown=1", "K8S_POD_NAMESPACE=default", f"K8S_POD_NAME={container.name}"]
            args += [f"K8S_POD_INFRA_CONTAINER_ID={container.container_id}", *filter(None, [self.args])]
            env.update(CNI_CONTAINERID=container.container_id, CNI_NETNS=container.netns)
            env.update(CNI_IFNAME=self.named(ifname), CNI_ARGS=";".join(args))
        return env

    def named(self, ifname: str = "eth0") -> str:
        """Return how a runtime names a container's interface for a plugin of this kind."""
        return "lo" if self.kind == "loopback" else ifname

    def stdin(self, version: str | None = None, **changes: object) -> bytes:
        """Return the configuration as JSON; a change to None leaves a key out."""
        body = {**self.conf, "cniVersion": version or self.version, **changes}
        return json.dumps({key: found for key, found in body.items() if found is not None}).encode()

    @property
    def version(self) -> str:
        """The version of the specification that the configuration is of."""
        return str(self.conf["cniVersion"])

    def run(self, env: Mapping[str, str], stdin: bytes) -> Answer:
        """Call the plugin with exactly this; Broken if it takes too long."""
        verb = env.get("CNI_COMMAND", "no CNI_COMMAND")
        if verb == "ADD":
            self._added.append((dict(env), stdin))
        try:
            done = subprocess.run(
                [self.plugin], env=dict(env), input=stdin, capture_output=True, timeout=self.seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise Broken(f"{verb} did not end within {self.seconds:.0f} s") from None
        return Answer(
            verb=verb,
            status=done.returncode,
            stdout=done.stdout.decode(errors="replace"),
            stderr=done.stderr.decode(errors="replace"),
        )

    def call(
        self,
        verb: str,
        container: Container | None,
        *,
        version: str | None = None,
        ifname: str = "eth0",
        unset: Iterable[str] = (),
        env: Mapping[str, str] | None = None,
        keys: Mapping[str, object] | None = None,
        **changes: object,
    ) -> Answer:
        """Call the plugin: variables can be left out or replaced, and so can `keys` of the configuration.

        A key whose name is an identifier may be given as an argument. None leaves a key out.
        """
        changes.update(keys or {})
        whole = {**self.environment(verb, container, ifname), **(env or {})}
        stdin = (
            self.stdin(version, **changes) if container is None else self.configuration(container, version, **changes)
        )
        return self.run({key: text for key, text in whole.items() if key not in tuple(unset)}, stdin)

    def call_raw(self, verb: str, more: Mapping[str, object]) -> Answer:
        """Call the plugin about no container; a key whose value is None goes out as null."""
        body = {**json.loads(self.stdin()), **more}
        return self.run(self.environment(verb, None), json.dumps(body).encode())

    def configuration(self, container: Container, version: str | None = None, **changes: object) -> bytes:
        """Return what a call about the container has on stdin; for a chained plugin there is a prevResult in it."""
        if self.kind == "chained":
            changes.setdefault("prevResult", self.previous(container, version or self.version))
        return self.stdin(version, **changes)

    def added(
        self,
        container: Container,
        version: str | None = None,
        ifname: str = "eth0",
        keys: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """ADD; return the result."""
        return self.call("ADD", container, version=version, ifname=ifname, keys=keys).succeeded().said

    def deleted(
        self, container: Container, result: object = None, ifname: str = "eth0", version: str | None = None
    ) -> None:
        """DEL, with the result as prevResult."""
        self.call("DEL", container, version=version, ifname=ifname, prevResult=result).succeeded()

    def previous(self, container: Container, version: str) -> dict[str, object]:
        """Return what an interface plugin before this one would have said (for a chained plugin)."""
        ip: dict[str, object] = {"address": "10.111.0.5/24", "interface": 1}
        if not versions.at_least(version, "1.0.0"):
            ip["version"] = "4"
        if not versions.at_least(version, "0.3.0"):
            return {"cniVersion": version, "ip4": {"ip": "10.111.0.5/24"}}
        links = [{"name": f"{_PEER}{container.container_id[:10]}"}, {"name": "eth0", "sandbox": container.netns}]
        return {"cniVersion": version, "interfaces": links, "ips": [ip]}

    def _before(self, container: Container) -> None:
        """Make the interface that a chained plugin finds."""
        peer = f"{_PEER}{container.container_id[:10]}"
        _ip("link", "add", peer, "type", "veth", "peer", "name", "eth0", "netns", container.namespace)
        _ip("-n", container.namespace, "addr", "add", "10.111.0.5/24", "dev", "eth0")
        _ip("-n", container.namespace, "link", "set", "eth0", "up")
        _ip("link", "set", peer, "up")

    def speaks(self, version: str) -> bool:
        """Say whether the plugin claims to speak a version."""
        if self.spoken is None:
            said = self.run(self.environment("VERSION", None), self.stdin()).said.get("supportedVersions", [])
            self.spoken = tuple(str(one) for one in said) if isinstance(said, list) else ()
        return version in self.spoken

    def needs(self, version: str = "", *kinds: str) -> None:
        """DoesNotApply unless the plugin claims the version, and is one of the kinds."""
        if kinds and self.kind not in kinds:
            raise DoesNotApply(f"it is about plugins that are {' or '.join(kinds)}")
        if version and not self.speaks(version):
            raise DoesNotApply(f"the plugin does not speak {version}")
        if version and not versions.at_least(self.version, version):
            raise DoesNotApply(f"the configuration is of {self.version}")

    def node(self) -> set[str]:
        """Return what the node has of what plugins make: links, and routes."""
        socket = self.namespaces.socket(None)
        named = {link.index: link.name for link in self.namespaces.links(None)}
        named = {index: name for index, name in named.items() if not name.startswith(_PEER)}
        found = {f"link {name}" for name in named.values()}
        for family in _FAMILIES:
            for body in socket.dump(routes.GET, routes.every(family)):
                index, route = routes.parse(body)
                if index in named and not str(route.dst).startswith(("fe80:", "ff00:")):
                    found.add(f"route {route.dst} on {named[index]}")
        return found

    def inside(self, container: Container) -> dict[str, list[str]]:
        """Return the interfaces in a container with their addresses."""
        socket = self.namespaces.socket(container.netns)
        named = {link.index: link.name for link in self.namespaces.links(container.netns)}
        found: dict[str, list[str]] = {name: [] for name in named.values()}
        for family in _FAMILIES:
            for body in socket.dump(addresses.GET, addresses.every(family)):
                index, address = addresses.parse(body)
                if not address.is_link_local and index in named:
                    found[named[index]].append(str(address))
        return found

    def only(self, before: set[str], when: str) -> None:
        """Broken if the node has anything that it had not `before`; what the kernel is still removing has a while."""
        end = time.monotonic() + self.settle
        while left := self.node() - before:
            if time.monotonic() > end:
                raise Broken(f"{when} the node still has {', '.join(sorted(left))}")
            time.sleep(_PAUSE)

    def make_link(self, container: Container, name: str) -> None:
        """Make an interface in the container that is none of the plugin's."""
        self.ip_inside(container, "link", "add", name, "type", "veth", "peer", "name", f"{name[:12]}-p")

    def lose(self, container: Container, name: str) -> None:
        """Have the container's interface gone; one that can't be deleted, as a card's, is there under another name."""
        try:
            self.ip_inside(container, "link", "delete", name)
        except OSError:
            self.ip_inside(container, "link", "set", name, "down")  # an interface that is up may not be renamed
            self.ip_inside(container, "link", "set", name, "name", _LOST)

    def ip_inside(self, container: Container, *argv: str) -> None:
        """Change something in a container by hand, with `ip`."""
        _ip("-n", container.namespace, *argv)

    @contextlib.contextmanager
    def process_in(self, container: Container) -> Iterator[str]:
        """Have a process in the container; yield the path of its namespace."""
        sleeping = ["ip", "netns", "exec", container.namespace, "sleep", "600"]
        process = subprocess.Popen(sleeping)
        try:
            wanted = netns.identity(container.netns)
            path = f"/proc/{process.pid}/ns/net"
            end = time.monotonic() + _SETTLED
            while netns.identity(path) != wanted and time.monotonic() < end:
                time.sleep(_PAUSE)
            yield path
        finally:
            process.kill()
            process.wait()

    def clear(self) -> None:
        """Take everything back that a check has made, whatever became of it."""
        for env, stdin in reversed(self._added):
            with contextlib.suppress(Broken):
                self.run({**env, "CNI_COMMAND": "DEL"}, stdin)
        self._added.clear()
        self.namespaces.close()
        for container in self.containers:
            self.vanish(container)
        self.containers.clear()


def _ip(*argv: str) -> None:
    done = subprocess.run(["ip", *argv], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(argv)}: {done.stderr.strip()}")
