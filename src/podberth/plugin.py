"""Write a CNI plugin in Python: what Go's `skel` package is to authors of plugins in Go.

```python
#!/usr/bin/env python3
import sys

from podberth.plugin import Call, Plugin, Result, run


class Note(Plugin):
    \"\"\"Write down which containers come and go.\"\"\"

    chained = True

    def add(self, call: Call) -> Result | None:
        print("here is", call.container_id, file=sys.stderr)
        return call.previous

    def delete(self, call: Call) -> None:
        print("gone is", call.container_id, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run(Note()))
```

Before a method is called, everything of the request is checked: the variables, the configuration, the version, and that
the namespace is one and is not the plugin's own. A method refuses by raising a `CniError`; anything else that it raises
becomes an error of code 999, with the traceback on stderr. What it prints goes to stderr: stdout is the answer's.
"""

from __future__ import annotations

import os
import sys

from podberth.cni import version as versions
from podberth.cni.call import Call, Verb, VersionProbe, spoken_version
from podberth.cni.errors import CniError, IncompatibleVersion, InvalidConfig, InvalidNetns
from podberth.cni.reply import error_json, result_json
from podberth.cni.result import Dns, Interface, IPConfig, Result, Route
from podberth.cni.strictjson import dumps
from podberth.linux import netns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Call", "CniError", "Dns", "IPConfig", "Interface", "Plugin", "Result", "Route", "run", "serve"]


class Plugin:
    """A plugin: override what it does. A DEL has to succeed for what is not there, or not any more."""

    versions: tuple[str, ...] = versions.SUPPORTED  # of the specification, oldest first
    chained: bool = False  # it only works on what a plugin before it has made: an ADD needs a prevResult

    def add(self, call: Call) -> Result | None:
        """Attach the container; return the result. None is the one of the plugin before in the chain."""
        raise NotImplementedError

    def delete(self, call: Call) -> None:
        """Take away what `add` has made, whether or not the namespace is still there."""
        raise NotImplementedError

    def check(self, call: Call) -> None:
        """Raise a CniError if what `add` has made is not as it was made."""

    def collect(self, call: Call) -> None:
        """Take away what belongs to no attachment in `call.valid` (GC)."""

    def status(self, call: Call) -> None:
        """Raise NotAvailable or LimitedConnectivity if an ADD could not be served now."""


def run(plugin: Plugin) -> int:
    """Serve the call in this process's environment and on its stdin; return the exit status for `sys.exit`."""
    if not os.environ.get("CNI_COMMAND"):
        sys.stderr.write(f"{(plugin.__doc__ or type(plugin).__name__).strip()}\n")
        sys.stderr.write(f"CNI protocol versions supported: {', '.join(plugin.versions)}\n")
        return 0
    stdout, sys.stdout = sys.stdout, sys.stderr
    try:
        code, answer = serve(plugin, os.environ, sys.stdin.buffer.read())
    finally:
        sys.stdout = stdout
    stdout.write(answer)
    stdout.flush()
    return code


def serve(plugin: Plugin, env: Mapping[str, str], stdin: bytes) -> tuple[int, str]:
    """Return (exit status, what goes to stdout) for a call. Never raises for what a caller or `plugin` does wrong."""
    try:
        call = Call.parse(env, stdin, any_args=True)
        if call is None:
            return 0, ""
        if isinstance(call, VersionProbe):
            said = {"cniVersion": call.version or plugin.versions[-1], "supportedVersions": list(plugin.versions)}
            return 0, dumps(said)
        result = _served(plugin, call)
        return 0, "" if result is None else result_json(result, call.conf.cni_version)
    except CniError as refused:
        return 1, error_json(refused, spoken_version(stdin))
    except Exception as bug:  # noqa: BLE001 - a runtime must get an error object whatever an author's code does
        from traceback import format_exc

        from podberth.process.log import say

        say(format_exc())
        told = CniError(f"internal error: {type(bug).__name__}: {bug}", "the plugin's stderr has more")
        return 1, error_json(told, spoken_version(stdin))


def _served(plugin: Plugin, call: Call) -> Result | None:
    conf = call.conf
    if conf.cni_version not in plugin.versions:
        raise IncompatibleVersion(
            f"cniVersion: {conf.cni_version} is not spoken by this plugin", f"it speaks {', '.join(plugin.versions)}"
        )
    if call.verb is Verb.ADD:
        _require_netns(call)
        if plugin.chained and call.previous is None:
            raise InvalidConfig("prevResult: required, but not there: this plugin goes after another in a list")
        return plugin.add(call) or call.previous or Result()
    if call.verb is Verb.CHECK:
        _require_netns(call)
        if call.previous is None:
            raise InvalidConfig("prevResult: required for CHECK, but not there")
        plugin.check(call)
    elif call.verb is Verb.DEL:
        plugin.delete(call)
    elif call.verb is Verb.GC:
        if conf.valid_attachments is None:
            raise InvalidConfig("cni.dev/valid-attachments: required for GC, but not there")
        plugin.collect(call)
    else:
        plugin.status(call)
    return None


def _require_netns(call: Call) -> None:
    """Raise InvalidNetns unless the namespace is there and, as Go's skel has it, is not the plugin's own."""
    there = netns.identity(call.netns)
    if there is None:
        raise InvalidNetns(
            f"CNI_NETNS: {call.netns}: there is no network namespace", "the pod may be gone: its DEL comes next"
        )
    if there == netns.own() and not call.netns_override:
        raise InvalidNetns(
            f"CNI_NETNS: {call.netns}: is the plugin's own namespace", "set CNI_NETNS_OVERRIDE to attach it"
        )
