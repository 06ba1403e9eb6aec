"""The plugin `passthru`: the first of a chain that makes no interface, for plugins that want a previous result.

Multus has an executable of that name (multus-cni, cmd/passthru-cni). Here no process is needed for it.
"""

from __future__ import annotations

import json

from podberth.cni import strictjson
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.result import Result, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def passthru(env: Mapping[str, str], stdin: bytes, plugin_type: str) -> tuple[int, str]:
    """Serve a call: ADD has an empty result, in the version of the configuration, and nothing else has anything."""
    del plugin_type
    if env.get("CNI_COMMAND") != "ADD":
        return 0, ""
    conf = NetConf.parse(Fields(strictjson.loads(stdin, "stdin")))
    return 0, json.dumps(encode(Result(), conf.cni_version))
