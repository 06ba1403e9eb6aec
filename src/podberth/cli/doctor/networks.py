"""What the runtime will call: the CNI executable, and the network configurations that name podberth."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cli import netconf_file
from podberth.cli.doctor import policies, several
from podberth.cli.text import counted
from podberth.cni import strictjson
from podberth.cni.errors import CniError, InvalidConfig
from podberth.desk.doctor import FAIL, OK, WARN, Finding
from podberth.desk.legs import is_several
from podberth.desk.prospect import OURS, configuration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from podberth.cli.session import Session
    from podberth.cni.fields import Fields
    from podberth.cni.netconf import NetConf
    from podberth.net.host import Host
    from podberth.verbs.network import Network

AREA = "runtime"
PLUGIN = "podberth"
FOLDERS = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni", "build/cni")  # beside CNI_PATH
SUFFIXES = (".conf", ".conflist", ".json")
TIMEOUT = 20.0  # seconds for an answer to VERSION


def look(session: Session, folder: Path) -> Iterator[Finding]:
    """Yield what there is to say of executables and configurations in `folder`."""
    yield executable([*os.environ.get("CNI_PATH", "").split(":"), *FOLDERS])
    yield from configurations(session, folder)


def executable(folders: Sequence[str]) -> Finding:
    """Find the plugin as a runtime would, and ask it for its versions."""
    looked = [Path(folder) for folder in folders if folder]
    file = next((path / PLUGIN for path in looked if os.access(path / PLUGIN, os.X_OK)), None)
    if file is None:
        text = f"no executable {PLUGIN} in {', '.join(map(str, looked))}"
        todo = "`make build` leaves it in build/cni; put that into the runtime's CNI path, or name it in CNI_PATH"
        return Finding(area=AREA, name="plugin", level=WARN, text=text, todo=todo)
    environment = {"PATH": os.environ.get("PATH", ""), "CNI_COMMAND": "VERSION"}
    environment |= {key: os.environ[key] for key in ("PODBERTH_SOCKET",) if key in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - what the runtime executes as root anyway
            [file], input='{"cniVersion":"1.1.0"}', env=environment, capture_output=True, text=True,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
        answer = json.loads(done.stdout)
        if isinstance(answer, dict) and "code" in answer:
            # A shim without an agent, and without a plugin to run instead, says so as a CNI error.
            text = f"{file} answers VERSION with code {answer['code']}: {answer.get('msg', '')}"
            todo = str(answer.get("details") or "start `podberth agent`, or install the plugin beside the shim")
            return Finding(area=AREA, name="plugin", level=FAIL, text=text, todo=todo)
        versions = answer["supportedVersions"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as wrong:
        text = f"{file} does not answer VERSION: {type(wrong).__name__}: {wrong}"
        return Finding(area=AREA, name="plugin", level=FAIL, text=text, todo="build and install it again")
    return Finding(area=AREA, name="plugin", level=OK, text=f"{file}, CNI {versions[0]} to {versions[-1]}")


def configurations(session: Session, folder: Path) -> Iterator[Finding]:
    """Yield how each network of podberth's in the folder fares."""
    files = sorted(f for f in folder.iterdir() if f.suffix in SUFFIXES) if folder.is_dir() else []
    count = 0
    for file in files:
        try:
            document = strictjson.loads(file.read_bytes(), str(file))
            if not _concerns(document):
                continue
            count += 1
            yield from _judge(session, file, netconf_file.extract(document, str(file)))
        except OSError as wrong:
            yield Finding(area=AREA, name=file.name, level=FAIL, text=f"{file}: {wrong.strerror}", todo="run as root")
        except CniError as wrong:
            yield Finding(area=AREA, name=file.name, level=FAIL, text=wrong.message, todo=wrong.details or "correct it")
    if not count:
        text = f"no network configuration in {folder} names podberth (of {counted(len(files), 'file')})"
        yield Finding(
            area=AREA, name="networks", level=WARN, text=text, todo="write one, or name its folder with --net-dir"
        )


def _concerns(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    plugins = document.get("plugins", [document])
    return isinstance(plugins, list) and any(map(netconf_file.is_ours, plugins))


def _of_several(session: Session, file: Path, conf: NetConf) -> Iterator[Finding]:
    """Yield how the configuration of a meta plugin fares: an ADD would be refused for a key that is wrong."""
    from podberth.catalogue import find_plugin
    from podberth.networks.settings import read

    plugin = find_plugin(conf.type)
    beside = getattr(plugin, "BESIDE", None)
    fields = conf.fields if beside is None else _completed(conf.fields, Path(beside.of(conf.fields)))
    plugin.configure(fields)
    text = f"{conf.name} has several networks for a pod"
    yield Finding(area=AREA, name=file.name, level=OK, text=text)
    yield from several.look(session, file.name, conf, read(fields))
    yield from policies.look(file.name, conf)


def _completed(fields: Fields, beside: Path) -> Fields:
    from podberth.networks import daemon

    lines = beside.read_text(encoding="utf-8", errors="replace").splitlines() if beside.exists() else None
    found = daemon.completed(fields, lines)
    daemon.require_kubeconfig(found)
    return found


def _judge(session: Session, file: Path, conf: Mapping[str, object]) -> Iterator[Finding]:
    from podberth.catalogue import find_plugin
    from podberth.verbs.network import read_network
    from podberth.verbs.role import own_fields, state_dir
    from podberth.verbs.status import missing_link

    parsed = configuration(conf)
    if is_several(parsed.type):
        yield from _of_several(session, file, parsed)
        return
    network = read_network(parsed, find_plugin(parsed.type if parsed.type in OURS else PLUGIN))
    directory = state_dir(own_fields(parsed, network.role))
    if Path(directory).resolve() != Path(session.state).resolve():
        text = f"{network.name} has its store in {directory}, not in {session.state}"
        yield Finding(area=AREA, name=file.name, level=WARN, text=text, todo=f"podberth --state {directory} doctor")
        return
    if not network.delegated:
        yield _pool(session, file, network)
    missing = missing_link(session.node.host, network) if session.exists() else ""
    if missing:
        yield Finding(
            area=AREA, name=f"{file.name} links", level=FAIL, text=missing, todo="bring it up, or correct its name"
        )
    wrong = no_bridge(session.node.host, network) if session.exists() else ""
    if wrong:
        yield Finding(
            area=AREA,
            name=f"{file.name} bridge",
            level=FAIL,
            text=wrong,
            todo="name a bridge, or a link that is not there yet",
        )
    if network.defaults.vf is not None and session.exists():
        yield _functions(session, file, network)
    if network.policy_dir is not None:
        yield _policies(session, file, network.policy_dir)


def no_bridge(host: Host, network: Network) -> str:
    """Return what is wrong if the network's bridge is a link of another kind; '' if nothing is, or it is not there."""
    kind = network.kind
    if kind is None or not kind.parent or kind.stands_on or kind.vf is not None:
        return ""
    link = host.named(kind.parent)
    if link is None or link.kind == "bridge":
        return ""
    return f"network {network.name}: bridge {kind.parent} is no bridge but a {link.kind or 'physical'} link"


def _pool(session: Session, file: Path, network: Network) -> Finding:
    names = network.defaults.preferred
    for name in names if session.exists() else ():
        if session.node.policies.pool(name) is None:
            raise InvalidConfig(f"{network.name}: there is no pool {name}", "create it with `podberth apply`")
    said = f"pool {names[0]}" if len(names) == 1 else f"pools {', '.join(names)}"
    text = f"network {network.name}, {said if names else 'pools as declared for each pod'}"
    return Finding(area=AREA, name=file.name, level=OK, text=text)


def _functions(session: Session, file: Path, network: Network) -> Finding:
    """Say how many virtual functions there are for the network."""
    from podberth.verbs.devices import counted_for

    fitting, free = counted_for(session.node, network)
    name, text = f"{file.name} functions", f"{fitting} virtual functions fit, {free} of them free"
    if not fitting:
        todo = "`podberth vf list` shows those there are, `podberth vf create` makes some"
        return Finding(area=AREA, name=name, level=FAIL, text=text, todo=todo)
    if not free:
        return Finding(area=AREA, name=name, level=WARN, text=text, todo="pods beyond those there are will be refused")
    return Finding(area=AREA, name=name, level=OK, text=text)


def _policies(session: Session, file: Path, directory: str) -> Finding:
    """Say whether the directory of documents that the network follows is in force."""
    from podberth.stores.directory import fingerprint

    name = f"{file.name} policyDir"
    try:
        found = fingerprint(directory)
    except OSError as wrong:
        return Finding(
            area=AREA,
            name=name,
            level=FAIL,
            text=f"{directory}: {wrong.strerror}",
            todo="make it, or correct policyDir",
        )
    known = session.node.policies.followed(directory) if session.exists() else None
    if known is not None and known.failure:
        return Finding(
            area=AREA, name=name, level=FAIL, text=known.failure, todo="correct the file; the next ADD reads it again"
        )
    if known is None or known.fingerprint != found:
        return Finding(area=AREA, name=name, level=OK, text=f"{directory}: changes are read at the next ADD")
    return Finding(area=AREA, name=name, level=OK, text=f"{directory} is in force")
