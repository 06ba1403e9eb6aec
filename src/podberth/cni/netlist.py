"""A network configuration as runtimes have it: a list of plugins, or one plugin alone (SPEC.md section 1). Pure.

Each plugin's own configuration stays as raw JSON beside the few keys that are read here: what a runtime does not know,
it passes on.
"""

from __future__ import annotations

from podberth.cni import parsers, strictjson
from podberth.cni import version as versions
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.cni.netconf import plugin_type
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_PLUGINS = 64


@value
class PluginConf:
    """One plugin of a network: its type, the capabilities it declares, and its configuration as it stands there."""

    type: str
    capabilities: tuple[str, ...]
    raw: Mapping[str, object]


@value
class NetworkList:
    """A network: its plugins in the order of ADD. `path` is the file it was read from, '' if from none."""

    name: str
    cni_version: str
    plugins: tuple[PluginConf, ...]
    disable_check: bool = False
    disable_gc: bool = False
    path: str = ""
    raw: bytes = b""


def parse(
    data: bytes, path: str = "", *, name: str = "", beside: Callable[[str], tuple[PluginConf, ...]] = lambda _: ()
) -> NetworkList:
    """Read a list, or a single plugin's configuration as a list of one. InvalidConfig names the field at fault.

    `path`: where it was read, for messages. `name`: the network's, where the configuration has none. `beside` returns
    plugins that stand elsewhere under the network's name: they come after those in the list, unless
    `loadOnlyInlinedPlugins` is true.
    """
    fields = Fields(strictjson.loads(data, path or "network configuration", InvalidConfig), "", InvalidConfig).from_go()
    named = fields.required("name", parsers.identifier) if not name else fields.get("name", parsers.identifier, name)
    if fields.said("type") and not fields.said("plugins"):
        found = (plugin_of(fields),)
        return NetworkList(name=named, cni_version=_version(fields), plugins=found, path=path, raw=data)
    plugins = tuple(plugin_of(member) for member in fields.children("plugins", most=MAX_PLUGINS))
    inlined = _flag(fields, "loadOnlyInlinedPlugins")
    if not inlined:
        plugins += beside(named)
    if not plugins:
        raise fields.fail("plugins", "expected at least one plugin")
    return NetworkList(
        name=named,
        cni_version=_version(fields),
        plugins=plugins,
        disable_check=_flag(fields, "disableCheck"),
        disable_gc=_flag(fields, "disableGC"),
        path=path,
        raw=data,
    )


def has_check(network: NetworkList) -> bool:
    """Say whether the network's plugins are to be asked by CHECK: its version has it, and it does not say otherwise."""
    return not network.disable_check and versions.at_least(network.cni_version, "0.4.0")


def plugin_of(fields: Fields) -> PluginConf:
    """Read one plugin's configuration. InvalidConfig names the field at fault."""
    capabilities = fields.pairs("capabilities", str, parsers.boolean)
    return PluginConf(
        type=fields.required("type", plugin_type),
        capabilities=tuple(name for name, wanted in capabilities if wanted),
        raw=fields.raw,
    )


def _version(fields: Fields) -> str:
    """Return the newest version that the network names and podberth speaks (SPEC.md 1.1.0: cniVersions)."""
    named = [*fields.each("cniVersions", parsers.string(max=32), most=64)]
    single = fields.get("cniVersion", parsers.string(min=0, max=32), "")
    if not named:
        return versions.check(single)
    known = [version for version in (*named, single) if version in versions.SUPPORTED]
    if not known:
        raise fields.fail("cniVersions", f"none of {', '.join(named)} is supported", ", ".join(versions.SUPPORTED))
    return max(known, key=versions.SUPPORTED.index)


def _flag(fields: Fields, key: str) -> bool:
    raw = fields.raw.get(key)
    return fields.get(key, parsers.boolean, False) if not isinstance(raw, str) else _word(fields, key, raw)


def _word(fields: Fields, key: str, raw: str) -> bool:
    if raw.lower() not in ("true", "false"):
        raise fields.fail(key, f"expected true or false, got {shown(raw)}")
    return raw.lower() == "true"
