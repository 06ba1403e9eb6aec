"""Plugins for tests of chains: they play a part in this process, and note what they were asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podberth.runtime.cache import Cache
from podberth.runtime.chain import Runtime
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.networks import parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from podberth.cni.netlist import NetworkList

CONF = RuntimeConf(container_id="c0ffee", netns="/run/netns/blue", args=(("K8S_POD_NAME", "mysql-0"), ("X", "1")))


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as a plugin saw it."""

    verb: str
    plugin: str
    env: Mapping[str, str]
    conf: Mapping[str, Any]


@dataclass
class Players:
    """Some plugin types. `answers` has what one says for a verb, as (exit status, stdout); silence is success."""

    calls: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)

    def __call__(self, env: Mapping[str, str], stdin: bytes, plugin: str) -> tuple[int, str]:
        self.calls.append(Asked(env["CNI_COMMAND"], plugin, dict(env), json.loads(stdin)))
        return self.answers.get((plugin, env["CNI_COMMAND"]), (0, ""))

    def says(self, plugin: str, verb: str, said: object, status: int = 0) -> None:
        """Have a plugin answer a verb with a JSON value."""
        self.answers[plugin, verb] = (status, json.dumps(said))

    def refuses(self, plugin: str, verb: str, code: int = 100, msg: str = "no") -> None:
        """Have a plugin answer a verb with an error object."""
        self.says(plugin, verb, {"cniVersion": "1.0.0", "code": code, "msg": msg, "details": "why"}, 1)

    def order(self) -> list[tuple[str, str]]:
        """Return (verb, plugin) of all calls so far, and forget them."""
        found = [(call.verb, call.plugin) for call in self.calls]
        self.calls.clear()
        return found


def runtime(players: Players, folder: Path, **more: Any) -> Runtime:
    """Return a runtime whose plugins `first`, `second` and `third` are players."""
    return Runtime(
        path=("/nowhere", "/else"),
        cache=Cache(str(folder)),
        in_process=dict.fromkeys(("first", "second", "third"), players),
        **more,
    )


def network(
    *types: str, version: str = "1.1.0", name: str = "net", keys: Mapping[str, object] | None = None, **each: object
) -> NetworkList:
    """Return a network of those plugins; `keys` are the list's, the rest is every plugin's."""
    plugins = [{"type": kind, **each} for kind in types]
    return parse(json.dumps({"cniVersion": version, "name": name, "plugins": plugins, **(keys or {})}).encode())


def result(address: str, version: str = "1.1.0", **more: object) -> dict[str, object]:
    """Return a result with one address."""
    return {"cniVersion": version, "ips": [{"address": address}], **more}
