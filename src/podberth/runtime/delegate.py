"""One plugin calling another (SPEC.md section 4, "Delegated plugins"): found on CNI_PATH, with the caller's own call.

The whole configuration and environment are passed on; only CNI_COMMAND may differ.
"""

from __future__ import annotations

import json

from podberth.cni import parsers, strictjson
from podberth.cni.errors import DecodingFailure, InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.result import Result
from podberth.runtime import invoke

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.cni.call import Call


def delegate(call: Call, verb: str, env: Mapping[str, str]) -> Result | None:
    """Call the IPAM plugin that the request's configuration names; return its result, None if it printed none.

    Raises InvalidConfig if CNI_PATH has no such plugin, PluginFailed with its code if it fails.
    """
    conf = call.conf
    name = conf.ipam.get("type", parsers.text, "") if conf.ipam is not None else ""
    if not name:
        raise InvalidConfig("ipam.type: expected the name of a plugin, got ''")
    executable = invoke.find(name, call.path, "ipam.type")
    stdout = invoke.call(executable, {**env, "CNI_COMMAND": verb}, json.dumps(dict(conf.raw)).encode())
    if not stdout.strip():
        return None
    document = strictjson.loads(stdout, f"the result of {name}", DecodingFailure)
    return Result.parse(Fields(document, f"{name}'s result", DecodingFailure), conf.cni_version)
