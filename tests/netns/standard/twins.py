"""The CNI project's plugins and podberth's, side by side: two nodes alike, the same calls, and what came of each.

A node is a network namespace, and so is each pod. Go's executables are run in them by exec, without an agent, as a
runtime does, and ours by a fork of this process: test_called_as_by_go.py is about exec. Names and MACs that nobody
chose are replaced by what they stand for before anything is compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from difflib import ndiff
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podberth.entry import handle
from tests import programs
from tests.forked import forked
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[3]
OURS = ROOT / "build" / "cni-standard"
CONTAINER = "c0ffee"
# What is compared of a link's own data, and of a route.
KEPT = ("mode", "id", "protocol", "vlan_filtering", "hairpin", "isolated", "table", "type", "flags", "multi_queue")
OF_ROUTE = ("type", "dst", "gateway", "table", "scope", "prefsrc", "metric")
ROUTES = ("route", "show", "table", "all")


def go() -> Path:
    """Return the folder of the CNI project's executables, of the version that podberth's stand in for."""
    return programs.current("containernetworking-plugins") / "usr" / "lib" / "cni"


def _served(plugin_type: str) -> int:
    """Do what our executable of that type does."""
    status, stdout = handle(os.environ, sys.stdin.buffer.read(), plugin_type)
    print(stdout, end="")
    return status


@dataclass(frozen=True)
class Ended:
    """How one call ended: the exit status, and what was printed, read."""

    status: int
    said: dict[str, Any]


@dataclass
class Node:
    """One of the twins: a namespace for the node, and one for each pod, with the plugins of `folder`."""

    name: str
    folder: Path
    state: Path
    pods: list[str] = field(default_factory=list)

    def run(self, *argv: str, inside: str = "", stdin: str = "", check: bool = True) -> str:
        """Run a command in the node's namespace, or in that of a pod; return its stdout."""
        where = self.pod(inside) if inside else self.name
        # A mount namespace is made for each `ip netns exec`: these two need none.
        direct = argv[0] in ("ip", "bridge")
        by = [argv[0], "-n", where, *argv[1:]] if direct else ["ip", "netns", "exec", where, *argv]
        done = subprocess.run(by, input=stdin, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def pod(self, name: str = "pod") -> str:
        """Return the name of a pod's namespace, which is made when it is first asked for."""
        full = f"{self.name}-{name}"
        if full not in self.pods:
            subprocess.run(["ip", "netns", "add", full], check=True)
            subprocess.run(["ip", "-n", full, "link", "set", "lo", "up"], check=True)
            self.pods.append(full)
        return full

    def call(
        self, verb: str, conf: Mapping[str, object], *, pod: str = "pod", ifname: str = "eth0", args: str = "",
        container: str = CONTAINER, netns: str | None = None, previous: Mapping[str, object] | None = None,
    ) -> Ended:  # fmt: skip
        """Call the plugin that the configuration names; `{state}` in its text is a folder of the node's own."""
        document = {**conf, **({"prevResult": previous} if previous is not None else {})}
        text = json.dumps(document).replace("{state}", str(self.state)).replace("{node}", self.name)
        env = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": container,
            "CNI_NETNS": f"/run/netns/{self.pod(pod)}" if netns is None else netns,
            "CNI_IFNAME": ifname,
            "CNI_PATH": str(self.folder),
            "CNI_ARGS": args,
            "PATH": os.environ["PATH"],
        }
        status, stdout = self.plugin(str(conf["type"]), env, text)
        return Ended(status, json.loads(stdout) if stdout.strip() else {})

    def plugin(self, plugin_type: str, env: Mapping[str, str], stdin: str) -> tuple[int, str]:
        """Call the plugin, and return its exit status and its stdout: ours by a fork, and another by exec."""
        if self.folder == OURS:
            ended = forked(lambda: _served(plugin_type), self.name, env, stdin)
            return ended.status, ended.stdout
        command = ["ip", "netns", "exec", self.name, str(self.folder / plugin_type)]
        done = subprocess.run(command, env=env, input=stdin, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def chain(self, verb: str, plugins: Sequence[Mapping[str, object]], name: str = "net", **how: Any) -> list[Ended]:
        """Call each plugin of a list, as libcni does: ADD and CHECK in order with the result so far, DEL in reverse."""
        ended: list[Ended] = []
        previous = how.pop("previous", None)
        for plugin in plugins if verb != "DEL" else list(reversed(plugins)):
            conf = {"cniVersion": "1.0.0", "name": name, **plugin}
            if verb != "STATUS":
                ended.append(self.call(verb, conf, previous=previous, **how))
            else:
                ended.append(self.call(verb, {**conf, "cniVersion": "1.1.0"}, **how))
            if verb == "ADD":
                if ended[-1].status:
                    break
                previous = ended[-1].said
        return ended

    def state_of(self, *, pod: str = "pod") -> dict[str, Any]:
        """Return links, addresses, routes, rules and VLANs of node and pod, comparable with those of the twin."""
        return {where: self._seen(inside) for where, inside in (("node", ""), ("pod", pod))}

    def settle(self, *, inside: str = "") -> None:
        """Wait until no address is tentative: before that its routes are not there. One without a carrier stays so."""

        def tentative() -> bool:
            every = json.loads(self.run("ip", "-j", "-6", "address", inside=inside) or "[]")
            carried = [link for link in every if link and "LOWER_UP" in link["flags"]]
            return any("tentative" in info for link in carried for info in link["addr_info"])

        until(lambda: not tentative(), "an address stays tentative")

    def _seen(self, inside: str) -> dict[str, Any]:
        self.settle(inside=inside)
        links = json.loads(self.run("ip", "-j", "-d", "link", inside=inside) or "[]")
        names = {link["ifname"]: self._role(link) for link in links}
        return {
            "links": sorted((self._link(link, names) for link in links), key=str),
            "addresses": sorted(self._addresses(inside, names)),
            "routes": sorted(self._routes(inside, names)),
            "vlans": sorted(self._vlans(inside, names)),
            "rules": [
                {key: value for key, value in rule.items() if key != "protocol"}
                for family in ("-4", "-6")
                for rule in json.loads(self.run("ip", "-j", family, "rule", inside=inside) or "[]")
            ],
        }

    def _role(self, link: dict[str, Any]) -> str:
        """Return what a link is called by both: one whose name is random, or a hash, is its kind."""
        name, kind = str(link["ifname"]), link.get("linkinfo", {}).get("info_kind", "")
        random = name.startswith(("veth", "pb", "pi", "bwp")) and len(name) > 8
        return f"<{kind or 'link'}>" if random else name.replace(self.name, "{node}")

    def _link(self, link: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
        info = link.get("linkinfo", {})
        data = {**info.get("info_data", {}), **info.get("info_slave_data", {})}
        return {
            "name": names[link["ifname"]],
            "kind": info.get("info_kind", ""),
            "mtu": link["mtu"],
            "up": "UP" in link["flags"],
            "promisc": link.get("promiscuity", 0) > 0,
            "allmulti": "ALLMULTI" in link["flags"],
            # One end of a pair that Go's plugins make has no queue; none of a pair's is used.
            "queue": link.get("txqlen") or (1000 if info.get("info_kind") == "veth" else 0),
            "master": names.get(link.get("master", ""), ""),
            "data": {key: data[key] for key in KEPT if key in data},
        }

    def _addresses(self, inside: str, names: Mapping[str, str]) -> Iterator[str]:
        for link in json.loads(self.run("ip", "-j", "addr", inside=inside) or "[]"):
            for info in link.get("addr_info", ()):
                if info.get("scope") != "link":  # of a MAC that nobody chose
                    yield f"{names.get(link.get('ifname', ''), '')} {info['local']}/{info['prefixlen']}"

    def _vlans(self, inside: str, names: Mapping[str, str]) -> Iterator[str]:
        for port in json.loads(self.run("bridge", "-j", "vlan", "show", inside=inside) or "[]"):
            for member in port["vlans"]:
                yield f"{names.get(port['ifname'], '')} {json.dumps(member, sort_keys=True)}"

    def _routes(self, inside: str, names: Mapping[str, str]) -> Iterator[str]:
        for family in ("-4", "-6"):
            for route in json.loads(self.run("ip", "-j", family, *ROUTES, inside=inside) or "[]"):
                multicast = route.get("type") == "multicast" or "ff00" in str(route.get("dst"))
                if multicast or "fe80" in str(route.get("dst")):
                    continue
                said = {key: route[key] for key in OF_ROUTE if key in route}
                said |= {"dev": names.get(route.get("dev", ""), ""), "metrics": route.get("metrics", [])}
                yield json.dumps(said, sort_keys=True)


def comparable(result: Mapping[str, Any], node: Node) -> dict[str, Any]:
    """Return a result of an ADD without what nobody chose: MACs and random names, and the twin's own name."""
    text = json.dumps(result).replace(node.name, "{node}").replace(str(node.state), "{state}")
    found = json.loads(text)
    for interface in found.get("interfaces", ()):
        interface["mac"] = "<mac>" if interface.get("mac") else ""
        if interface["name"].startswith(("veth", "pb", "pi", "bwp")) and len(interface["name"]) > 8:
            interface["name"] = "<link>"
        interface.pop("mtu", None)  # Go's plugins leave it out
    for route in found.get("routes", ()):
        route.pop("advmss", None)
    if not found.get("dns"):
        found.pop("dns", None)  # Go's plugins say an empty one in older versions
    return dict(found)


def unlike(one: Node, other: Node, *, pod: str = "pod") -> str:
    """Return what one of the nodes has that the other has not, a line each: '-' of the first, '+' of the second."""
    lines, others = (
        [f"{where} {what}: {each}" for where, found in state.items() for what, every in found.items() for each in every]
        for state in (one.state_of(pod=pod), other.state_of(pod=pod))
    )
    return "\n".join(line for line in ndiff(lines, others) if line[0] in "-+")
