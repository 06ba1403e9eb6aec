"""A row of the table of hostile input, and short ways to write one. Everything in a row but its fault is right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE = "/@state@"  # stands for the directory of the test's own store, in environments and configurations
NETNS = "/var/run/netns/blue"  # stands for the pod's network namespace
MIB = 1 << 20

Json = dict[str, Any]
ABSENT = object()  # in place of a value: the key is left out

ENV = {
    "CNI_CONTAINERID": "c0ffee",
    "CNI_NETNS": NETNS,
    "CNI_IFNAME": "eth0",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=bank;K8S_POD_NAME=web-0;K8S_POD_UID=5f3c",
    "CNI_PATH": "/opt/cni/bin",
}
CONF: Json = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth", "pool": "db", "stateDir": STATE}
ANNOTATIONS = "io.kubernetes.cri.pod-annotations"
VALID = "cni.dev/valid-attachments"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One call that must be refused with `code`. Its message begins with the path `at`, and contains `says`."""

    name: str
    code: int
    env: Mapping[str, str]
    stdin: bytes
    at: str = ""
    says: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def can_be_executed(self) -> bool:
        """Say whether execve(2) can carry the environment: no NUL, no string of more than 128 KiB."""
        return all("\0" not in text and len(text) < 120_000 for text in self.env.values())

    def placed(self, state: str, netns: str = NETNS) -> tuple[dict[str, str], bytes]:
        """Return environment and stdin with the store in `state` and the pod in `netns`."""
        env = {key: netns if text == NETNS else text.replace(STATE, state) for key, text in self.env.items()}
        return env, self.stdin.replace(STATE.encode(), state.encode())


def changed(whole: Json, changes: Mapping[str, object]) -> Json:
    """Return `whole` with the changes; an ABSENT one takes the key away."""
    return {key: member for key, member in {**whole, **changes}.items() if member is not ABSENT}


def env_of(verb: str, **changes: str | None) -> dict[str, str]:
    """Return a good environment with changes; None takes a variable away."""
    whole = {"CNI_COMMAND": verb, **ENV, **changes}
    return {key: text for key, text in whole.items() if text is not None}


def conf(changes: Mapping[str, object] | None = None, /, **more: object) -> bytes:
    """Return a good network configuration with changes."""
    return json.dumps(changed(CONF, {**(changes or {}), **more})).encode()


def environment(
    name: str,
    at: str,
    changes: Mapping[str, str | None] | None = None,
    /,
    *,
    code: int = 4,
    verb: str = "ADD",
    says: str = "",
    **more: str | None,
) -> Row:
    """Write a row whose fault is in the environment."""
    env = env_of(verb, **{**(changes or {}), **more})
    return Row(name=name, code=code, env=env, stdin=conf(), at=at, says=says)


def args(name: str, key: str, text: str, *, says: str = "") -> Row:
    """Write a row whose fault is in CNI_ARGS, at `key` if one is named."""
    return environment(f"CNI_ARGS: {name}", f"CNI_ARGS.{key}" if key else "CNI_ARGS", says=says, CNI_ARGS=text)


def raw(name: str, stdin: bytes, *, at: str = "stdin", code: int = 6, says: str = "", verb: str = "ADD") -> Row:
    """Write a row whose fault is in the bytes of stdin."""
    return Row(name=f"stdin: {name}", code=code, env=env_of(verb), stdin=stdin, at=at, says=says)


def network(
    name: str,
    at: str,
    changes: Mapping[str, object] | None = None,
    /,
    *,
    code: int = 7,
    verb: str = "ADD",
    says: str = "",
    **more: object,
) -> Row:
    """Write a row whose fault is in the network configuration."""
    return Row(name=f"{verb}: {name}", code=code, env=env_of(verb), stdin=conf(changes, **more), at=at, says=says)


def under_bridge(
    name: str, at: str, /, *, code: int = 7, says: str = "", ipam: object = None, **changes: object
) -> Row:
    """Write a row whose fault is in the `ipam` section of another plugin's configuration."""
    section = ipam if ipam is not None else changed({"type": "podberth", "pool": "db", "stateDir": STATE}, changes)
    stdin = conf(type="bridge", pool=ABSENT, stateDir=ABSENT, ipam=section)
    return Row(name=f"ipam: {name}", code=code, env=env_of("ADD"), stdin=stdin, at=at, says=says)


def runtime(name: str, at: str, members: Mapping[str, object], /, *, says: str = "") -> Row:
    """Write a row whose fault is in `runtimeConfig`."""
    stdin = conf(runtimeConfig=members)
    dot = "" if at.startswith("[") else "."
    where = f"runtimeConfig{dot}{at}" if at else ""
    return Row(name=f"runtimeConfig: {name}", code=7, env=env_of("ADD"), stdin=stdin, at=where, says=says)


def annotation(name: str, at: str, asked: object, /, *, code: int = 7, says: str = "") -> Row:
    """Write a row whose fault is in the pod's annotation: `asked` is its text, or what the text is the JSON of."""
    text = asked if isinstance(asked, str) else json.dumps(asked)
    stdin = conf(runtimeConfig={ANNOTATIONS: {"podberth.io/network": text}})
    at = f"pod annotation podberth.io/network: {at}".removesuffix(": ") if code == 7 else at
    return Row(name=f"annotation: {name}", code=code, env=env_of("ADD"), stdin=stdin, at=at, says=says)


def previous(name: str, at: str, version: str, result: object, /, *, code: int = 7, verb: str = "ADD") -> Row:
    """Write a row whose fault is in `prevResult`, of that version."""
    stdin = conf(cniVersion=version, prevResult=result)
    at = f"prevResult.{at}" if at else "prevResult"
    return Row(name=f"prevResult of {version}: {name} ({verb})", code=code, env=env_of(verb), stdin=stdin, at=at)
