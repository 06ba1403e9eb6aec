"""The command itself: what was asked for, read and checked; what became of it, told."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podberth.cli import failures
from podberth.cli.manual import Page
from podberth.cli.options import json_option
from podberth.cli.run.life import live, take_down
from podberth.cli.run.record import Joined, Records, Run, started
from podberth.cli.screen import Cell, Column, Screen
from podberth.cni import parsers, strictjson
from podberth.cni.args import NAME, NAMESPACE, Args
from podberth.cni.errors import CniError, InvalidConfig, KernelRefused
from podberth.process import machine
from podberth.runtime import invoke
from podberth.runtime.cache import DEFAULT, Cache
from podberth.runtime.networks import load
from podberth.verbs.finish import settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.session import Session
    from podberth.cni.netlist import NetworkList
    from podberth.runtime.chain import Added

RUN_DIR = "/run/podberth/run"
TOOLS = {"podman": "podman", "containerd": "ctr"}
COLUMNS = (Column(title="Run"), Column(title="Pod"), Column(title="State"), Column(title="Networks", breaks=True))


@click.command(
    "run",
    cls=Page,
    short_help="Run a command or a container on networks, and take them down after it.",
    context_settings={"allow_interspersed_args": False},
    exits={1: "a network refused, or something could not be taken down; else the command's own exit status is ours"},
    examples=(
        ("run --network banknet --name mysql-0 --namespace db -- ip address", "What does that pod get?"),
        ("run --network banknet --network storage:net1 -- ./loadtest", "Two interfaces, eth0 and net1."),
        ("run --network banknet --with podman --image mysql:8 -- mysqld", "A container in the namespace."),
        ("run --list", "What runs, and what was left by a process that died?"),
        ("run --cleanup", "Take down what was left."),
    ),
)
@click.option("--network", "networks", multiple=True, metavar="NAME[:IFNAME]", help="Attach it; more in this order.")
@click.option("--name", default="", metavar="POD", help="The pod's name for the plugins; the container ID if not said.")
@click.option("--namespace", default="default", show_default=True, help="The pod's namespace for the plugins.")
@click.option("--container-id", default="", metavar="ID", help="The container ID; one is made up if not said.")
@click.option("--arg", "args", multiple=True, metavar="KEY=VALUE", help="More for CNI_ARGS.")
@click.option("--cap", "caps", multiple=True, metavar="NAME=JSON", help="A capability argument.")
@click.option("--with", "tool", type=click.Choice(tuple(TOOLS)), help="Run a container with it, not a command.")
@click.option("--image", help="The container's image.")
@click.option(
    "--conf-dir",
    envvar="NETCONFPATH",
    show_envvar=True,
    default="/etc/cni/net.d",
    show_default=True,
    help="Where networks are.",
)
@click.option(
    "--cni-path",
    envvar="CNI_PATH",
    show_envvar=True,
    default="/opt/cni/bin",
    show_default=True,
    help="Where plugins are.",
)
@click.option("--cache-dir", default=DEFAULT, show_default=True, help="Where results are remembered.")
@click.option("--run-dir", type=click.Path(path_type=Path), default=RUN_DIR, show_default=True, help="Where runs are.")
@click.option("--list", "listed", is_flag=True, help="Show the runs that there are, and run nothing.")
@click.option("--cleanup", is_flag=True, help="Take down the runs whose process is gone, and run nothing.")
@click.option("--dry-run", is_flag=True, help="With --cleanup: only show them.")
@json_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def run(
    session: Session, /, command: tuple[str, ...], run_dir: Path, *, listed: bool, cleanup: bool, as_json: bool,
    **said: Any,
) -> int:  # fmt: skip
    """Make a network namespace, attach it to networks as a container runtime does, run COMMAND in it, and take
    everything down when that ends: also when a network refuses, or a signal comes, which is passed on.

    The namespace is bound below /run/netns under the container ID. What was made is on disk before it is made: if this
    process is killed, `--cleanup` ends the run for it. What each network gave is told on stderr; with --json as one
    line each. Needs root, and `ip` of iproute2.
    """
    records = Records(run_dir)
    if said["dry_run"] and not cleanup:
        raise failures.Misuse("--dry-run is for --cleanup", "without it the command would be run")
    if listed and cleanup:
        raise failures.Misuse("expected either --list or --cleanup", "--cleanup --dry-run shows and does nothing")
    if listed or cleanup:
        return _cleaned(records, really=cleanup and not said["dry_run"], as_json=as_json)
    if not said["networks"]:
        raise failures.Misuse("--network is needed", "name a network of the folder of --conf-dir")
    if said["tool"] is None and not command:
        raise failures.Misuse("there is no command", "say one after --")
    asked = _asked(said)
    whole = _command(asked, command, said["tool"], said["image"])
    status = live(records, asked, whole, lambda joined, added: _tell(joined, added, as_json=as_json))
    _await_end(session, asked.container_id)
    return status


def _await_end(session: Session, container_id: str) -> None:
    """Wait until what an agent here has answered is done: who asks next hears of the end."""
    with contextlib.suppress(CniError):  # the networks may be others' altogether
        if session.exists():
            settle(session.node, container_id)


def _asked(said: dict[str, Any]) -> Run:
    container_id = said["container_id"] or f"run-{uuid.uuid4().hex[:12]}"
    try:
        parsers.identifier(container_id)
    except ValueError as wrong:
        raise failures.Misuse(f"--container-id: {wrong}") from None
    if len(container_id) > 128:
        raise failures.Misuse("--container-id: expected at most 128 characters, as of a file's name")
    path = tuple(part for part in said["cni_path"].split(":") if part)
    pod = said["name"] or container_id
    kubernetes = {"IgnoreUnknown": "1", NAMESPACE: said["namespace"], NAME: pod}
    kubernetes["K8S_POD_INFRA_CONTAINER_ID"] = container_id
    kubernetes.update(_pair("--arg", text) for text in said["args"])
    odd = [text for pair in kubernetes.items() for text in pair if ";" in text or "=" in text]
    if odd:
        raise failures.Misuse(f"CNI_ARGS can't carry {odd[0]!r}", "there is no ';' or '=' in a key or value")
    args = Args.parse(";".join(f"{key}={text}" for key, text in kubernetes.items()))
    capabilities = (_pair("--cap", text) for text in said["caps"])
    asked = Run(
        container_id=container_id,
        pod=str(args.pod or args.lone_name),
        owner=os.getpid(),
        started=started(os.getpid()) or 0,
        boot=machine.boot_id(),
        path=path,
        cache=said["cache_dir"],
        args=tuple(kubernetes.items()),
        capabilities=tuple(
            (name, strictjson.loads(text.encode(), f"--cap {name}", InvalidConfig)) for name, text in capabilities
        ),
        networks=_networks(said["networks"], said["conf_dir"], path),
    )
    _require_unused(asked)
    return asked


def _require_unused(asked: Run) -> None:
    """Refuse an ID that somebody else uses: in the end this run would take away what is theirs."""
    theirs = [str(asked.netns)] if os.path.lexists(asked.netns) else []
    cache = Cache(asked.cache)
    for joined in asked.networks:
        name = str(json.loads(joined.conf)["name"])
        if cache.get(name, asked.container_id, joined.ifname) is not None:
            theirs.append(f"{joined.ifname} on {name}")
    if theirs:
        raise KernelRefused(f"{asked.container_id} is in use: there is {', '.join(theirs)}", "choose another ID")


def _networks(named: Sequence[str], folder: str, path: tuple[str, ...]) -> tuple[Joined, ...]:
    found: list[Joined] = []
    for number, text in enumerate(named):
        name, _, ifname = text.partition(":")
        ifname = ifname or ("eth0" if number == 0 else f"net{number}")
        try:
            parsers.ifname(ifname)
        except ValueError as wrong:
            raise failures.Misuse(f"--network {text}: {wrong}") from None
        if ifname in (one.ifname for one in found):
            raise failures.Misuse(f"--network {text}: another network has the interface {ifname}")
        network = load(folder, name)
        for plugin in network.plugins:
            invoke.find(plugin.type, path)  # what DEL would miss later is better missed now
        found.append(Joined(ifname=ifname, conf=_whole(network)))
    return tuple(found)


def _whole(network: NetworkList) -> str:
    """Return a network's configuration with the plugins from the folder beside its file, which may change."""
    document = json.loads(network.raw)
    if "plugins" not in document and "type" in document:
        return network.raw.decode()
    document.update(plugins=[plugin.raw for plugin in network.plugins], loadOnlyInlinedPlugins=True)
    return json.dumps(document)


def _command(asked: Run, command: Sequence[str], tool: str | None, image: str | None) -> list[str]:
    """Return what is executed: the command in the namespace, or what runs a container there."""
    if tool is None:
        if image is not None:
            raise failures.Misuse("--image needs --with", f"one of {', '.join(TOOLS)}")
        return ["ip", "netns", "exec", asked.container_id, *command]
    if image is None:
        raise failures.Misuse(f"--with {tool} needs --image")
    if shutil.which(TOOLS[tool]) is None:
        raise failures.NotFound(f"--with {tool}: there is no {TOOLS[tool]} in PATH", "install it")
    terminal = sys.stdin.isatty()
    if tool == "podman":
        network = f"ns:{asked.netns}"
        return ["podman", "run", "--rm", *(("-it",) if terminal else ()), "--network", network, image, *command]
    network = f"network:{asked.netns}"
    options = ("--rm", *(("--tty",) if terminal else ()), "--with-ns", network)
    return ["ctr", "run", *options, image, asked.container_id, *command]


def _pair(option: str, text: str) -> tuple[str, str]:
    key, sign, found = text.partition("=")
    if not sign or not key:
        raise failures.Misuse(f"{option} {text}: expected KEY=VALUE")
    return key, found


def _tell(joined: Joined, added: Added, *, as_json: bool) -> None:
    if as_json:
        sys.stderr.write(json.dumps({"ifname": joined.ifname, "result": added.raw}) + "\n")
        return
    given = ", ".join(str(ip.address) for ip in added.result.ips) or "no address"
    Screen(sys.stderr).line(Cell(joined.ifname, "bold"), f"  {given}")


def _cleaned(records: Records, *, really: bool, as_json: bool) -> int:
    """Show every run, and take those down whose process is gone if it `really` should be done."""
    rows: list[dict[str, object]] = []
    for file, found in records.all():
        if isinstance(found, CniError):
            rows.append({"run": file.name, "pod": "", "state": "unreadable", "networks": [], "why": found.message})
            continue
        state, why = ("running", "") if found.alive else ("left behind", "")
        if state == "left behind" and really:
            wrong = take_down(records, found, found.networks)
            state, why = ("failed", "; ".join(wrong)) if wrong else ("taken down", "")
        networks = [f"{json.loads(one.conf).get('name')}:{one.ifname}" for one in found.networks]
        rows.append({"run": found.container_id, "pod": found.pod, "state": state, "networks": networks, "why": why})
    if as_json:
        sys.stdout.write(json.dumps({"runs": rows}, indent=2) + "\n")
    else:
        Screen().table(COLUMNS, [_row(row) for row in rows])
    return failures.REFUSED if any(row["state"] in ("failed", "unreadable") for row in rows) else failures.OK


def _row(row: dict[str, Any]) -> list[str]:
    return [row["run"], row["pod"], row["state"], row["why"] or ", ".join(row["networks"])]
