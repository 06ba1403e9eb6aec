"""What is wrong with a network configuration, all of it at once, before a pod finds out. Pure: it reads no file."""

from __future__ import annotations

from difflib import get_close_matches

from podberth.cni import strictjson
from podberth.cni import version as versions
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.fields import shown
from podberth.cni.value import value
from podberth.runtime.known_plugins import CAPABILITIES, COMMON, IPAM, LIST, PLUGINS
from podberth.runtime.networks import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    Ours: TypeAlias = Callable[[str, bool], Mapping[str, str] | None]

_KINDS: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "list": (list,),
}
_SAID = {"text": "a string", "number": "a number", "boolean": "true or false", "object": "an object", "list": "a list"}


@value
class Finding:
    """One thing that is wrong (`fatal`: an ADD would fail or do something else), where, and what to do."""

    path: str
    message: str
    hint: str = ""
    fatal: bool = True


def lint(
    data: bytes, installed: Callable[[str], bool], ours: Ours = lambda _kind, _inside: None
) -> tuple[Finding, ...]:
    """Return what is wrong with a network list, or with one plugin's configuration.

    `installed` says whether a plugin of a type is found. `ours` returns the keys of a type that is podberth's, in the
    configuration or inside of `ipam`.
    """
    try:
        document = strictjson.loads(data, "the file", InvalidConfig)
    except CniError as error:
        return (Finding(path="", message=error.message, hint=error.details),)
    if not isinstance(document, dict):
        return (Finding(path="", message="expected a JSON object"),)
    found = list(_whole(data))
    plugins = document.get("plugins")
    if not isinstance(plugins, list):
        return (*found, *_plugin(document, "", installed, ours))
    found += _keys(document, "", LIST, "a network list")
    for index, plugin in enumerate(plugins):
        if isinstance(plugin, dict):
            found += _plugin(plugin, f"plugins[{index}]", installed, ours)
            found += _ignored(plugin, f"plugins[{index}]")
    return tuple(found)


def _whole(data: bytes) -> Iterator[Finding]:
    """Yield what keeps the whole from being read as a network at all."""
    try:
        network = parse(data)
    except CniError as error:
        yield Finding(path="", message=error.message, hint=error.details)
        return
    if not versions.at_least(network.cni_version, "0.4.0"):
        yield Finding(
            path="cniVersion",
            message=f"{network.cni_version} knows no CHECK, and DEL gets no prevResult",
            hint=f"say {versions.LATEST}, if the runtime speaks it",
            fatal=False,
        )


def _plugin(raw: Mapping[str, object], at: str, installed: Callable[[str], bool], ours: Ours) -> Iterator[Finding]:
    kind = raw.get("type")
    if not isinstance(kind, str):
        return  # `_whole` has said so
    if not installed(kind):
        yield Finding(path=_in(at, "type"), message=f"there is no plugin {shown(kind)} in CNI_PATH", hint="install it")
    keys = ours(kind, False) or PLUGINS.get(kind)
    if keys is not None:
        yield from _keys(raw, at, {**COMMON, **keys}, f"a {kind}")
    declared = raw.get("capabilities")
    if kind in CAPABILITIES and isinstance(declared, dict):
        for name in declared:
            if name not in CAPABILITIES[kind]:
                known = ", ".join(sorted(CAPABILITIES[kind])) or "none"
                message = f"{kind} does nothing with this capability"
                yield Finding(
                    path=_in(at, f"capabilities.{name}"), message=message, hint=f"it knows {known}", fatal=False
                )
    ipam = raw.get("ipam")
    if isinstance(ipam, dict) and isinstance(ipam.get("type"), str):
        named, path = str(ipam["type"]), _in(at, "ipam")
        if not installed(named):
            message = f"there is no plugin {shown(named)} in CNI_PATH"
            yield Finding(path=f"{path}.type", message=message, hint="install it")
        inside = ours(named, True) or IPAM.get(named)
        if inside is not None:
            yield from _keys(ipam, path, inside, f"an ipam of {named}")


def _keys(raw: Mapping[str, object], at: str, known: Mapping[str, str], what: str) -> Iterator[Finding]:
    """Yield unknown keys, with the one that may have been meant, and values of another kind than they should be."""
    for key, found in raw.items():
        if key in known:
            yield from _kind(_in(at, key), known[key], found)
        elif not _foreign(key):
            near = get_close_matches(key, known, n=1, cutoff=0.6) or [
                name for name in known if name.lower() == key.lower()
            ]
            hint = f"did you mean {near[0]}?" if near else f"its keys: {', '.join(sorted(set(known) - set(COMMON)))}"
            yield Finding(
                path=_in(at, key), message=f"{what} has no such key: it is ignored", hint=hint, fatal=bool(near)
            )


def _kind(path: str, wanted: str, found: object) -> Iterator[Finding]:
    kinds = _KINDS.get(wanted)
    if kinds is None or found is None:
        return
    if not isinstance(found, kinds) or (wanted == "number" and isinstance(found, bool)):
        yield Finding(path=path, message=f"expected {_SAID[wanted]}, got {shown(found)}")


def _ignored(plugin: Mapping[str, object], at: str) -> Iterator[Finding]:
    for key in ("name", "cniVersion"):
        if key in plugin:
            yield Finding(
                path=_in(at, key), message="is ignored: the list's own counts", hint="leave it out", fatal=False
            )


def _foreign(key: str) -> bool:
    """Say whether a key is somebody else's on purpose: such keys have a domain, or begin with an underscore."""
    return "/" in key or "." in key or key.startswith("_")


def _in(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key
