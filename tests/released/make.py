"""Make the folder of a release: `python -m tests.released.make`, as root, by the code that is to be released.

It tells the story (story.py) three times: with a store of the node's own, with one in etcd, and with one behind the
Kubernetes API. It works in namespaces of its own. Only the folder tests/released/VERSION is written; it must not exist.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import podberth
from podberth.net.facts import NetnsId
from podberth.net.record import Record
from podberth.net.record_json import steps_json
from podberth.net.step import Step
from podberth.stores.etcd.client import Etcd
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from tests.checkout import ROOT
from tests.netns.agent.running import agent
from tests.released import devices, dump
from tests.released.answers import answers
from tests.released.story import answered, tell
from tests.released.worker import NAME, Worker, worker
from tests.servers.etcd import EtcdServer
from tests.servers.kube import KubeServer
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable

INSIDE = "PODBERTH_MAKES_A_RELEASE"
# An address that rests when the story ends goes on resting: its end is moved, so that answers are the same on any day.
FOR_EVER = 7_258_118_400_000_000_000  # ns: the year 2200
TO = Path(__file__).parent / podberth.__version__


def main() -> None:
    """Begin again in namespaces of our own, or make the folder there."""
    if INSIDE not in os.environ:
        command = [
            "unshare",
            "--net",
            "--mount",
            "--uts",
            "--propagation=private",
            "--",
            sys.executable,
            "-m",
            __spec__.name,
        ]
        sys.exit(subprocess.run(command, env={**os.environ, INSIDE: "1"}, cwd=ROOT, check=False).returncode)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["hostname", NAME], check=True)
    TO.mkdir()
    try:
        for make in (own, in_etcd, in_kubernetes):
            with TemporaryDirectory(prefix="podberth-released-") as folder:
                make(Path(folder))
    except BaseException:
        shutil.rmtree(TO)
        raise


def own(folder: Path) -> None:
    """Write what a node with its own store has."""
    with worker(folder) as node:
        tell(node, "sqlite")
        with contextlib.closing(sqlite3.connect(node.state / "podberth.db")) as database, database:
            database.execute("UPDATE resting SET until = ? WHERE until > ?", (FOR_EVER, time.time_ns()))
        records = SqliteAttachments(Database(str(node.state)))
        for record in device_records():
            records.open(record)
        write("sqlite", node, ("podberth.db",))
    to = TO / "sqlite"
    (to / "every-op.json").write_text(steps_json(Step(op=op, before=()) for op in devices.EVERY) + "\n")
    shutil.copytree(folder / "run", to / "run")
    shutil.copytree(folder / "cni" / "results", to / "results")


def in_etcd(folder: Path) -> None:
    """Write what is in etcd, and what a member has of it, with a DEL that etcd was not told of."""
    with EtcdServer() as server, worker(folder, bare=True) as node, contextlib.ExitStack() as held:
        use = ["store", "use", "etcd", "--endpoint", server.url, "--node", NAME, "--when-away", "lastKnown"]
        node.podberth(*use)
        # The plugin alone has no gRPC. A day: the agent must not take back what the story leaves half done.
        running = held.enter_context(agent(node, "--check-interval", "86400"))
        pods = tell(node, "etcd")
        client = Etcd([server.url])
        for row in dump.keys_of(client):
            form = json.loads(row.get("text") or "0")
            if isinstance(form, dict) and form.get("restUntil", 0) > time.time_ns():
                client.put(row["key"].encode(), json.dumps({**form, "restUntil": FOR_EVER}).encode())
        rows = dump.keys_of(client)
        client.close()
        write("etcd", node, ("podberth.db",))
        server.kill()
        answered(node.call("DEL", pods["batch"], pool="db"), "DEL while etcd is away")
        answered(node.call("ADD", node.pod("tuned"), pool="db"), "ADD of a pod that was here, while etcd is away")
        journalled(node.state / "journal.db", 2)
        running.stop(signal.SIGKILL)
        for file in ("replica.db", "journal.db"):
            (TO / "etcd" / f"{file}.sql").write_text(dump.sql_of(node.state / file))
        place(TO / "etcd" / "keys.json", rows)
        document = json.loads((node.state / "store.json").read_text())
        place(TO / "etcd" / "store.json", {**document, "etcd": {**document["etcd"], "endpoints": []}})


def journalled(file: Path, count: int) -> None:
    """Wait until the journal has so many entries: the agent ends a DEL after it has answered it."""

    def entries() -> int:
        with contextlib.closing(sqlite3.connect(file)) as database:
            return int(database.execute("SELECT count(*) FROM entries").fetchone()[0])

    until(lambda: entries() >= count, lambda: f"the journal has {entries()} entries of {count}")


def in_kubernetes(folder: Path) -> None:
    """Write the objects of the Kubernetes API."""
    with KubeServer(folder / "kube") as server:
        server.serve_our_resources()
        for namespace in ("bank", "podberth-system"):
            server.kubectl("create", "namespace", namespace)
        with worker(folder / "lib", bare=True) as node:
            shutil.copy(server.kubeconfig, folder / "lib" / "kubeconfig")
            node.podberth("store", "use", "kubernetes", "--node", NAME, "--kubeconfig", str(server.kubeconfig))
            tell(node, "kubernetes")
            for lease in dump.objects_of(server):
                if lease["spec"].get("restUntil", 0) > time.time_ns():
                    change = json.dumps({"spec": {"restUntil": FOR_EVER}})
                    server.kubectl(
                        "patch", "addresslease", lease["metadata"]["name"], "--type=merge", f"--patch={change}"
                    )
            write("kubernetes", node, ("podberth.db",))
            place(TO / "kubernetes" / "objects.json", dump.objects_of(server))


def device_records() -> Iterable[Record]:
    """Return records of virtual functions, and of every op there is: no card is here, so values make them."""
    for number, (attachment, steps) in enumerate(devices.recorded()):
        yield Record(
            attachment=attachment,
            pod=devices.POD,
            netns=f"/var/run/netns/{attachment.container_id}",
            netns_id=NetnsId(device=4, inode=4026530000 + number),
            steps=steps,
            done=True,
            since=1_790_000_000_000_000_000 + number,
        )


def write(name: str, node: Worker, files: tuple[str, ...]) -> None:
    """Write the databases of the node's state, and what the command line answers about them."""
    to = TO / name
    to.mkdir()
    rows = [f"{json.dumps(question)}: {json.dumps(answer)}" for question, answer in answers(node.state).items()]
    (to / "answers.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
    for file in files:
        (to / f"{file}.sql").write_text(dump.sql_of(node.state / file))


def place(file: Path, value: object) -> None:
    """Write a value as JSON that can be read and compared by line."""
    file.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    main()
