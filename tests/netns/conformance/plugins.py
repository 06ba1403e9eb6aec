"""The plugins that the suite is put to, with configurations that fit on a node of the tests."""

from __future__ import annotations

import inspect
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent

import podberth.plugin
from tests.netns.kubelet import BUILT

GO = Path("/usr/lib/cni")

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.98.0.0/16}]
  routes: []
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A plugin, its kind and its configuration."""

    plugin: Path
    kind: str
    conf: dict[str, object]


def ours(folder: Path, **keys: object) -> Subject:
    """Our plugin, with the state in a folder; keys are of its configuration."""
    conf = {"name": "bank", "type": "podberth", "pool": "db", "stateDir": str(folder / "state"), **keys}
    return Subject(plugin=BUILT / "podberth", kind="interface", conf={"cniVersion": "1.1.0", **conf})


def ours_by(agent: Path, folder: Path, **keys: object) -> Subject:
    """Our plugin, with the agent that listens there."""
    by_exec = ours(folder, **keys)
    plugin = folder / "asks" / "podberth"
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(f"#!/bin/sh\nPODBERTH_SOCKET={shlex.quote(str(agent))} exec {shlex.quote(str(by_exec.plugin))}\n")
    plugin.chmod(0o755)
    return replace(by_exec, plugin=plugin)


def go(folder: Path, name: str, kind: str, **keys: object) -> Subject:
    """One of the CNI project's plugins, with addresses of host-local if it asks for some."""
    conf = {"cniVersion": "1.0.0", "name": f"bank-{name}", "type": name, **keys}
    if name in ("bridge", "ptp", "macvlan", "host-local"):
        data = str(folder / "host-local")
        conf["ipam"] = {"type": "host-local", "dataDir": data, "ranges": [[{"subnet": "10.97.0.0/16"}]]}
    return Subject(plugin=GO / name, kind=kind, conf=conf)


def example(folder: Path) -> Subject:
    """The example that the documentation of `podberth.plugin` has, word for word."""
    _, _, rest = (inspect.getdoc(podberth.plugin) or "").partition("```python\n")
    source = dedent(rest.partition("```")[0]).replace("#!/usr/bin/env python3", f"#!{sys.executable}")
    file = folder / "note"
    file.write_text(source)
    file.chmod(0o755)
    return Subject(plugin=file, kind="chained", conf={"cniVersion": "1.1.0", "name": "bank-note", "type": "note"})
