"""`podberth cnitool`, and `cnitool` by itself: call a network's plugins by hand, as a runtime does.

Arguments, environment and output are those of the CNI project's own cnitool; what is more is said with options.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.cli import failures
from podberth.cli.cnitool_dry_run import foreshadow
from podberth.cli.lint import NET_DIR, lint
from podberth.cli.manual import EXITS, WIDTH, Book, Page
from podberth.cli.options import json_option
from podberth.cli.screen import Cell, Column, Screen
from podberth.cni import strictjson
from podberth.cni.args import split
from podberth.cni.errors import CniError, InvalidEnvironment
from podberth.runtime.cache import DEFAULT, Cache
from podberth.runtime.chain import Added, Call, Runtime
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.networks import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.cni.netlist import NetworkList

ENVIRONMENT = (
    ("NETCONFPATH", f"The folder of network configurations; {NET_DIR} if unset."),
    ("CNI_PATH", "Where plugins are found: folders with colons between them."),
    ("CNI_IFNAME", "The interface's name in the namespace; eth0 if unset."),
    ("CNI_ARGS", "KEY=VALUE pairs with semicolons between them, passed on."),
    ("CAP_ARGS", "A JSON object of capability arguments, for plugins that declare the capability."),
)
explain_option = click.option(
    "--explain", is_flag=True, help="Tell each call on stderr: what the plugin got, and said."
)
cache_option = click.option("--cache-dir", default=DEFAULT, show_default=True, help="Where results are remembered.")


@click.group(
    "cnitool",
    cls=Book,
    short_help="Call a network's plugins by hand, as a runtime does.",
    exits={code: EXITS[code] for code in range(3)},
    environment=ENVIRONMENT,
    examples=(
        ("cnitool add banknet /run/netns/blue", "Attach the namespace; the result is printed."),
        ("cnitool --ifname net1 del banknet /run/netns/blue", "Detach another interface of it."),
        ("cnitool add banknet /run/netns/blue --explain", "Also what each plugin got and said, with times."),
        ("cnitool add banknet /run/netns/blue --dry-run", "What would be done? Nothing is."),
        ("cnitool lint banknet", "What is wrong with its configuration?"),
        ("cnitool version banknet", "Which versions does each plugin of the network speak?"),
    ),
)
@click.option("-i", "--ifname", envvar="CNI_IFNAME", default="eth0", show_default=True, help="The interface's name.")
@click.pass_context
def cnitool(context: click.Context, ifname: str) -> None:
    """Run the plugins of a network configuration on a network namespace that exists, as container runtimes do.

    The container ID is made of the namespace's path, as the CNI project's cnitool makes it, and results are cached
    where it does: either can take away what the other has added.
    """
    context.meta["ifname"] = ifname


_EXAMPLES = {
    "add": (
        ("cnitool add banknet /run/netns/blue", "Attach the namespace; the result is printed."),
        ("cnitool add banknet /run/netns/blue --dry-run", "What would be done? Nothing is."),
    ),
    "check": (("cnitool check banknet /run/netns/blue", "Is the attachment as it was made?"),),
    "del": (("cnitool --ifname net1 del banknet /run/netns/blue", "Detach another interface of it."),),
    "status": (("cnitool status banknet /run/netns/blue", "Would an ADD work now?"),),
}


def _verb(name: str, act: Callable[[Runtime, NetworkList, RuntimeConf], Added | None], doc: str) -> click.Command:
    """Make a command NETWORK NETNS that does one verb."""

    @click.command(name, cls=Page, help=doc, short_help=doc.partition(".")[0] + ".", examples=_EXAMPLES[name])
    @click.argument("network")
    @click.argument("netns")
    @explain_option
    @cache_option
    @json_option
    @click.pass_context
    def command(
        context: click.Context,
        /,
        network: str,
        netns: str,
        cache_dir: str,
        *,
        explain: bool,
        as_json: bool,
        **more: bool,
    ) -> None:
        found, conf = load(os.environ.get("NETCONFPATH") or NET_DIR, network), _conf(context.meta["ifname"], netns)
        if more.get("dry_run"):
            foreshadow(found, conf, as_json=as_json)
            return
        calls: list[Call] = []
        added = act(_runtime(cache_dir, explain=explain and not as_json, calls=calls), found, conf)
        if as_json:
            sys.stdout.write(json.dumps(_document(found, conf, added, calls if explain else None), indent=2) + "\n")
        elif added is not None:
            sys.stdout.write(json.dumps(added.raw, indent=4))

    if name == "add":
        return click.option("--dry-run", is_flag=True, help="Show what would be done, where a plugin can say.")(command)
    return command


def _document(
    network: NetworkList, conf: RuntimeConf, added: Added | None, calls: Sequence[Call] | None
) -> dict[str, object]:
    body: dict[str, object] = {"network": network.name, "containerID": conf.container_id, "ifname": conf.ifname}
    body["netns"] = conf.netns
    if added is not None:
        body["result"] = added.raw
    if calls is not None:
        body["calls"] = [
            {
                "verb": call.verb,
                "plugin": call.plugin,
                "stdin": json.loads(call.stdin),
                "stdout": call.stdout.decode(errors="replace"),
                "seconds": round(call.seconds, 4),
            }
            for call in calls
        ]
    return body


@click.command(
    "gc",
    cls=Page,
    short_help="Detach everything of a network.",
    examples=(("cnitool gc banknet --yes", "Also what containers have that run."),),
)
@click.argument("network")
@click.argument("netns", required=False, expose_value=False)
@click.option("--yes", is_flag=True, help="Don't ask.")
@explain_option
@cache_option
def collect(network: str, cache_dir: str, *, yes: bool, explain: bool) -> None:
    """Detach every attachment of NETWORK that this machine's cache knows, then call GC with an empty list.

    Everything of the network is taken for stale, as by the CNI project's cnitool: so this asks first. NETNS is accepted
    for its sake, and says nothing.
    """
    found = load(os.environ.get("NETCONFPATH") or NET_DIR, network)
    known = list(Cache(cache_dir).all(network))
    if not yes:
        listed = ", ".join(f"{one.container_id} {one.ifname}" for one in known[:8]) or "none cached"
        question = f"This detaches every container from {network} ({listed})"
        if not sys.stdin.isatty():
            raise failures.Undecided(f"{question}, and there is nobody to ask", "--yes")
        if not click.confirm(f"{question}. Go on?"):
            raise failures.Undecided("nothing was detached")
    _runtime(cache_dir, explain=explain).collect(found, ())


@click.command(
    "version",
    cls=Page,
    short_help="Show which versions each plugin of a network speaks.",
    examples=(("cnitool version banknet", "Do all of them speak the network's?"),),
)
@click.argument("network")
@json_option
def version(network: str, *, as_json: bool) -> int:
    """Ask every plugin of NETWORK for the versions of the specification it speaks, and compare with the network's."""
    found = load(os.environ.get("NETCONFPATH") or NET_DIR, network)
    runtime = _runtime(DEFAULT, explain=False)
    spoken = [(plugin.type, runtime.versions(plugin.type)) for plugin in found.plugins]
    good = all(found.cni_version in known for _, known in spoken)
    if as_json:
        plugins = [
            {"type": name, "versions": list(known), "fits": found.cni_version in known} for name, known in spoken
        ]
        document = {"network": found.name, "cniVersion": found.cni_version, "plugins": plugins}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return failures.OK if good else failures.REFUSED
    screen = Screen()
    screen.line(Cell(found.name, "bold"), f" is of version {found.cni_version}")
    screen.table(
        [Column(title="Plugin"), Column(title="Speaks", breaks=True), Column(title="Fits")],
        [
            [name, ", ".join(known), Cell("yes", "green") if found.cni_version in known else Cell("no", "red")]
            for name, known in spoken
        ],
    )
    return failures.OK if good else failures.REFUSED


for _command in (
    _verb("add", Runtime.add, "Attach NETNS to NETWORK. The last plugin's result is printed."),
    _verb("check", Runtime.check, "Check that NETNS is attached to NETWORK as its ADD left it."),
    _verb("del", Runtime.delete, "Detach NETNS from NETWORK."),
    _verb(
        "status", lambda runtime, network, _: runtime.status(network), "Ask the plugins of NETWORK if they are ready."
    ),
    collect,
    version,
    lint,
):
    cnitool.add_command(_command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `cnitool` by itself; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = cnitool.main(args=words, prog_name="cnitool", standalone_mode=False, max_content_width=WIDTH)
    except CniError as error:
        return failures.ended(error, words)
    except click.ClickException as error:
        return failures.ended(failures.of_click(error), words)
    except (click.Abort, KeyboardInterrupt):
        return failures.INTERRUPTED
    return code if isinstance(code, int) else failures.OK


def _runtime(cache_dir: str, *, explain: bool, calls: list[Call] | None = None) -> Runtime:
    path = tuple(part for part in os.environ.get("CNI_PATH", "").split(":") if part)
    watch = _told if explain else calls.append if calls is not None else None
    return Runtime(path, cache=Cache(cache_dir), watch=watch)


def _conf(ifname: str, netns: str) -> RuntimeConf:
    """Return what cnitool says of a namespace: its container ID is the first ten bytes of a hash of the path."""
    path = os.path.normpath(Path(netns).absolute())
    digest = hashlib.sha512(path.encode()).digest()[:10].hex()
    return RuntimeConf(
        container_id=f"cnitool-{digest}", ifname=ifname, netns=path, args=_args(), capability_args=_capabilities()
    )


def _args() -> tuple[tuple[str, str], ...]:
    every = split(os.environ.get("CNI_ARGS", ""))
    for key, text in every:
        if not key or not text or "=" in text:
            raise InvalidEnvironment(f"CNI_ARGS: expected KEY=VALUE pairs, got {f'{key}={text}'!r}")
    return every


def _capabilities() -> tuple[tuple[str, object], ...]:
    said = os.environ.get("CAP_ARGS", "")
    document = strictjson.loads(said.encode(), "CAP_ARGS", InvalidEnvironment) if said else {}
    if not isinstance(document, dict):
        raise InvalidEnvironment("CAP_ARGS: expected a JSON object")
    return tuple(document.items())


def _told(call: Call) -> None:
    lines = [f"--- {call.verb} {call.plugin} ({call.seconds * 1000:.1f} ms)", f"stdin:  {call.stdin.decode()}"]
    if call.error is not None:
        lines.append(f"error:  code {call.error.code}: {call.error.message}; {call.error.details}".rstrip("; "))
    elif call.stdout.strip():
        lines.append(f"stdout: {call.stdout.decode().strip()}")
    sys.stderr.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
