"""`cnitool lint`: what is wrong with a network configuration, before a pod finds out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.catalogue import find_plugin
from podberth.cli import failures, netconf_file
from podberth.cli.install.shim import kinds as own_types
from podberth.cli.manual import Page
from podberth.cli.options import json_option
from podberth.cli.screen import Cell, Column, Screen
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.keys import TEXT, kinds
from podberth.desk import prospect
from podberth.net.addresses import Addresses
from podberth.net.settings_document import KEYS as SETTINGS
from podberth.networks.settings import WITHOUT_EFFECT
from podberth.runtime import invoke
from podberth.runtime.lint import Finding
from podberth.runtime.lint import lint as find_all
from podberth.runtime.networks import load
from podberth.verbs.network import KEYS
from podberth.verbs.role import LEDGER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NET_DIR = "/etc/cni/net.d"
COLUMNS = (Column(title="Where"), Column(title="What", breaks=True), Column(title="What to do", breaks=True))


@click.command(
    "lint",
    cls=Page,
    short_help="Say all that is wrong with a network configuration.",
    exits={1: "something is wrong that an ADD would fail for, or do differently"},
    examples=(
        ("cnitool lint banknet", "The network of that name in the folder of networks."),
        ("cnitool lint ./10-bank.conflist --json", "A file, in a pipeline."),
    ),
)
@click.argument("network")
@json_option
def lint(network: str, *, as_json: bool) -> int:
    """Find unknown and misspelt keys, values of the wrong kind, capabilities that no plugin serves, and plugins that
    are not in CNI_PATH, in NETWORK: a file, or a network's name in NETCONFPATH.

    Keys are known of podberth's own plugins and of those of the CNI project and sriov-cni; of others only what the
    specification says is looked at. Keys with a dot or a slash in them, or an underscore before, are left alone.
    """
    path = network if Path(network).is_file() else load(os.environ.get("NETCONFPATH") or NET_DIR, network).path
    data = Path(path).read_bytes()
    found = find_all(data, _installed, our_keys)
    found += (*_refused(data), *_ours(data, path)) if not any(one.fatal for one in found) else ()
    if as_json:
        findings = [{"path": f.path, "message": f.message, "hint": f.hint, "fatal": f.fatal} for f in found]
        sys.stdout.write(json.dumps({"file": path, "findings": findings}, indent=2) + "\n")
    elif found:
        rows = [(Cell(f.path or "-", "red" if f.fatal else "yellow"), f.message, f.hint) for f in found]
        Screen().table(COLUMNS, rows)
    else:
        Screen().line(f"{path}: nothing is wrong with it")
    return failures.REFUSED if any(one.fatal for one in found) else failures.OK


def _installed(plugin: str) -> bool:
    try:
        invoke.find(plugin, tuple(part for part in os.environ.get("CNI_PATH", "").split(":") if part))
    except InvalidConfig:
        return False
    return True


def our_keys(kind: str, inside: bool) -> Mapping[str, str] | None:
    """Return the keys of a type that is podberth's, or those that it has inside of `ipam`; None of any other type."""
    try:
        plugin = find_plugin(kind)
    except InvalidConfig:
        return None
    about_addresses = {**kinds(KEYS), **kinds(SETTINGS)}
    if inside:
        return {"type": TEXT, **about_addresses} if kind == LEDGER else None
    common = {"stateDir": TEXT, "logLevel": TEXT, "logFile": TEXT}
    if plugin.ADDRESSES is Addresses.CALLED:
        common |= dict.fromkeys(WITHOUT_EFFECT, "any")  # a file of Multus' serves as it is
    return {**common, **(about_addresses if plugin.SETTINGS else {}), **kinds(plugin.KEYS)}


def _refused(data: bytes) -> Iterator[Finding]:
    """Yield what podberth's plugins refuse. Of a type that is not podberth's alone a node may have another's there."""
    document = json.loads(data)
    listed = document.get("plugins")
    for at, raw in [("", document)] if listed is None else [(f"plugins[{i}]", one) for i, one in enumerate(listed)]:
        if not isinstance(raw, dict) or raw.get("type") in prospect.OURS:
            continue
        kind = str(raw.get("type"))
        try:
            find_plugin(kind).configure(Fields(raw, at))
        except CniError as refused:
            if refused.message.startswith("type: "):
                continue  # it is no type of podberth's
            where, _, message = refused.message.partition(": ")
            own = kind in own_types()
            said = message if own else f"podberth's plugin: {message}"
            yield Finding(path=where, message=said, hint=refused.details, fatal=own)


def _ours(data: bytes, path: str) -> tuple[Finding, ...]:
    """Read podberth's own part as an ADD would: what it would refuse is a finding."""
    document = json.loads(data)
    plugins = document.get("plugins", [document])
    if not any(isinstance(plugin, dict) and prospect.asks_podberth(plugin) for plugin in plugins):
        return ()
    try:
        prospect.read(prospect.configuration(netconf_file.extract(document, path)), find_plugin)
    except CniError as refused:
        return (Finding(path=refused.message.partition(":")[0], message=refused.message, hint=refused.details),)
    return ()
