"""What is on disk of a run before its first change, so that `--cleanup` can end it whatever became of its process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podberth.cni import parsers, strictjson
from podberth.cni.errors import CniError, StoreFailed
from podberth.cni.fields import Fields
from podberth.process import machine
from podberth.process.whole import write_whole
from podberth.runtime.networks import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

NETNS = Path("/run/netns")
_SUFFIX = ".json"
_MOST = 1 << 24  # bytes of one file


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """One network of a run: its interface, and its configuration as a list that needs no other file."""

    ifname: str
    conf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. `owner` is the process that takes it down, `started` when that began (clock ticks since boot)."""

    container_id: str
    pod: str
    owner: int
    started: int
    boot: str
    path: tuple[str, ...]
    cache: str
    args: tuple[tuple[str, str], ...]
    capabilities: tuple[tuple[str, object], ...]
    networks: tuple[Joined, ...]

    @property
    def netns(self) -> Path:
        """Where its network namespace is bound."""
        return NETNS / self.container_id

    @property
    def alive(self) -> bool:
        """Whether its process is still there, in this boot, and no other with its number."""
        return self.boot == machine.boot_id() and started(self.owner) == self.started


def started(process: int) -> int | None:
    """Return when a process began, in clock ticks since boot (proc(5), stat, field 22); None if there is none.

    One that has ended and only waits for its parent to ask is none: it takes nothing down any more.
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


class Records:
    """The runs of one folder, a file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, run: Run) -> None:
        """Remember a run, on disk when this returns. StoreFailed if its ID is in use, or nothing can be written."""
        file = self._file(run.container_id)
        body = {
            "containerID": run.container_id,
            "pod": run.pod,
            "owner": run.owner,
            "started": run.started,
            "boot": run.boot,
            "path": list(run.path),
            "cache": run.cache,
            "args": [list(pair) for pair in run.args],
            "capabilities": dict(run.capabilities),
            "networks": [{"ifname": one.ifname, "conf": one.conf} for one in run.networks],
        }
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = write_whole(str(file), json.dumps(body).encode(), 0o600, replacing=False)
        except OSError as failure:
            raise StoreFailed(f"{file}: {failure.strerror}", "choose another folder with --run-dir") from failure
        if not made:
            raise StoreFailed(f"a run with the container ID {run.container_id} is there", "choose another ID")

    def forget(self, run: Run) -> None:
        """Remove a run's file: it is over."""
        self._file(run.container_id).unlink(missing_ok=True)

    def all(self) -> Iterator[tuple[Path, Run | StoreFailed]]:
        """Yield every file of the folder with its run, or why it can't be read."""
        for file in sorted(self.folder.glob(f"*{_SUFFIX}")):
            try:
                yield file, _read(file)
            except (CniError, OSError) as failure:
                yield file, StoreFailed(f"{file}: {failure}", "it is no record of a run: remove it by hand")

    def _file(self, container_id: str) -> Path:
        return self.folder / f"{container_id}{_SUFFIX}"


def _read(file: Path) -> Run:
    with file.open("rb") as stream:
        fields = Fields(strictjson.loads(stream.read(_MOST + 1), file.name, StoreFailed, most=_MOST), "", StoreFailed)
    capabilities: dict[str, Any] = dict(fields.get("capabilities", _object, {}))
    container_id = fields.required("containerID", parsers.identifier)
    if container_id != file.stem:
        raise StoreFailed(f"it is a record of {container_id}", "somebody renamed it: give it that name again")
    return Run(
        container_id=container_id,
        pod=fields.get("pod", parsers.text, ""),
        owner=fields.required("owner", _count),
        started=fields.required("started", _count),
        boot=fields.required("boot", parsers.text),
        path=fields.each("path", parsers.text, most=256),
        cache=fields.required("cache", parsers.text),
        args=fields.each("args", _pair, most=256),
        capabilities=tuple(capabilities.items()),
        networks=tuple(
            Joined(ifname=one.required("ifname", parsers.ifname), conf=one.required("conf", _network))
            for one in fields.children("networks", most=64)
        ),
    )


def _object(raw: object) -> dict[str, Any]:
    if isinstance(raw, dict):
        return raw
    raise ValueError("expected an object")


def _network(raw: object) -> str:
    """Return a network's configuration if it is one: what can't be read can't be taken down."""
    found = raw if isinstance(raw, str) else ""
    parse(found.encode())
    return found


def _count(raw: object) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or raw < 0:
        raise ValueError("expected a number")
    return raw


def _pair(raw: object) -> tuple[str, str]:
    if not isinstance(raw, list) or len(raw) != 2:
        raise ValueError("expected a pair")
    return str(raw[0]), str(raw[1])
