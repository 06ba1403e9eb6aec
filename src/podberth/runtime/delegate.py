"""One plugin calling another (SPEC.md section 4, "Delegated plugins"): found on CNI_PATH, with the caller's own call.

The whole configuration and environment are passed on; only CNI_COMMAND may differ.
"""

from __future__ import annotations

import json
import os

from podberth.cni import parsers, strictjson
from podberth.cni.errors import DecodingFailure, InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.result import Result
from podberth.runtime import invoke

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podberth.cni.call import Call


def executable_of(call: Call) -> tuple[str, str]:
    """Return the executable and the type of the IPAM plugin that the request's configuration names.

    InvalidConfig if CNI_PATH has no such plugin.
    """
    conf = call.conf
    name = conf.ipam.get("type", parsers.text, "") if conf.ipam is not None else ""
    if not name:
        raise InvalidConfig("ipam.type: expected the name of a plugin, got ''")
    return invoke.find(name, call.path, "ipam.type"), name


def delegate(call: Call, verb: str, executable: str, env: Mapping[str, str]) -> Result | None:
    """Call the IPAM plugin of the request's configuration; return its result, None if it printed none.

    Raises PluginFailed with its code if it fails.
    """
    conf = call.conf
    stdout = invoke.call(executable, {**env, "CNI_COMMAND": verb}, json.dumps(dict(conf.raw)).encode())
    if not stdout.strip():
        return None
    name = os.path.basename(executable)
    document = strictjson.loads(stdout, f"the result of {name}", DecodingFailure)
    return Result.parse(Fields(document, f"{name}'s result", DecodingFailure), conf.cni_version)
