"""The network configuration of `--config FILE`: a plugin's own, or a runtime's list with podberth in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cli.reading import beginning
from podberth.cni import strictjson
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import shown
from podberth.desk.legs import is_several
from podberth.desk.prospect import OURS, asks_podberth, configuration

if TYPE_CHECKING:
    from podberth.cni.netconf import NetConf

DERIVED = ("name", "cniVersion")  # keys a list lends to its plugins (SPEC.md section 3)


def read(path: str) -> NetConf:
    """Return the configuration that podberth would be given on stdin, without what only a runtime knows."""
    document = strictjson.loads(beginning(path, strictjson.MAX_BYTES + 1), path)
    return configuration(extract(document, path))


def extract(document: object, path: str) -> dict[str, object]:
    """Return the one plugin's configuration in `document`: one that asks podberth for addresses, or a meta plugin's.

    InvalidConfig if there is none of podberth's in it.
    """
    if not isinstance(document, dict):
        raise InvalidConfig(f"{path}: expected an object, got {shown(document)}")
    plugins = document.get("plugins")
    if plugins is None:
        return document
    for conf in plugins if isinstance(plugins, list) else ():
        if is_ours(conf):
            return {**conf, **{key: document[key] for key in DERIVED if key in document}}
    types = " or ".join((*OURS, "podberth-networks"))
    raise InvalidConfig(f"{path}: no plugin in it has the type {types}", 'nor an "ipam" of type podberth')


def is_ours(conf: object) -> bool:
    """Say whether podberth gives addresses by the configuration, or calls other plugins by it."""
    return isinstance(conf, dict) and (asks_podberth(conf) or is_several(conf.get("type")))
