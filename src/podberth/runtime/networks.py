"""Network configurations as a runtime reads them: lists of plugins, from files in order (SPEC.md section 1).

Each plugin's own configuration stays as raw JSON beside the few keys that are read here: what a runtime does not know,
it passes on.
"""

from __future__ import annotations

import os

from podberth.cni import parsers, strictjson
from podberth.cni import version as versions
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.cni.netconf import plugin_type
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LISTS = (".conflist",)
SINGLES = (".conf", ".json")
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


@value
class Broken:
    """A file that could not be read as a network, and why."""

    path: str
    error: CniError


def parse(data: bytes, path: str = "") -> NetworkList:
    """Read a list, or a single plugin's configuration as a list of one. InvalidConfig names the field at fault.

    With `path`, plugins from the folder named for the network beside the file come after those in the list, unless
    `loadOnlyInlinedPlugins` is true.
    """
    what = path or "network configuration"
    fields = Fields(strictjson.loads(data, what, InvalidConfig), "", InvalidConfig).from_go()
    name = fields.required("name", parsers.identifier)
    if "plugins" not in fields.raw and "type" in fields.raw:
        found = (_plugin(fields),)
        return NetworkList(name=name, cni_version=_version(fields), plugins=found, path=path, raw=data)
    plugins = tuple(_plugin(member) for member in fields.children("plugins", most=MAX_PLUGINS))
    inlined = _flag(fields, "loadOnlyInlinedPlugins")
    if path and not inlined:
        plugins += _beside(os.path.join(os.path.dirname(path), name))
    if not plugins:
        raise fields.fail("plugins", "expected at least one plugin")
    return NetworkList(
        name=name,
        cni_version=_version(fields),
        plugins=plugins,
        disable_check=_flag(fields, "disableCheck"),
        disable_gc=_flag(fields, "disableGC"),
        path=path,
        raw=data,
    )


def load_all(directory: str) -> tuple[tuple[NetworkList, ...], tuple[Broken, ...]]:
    """Read every network of a directory: lists first, then single plugins, each in order of name.

    A file that can't be read does not hide the others; it is returned beside them. InvalidConfig if the directory can't
    be read at all.
    """
    networks: list[NetworkList] = []
    broken: list[Broken] = []
    for path in _files(directory, LISTS) + _files(directory, SINGLES):
        try:
            networks.append(parse(_read(path), path))
        except CniError as error:
            broken.append(Broken(path=path, error=error))
    return tuple(networks), tuple(broken)


def load(directory: str, name: str) -> NetworkList:
    """Return the first network of that name. InvalidConfig names those there are, and the files that can't be read."""
    networks, broken = load_all(directory)
    for network in networks:
        if network.name == name:
            return network
    known = ", ".join(dict.fromkeys(network.name for network in networks)) or "none"
    bad = "".join(f"; {one.path} can't be read: {one.error.message}" for one in broken)
    raise InvalidConfig(f"there is no network {shown(name)} in {directory}{bad}", f"networks there: {known}")


def _plugin(fields: Fields) -> PluginConf:
    capabilities = fields.pairs("capabilities", str, parsers.boolean)
    return PluginConf(
        type=fields.required("type", plugin_type),
        capabilities=tuple(name for name, wanted in capabilities if wanted),
        raw=fields.raw,
    )


def _beside(folder: str) -> tuple[PluginConf, ...]:
    found: list[PluginConf] = []
    for path in _files(folder, (".conf",)) if os.path.isdir(folder) else ():
        document = strictjson.loads(_read(path), path, InvalidConfig)
        found.append(_plugin(Fields(document, path, InvalidConfig).from_go()))
    return tuple(found)


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


def _files(directory: str, endings: tuple[str, ...]) -> list[str]:
    try:
        names = sorted(os.listdir(directory))
    except OSError as failure:
        raise InvalidConfig(
            f"{directory}: {failure.strerror}", "name the folder of network configurations"
        ) from failure
    paths = (os.path.join(directory, name) for name in names if os.path.splitext(name)[1] in endings)
    return [path for path in paths if not os.path.isdir(path)]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(strictjson.MAX_BYTES + 1)
    except OSError as failure:
        raise InvalidConfig(f"{path}: {failure.strerror}", "name a file that this user can read") from failure
