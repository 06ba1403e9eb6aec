"""The network configuration of `--config FILE`: a plugin's own, or a runtime's list with podberth in it."""

from __future__ import annotations

import json

from podberth.cli.reading import beginning
from podberth.cni import strictjson
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import shown

DERIVED = ("name", "cniVersion")  # keys a list lends to its plugins (SPEC.md section 3)


OURS = ("podberth", "sriov")  # the types that podberth serves


def read(path: str) -> bytes:
    """Return the configuration that podberth would be given on stdin, without what only a runtime knows."""
    return extract(strictjson.loads(beginning(path, strictjson.MAX_BYTES + 1), path), path)


def extract(document: object, path: str) -> bytes:
    """Return the one plugin's configuration in `document`. InvalidConfig if there is none of podberth's in it."""
    if not isinstance(document, dict):
        raise InvalidConfig(f"{path}: expected an object, got {shown(document)}")
    plugins = document.get("plugins")
    if plugins is None:
        return json.dumps(document).encode()
    for conf in plugins if isinstance(plugins, list) else ():
        if isinstance(conf, dict) and is_ours(conf):
            return json.dumps({**conf, **{key: document[key] for key in DERIVED if key in document}}).encode()
    raise InvalidConfig(f"{path}: no plugin in it has the type {' or '.join(OURS)}", 'nor an "ipam" of type podberth')


def is_ours(conf: dict[str, object]) -> bool:
    """Say whether podberth is called for it: as the plugin, or for the plugin's addresses."""
    ipam = conf.get("ipam")
    return conf.get("type") in OURS or (isinstance(ipam, dict) and ipam.get("type") == OURS[0])
