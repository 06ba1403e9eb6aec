"""Network configurations as a runtime reads them, from files in order (SPEC.md section 1)."""

from __future__ import annotations

import os

from podberth.cni import netlist, strictjson
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.cni.netlist import NetworkList, PluginConf, plugin_of
from podberth.cni.value import value

LISTS = (".conflist",)
SINGLES = (".conf", ".json")


@value
class Broken:
    """A file that could not be read as a network, and why."""

    path: str
    error: CniError


def parse(data: bytes, path: str = "") -> NetworkList:
    """Read a network's configuration as `cni.netlist.parse` does.

    With `path`, plugins from the folder named for the network beside the file come after those in the list.
    """
    if not path:
        return netlist.parse(data)
    return netlist.parse(data, path, beside=lambda name: chain(os.path.join(os.path.dirname(path), name)))


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


def chain(folder: str) -> tuple[PluginConf, ...]:
    """Return the plugins of a folder, one in each file, in order of name (SPEC.md 1.1.0, loadOnlyInlinedPlugins).

    () if there is no folder. InvalidConfig names a file that can't be read.
    """
    found: list[PluginConf] = []
    for path in _files(folder, (".conf",)) if os.path.isdir(folder) else ():
        document = strictjson.loads(_read(path), path, InvalidConfig)
        found.append(plugin_of(Fields(document, path, InvalidConfig).from_go()))
    return tuple(found)


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
