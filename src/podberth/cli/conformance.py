"""`podberth conformance`: is a CNI plugin, in whatever language, what the specification asks for?"""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.cli.failures import Misuse, Undecided
from podberth.cli.manual import Page
from podberth.cli.options import Present, json_option
from podberth.cli.screen import Cell, Column, Screen
from podberth.cni import strictjson
from podberth.cni import version as versions
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.conformance.bench import KINDS, Bench
from podberth.conformance.checks import all_checks
from podberth.conformance.report import document, junit
from podberth.conformance.runner import Outcome, Verdict, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.conformance.check import Check

FAILS = 4
STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.ERROR: "red", Outcome.NOT_APPLICABLE: "dim"}
COLUMNS = (Column(title="Check"), Column(title="Section"), Column(title="It asks that", breaks=True))


@click.command(
    "conformance",
    cls=Page,
    short_help="Hold a CNI plugin against the specification.",
    exits={FAILS: "the plugin fails a check; each is named, with the specification's section"},
    examples=(
        ("conformance --plugin /opt/cni/bin/bridge --conf bridge.json", "Every check that applies to the plugin."),
        ("conformance --plugin ./mine --conf mine.json --only 'del-*'", "Only the checks of DEL."),
        ("conformance --plugin ./portmap --conf portmap.json --kind chained", "One that works on another's result."),
        ("conformance --plugin ./mine --conf mine.json --junit report.xml", "For a build server."),
        ("conformance --list", "What would be checked, and why?"),
    ),
)
@click.option("--plugin", type=Present(), help="The executable.")
@click.option("--conf", type=Present(), help="Its network configuration.")
@click.option(
    "--kind", type=click.Choice(KINDS), default="interface", show_default=True,
    help="What it does: make an interface, change what another made, give addresses, or set lo up.",
)  # fmt: skip
@click.option("--cni-path", envvar="CNI_PATH", default="", help="Where plugins it delegates to are found.")
@click.option("--args", default="", metavar="K=V;K=V", help="More for CNI_ARGS.")
@click.option(
    "--only", multiple=True, metavar="PATTERN", help="Only checks whose names match, as a shell matches files."
)
@click.option("--timeout", default=60.0, show_default=True, metavar="SECONDS", help="How long one call may take.")
@click.option("--junit", "to", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML there, too.")
@click.option("--list", "listed", is_flag=True, help="Show the checks, and run none.")
@json_option
def conformance(
    plugin: Path | None, conf: Path | None, kind: str, cni_path: str, args: str, only: Sequence[str], timeout: float,
    to: Path | None, *, listed: bool, as_json: bool,
) -> int:  # fmt: skip
    """Call a CNI plugin as container runtimes do, right and wrong, and compare what it says and does with the
    specification.

    Each check makes network namespaces of its own, and takes away what it made. The configuration is one plugin's, as
    in the list of a network: with a cniVersion, a name and a type. It is used on this machine, as it is: name a bridge
    and addresses that nobody uses. Needs root, and `ip` of iproute2.
    """
    checks = _chosen(only)
    if listed:
        _list(checks, as_json=as_json)
        return 0
    if plugin is None or conf is None:
        raise Misuse("--plugin and --conf are required, unless --list is there")
    configuration = _read(conf)
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise Undecided("network namespaces can't be made", "run it as root, with iproute2 installed")
    bench = Bench(
        plugin=plugin.resolve(),
        conf=configuration,
        kind=kind,
        search=tuple(dict.fromkeys([str(plugin.resolve().parent), *filter(None, cni_path.split(":"))])),
        args=args,
        seconds=timeout,
    )
    verdicts = _watched(bench, checks, quiet=as_json)
    if to is not None:
        to.write_bytes(junit(plugin.name, verdicts))
    if as_json:
        sys.stdout.write(json.dumps({"plugin": plugin.name, **document(verdicts)}, indent=2) + "\n")
    return FAILS if any(one.outcome in (Outcome.FAILED, Outcome.ERROR) for one in verdicts) else 0


def _chosen(only: Sequence[str]) -> tuple[Check, ...]:
    chosen = tuple(one for one in all_checks if not only or any(fnmatch.fnmatchcase(one.name, glob) for glob in only))
    if not chosen:
        raise Misuse(f"--only: no check is named {' or '.join(only)}", "--list shows their names")
    return chosen


def _list(checks: Sequence[Check], *, as_json: bool) -> None:
    if as_json:
        found = [{"name": one.name, "section": one.section, "says": one.says} for one in checks]
        sys.stdout.write(json.dumps({"checks": found}, indent=2) + "\n")
        return
    Screen().table(COLUMNS, [(one.name, one.section, one.says) for one in checks])


def _read(conf: Path) -> dict[str, object]:
    fields = Fields(strictjson.loads(conf.read_bytes(), str(conf)), str(conf), InvalidConfig)
    missing = [key for key in ("cniVersion", "name", "type") if not isinstance(fields.raw.get(key), str)]
    if missing:
        raise InvalidConfig(
            f"{conf}: {', '.join(missing)}: required, but not there", "a plugin's configuration needs all of these"
        )
    versions.check(str(fields.raw["cniVersion"]), f"{conf}: cniVersion")
    return dict(fields.raw)


def _watched(bench: Bench, checks: Sequence[Check], *, quiet: bool) -> list[Verdict]:
    """Run the checks; unless `quiet`, show each as it ends: what fails whole, the others by name."""
    screen, verdicts = Screen(), []
    for verdict in run(bench, checks):
        verdicts.append(verdict)
        if quiet:
            continue
        word = Cell(str(verdict.outcome).ljust(7), STYLES[verdict.outcome])
        screen.line(word, verdict.check.name, Cell(f"  {verdict.why}" if verdict.outcome == "n/a" else "", "dim"))
        if verdict.outcome in (Outcome.FAILED, Outcome.ERROR):
            screen.line(f"        {verdict.check.says} (SPEC {verdict.check.section})")
            screen.line(f"        {verdict.why}")
    if not quiet:
        counts = [f"{sum(one.outcome is outcome for one in verdicts)} {outcome}" for outcome in Outcome]
        screen.line(", ".join(counts))
    return verdicts
