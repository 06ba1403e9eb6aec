"""The play: a MySQL-like StatefulSet gets its fixed addresses, VLANs and rates. Every claim printed is asserted."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.syntax import Syntax

from podberth.cli.demo.playground import INSIDE, DemoFailed, Playground, Pod, reenter
from podberth.cli.demo.traffic import measure

DECLARED = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: bank}
spec:
  subnets:
  - subnet: 10.77.0.0/24
    gateway: 10.77.0.1
    hold: [10.77.0.10-10.77.0.99]        # only for addresses declared by name
  vlan: {id: 100}
  allow:
  - namespaces: [payments]
    vlans: [100, 200]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: payments, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 3}
  attachments:
  - pool: bank
    ordinals: [{range: 10.77.0.11-10.77.0.13}]
    mac: fromAddress
    rates: {egress: 50}                  # Mbit/s
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: payments, name: stray}
spec:
  pod: stray-0
  attachments:
  - pool: bank
    addresses: [10.77.0.50]
    vlan: {id: 200}                      # same subnet, another VLAN
"""
LIMIT = 50.0  # Mbit/s, as declared above
MEASUREMENTS = 5  # at most: a machine that is busy with other things may not send at the limit at once
ADDRESSES = ("10.77.0.11", "10.77.0.12", "10.77.0.13")


class Stage:
    """Prints the play and stops it at the first claim that does not hold."""

    def __init__(self, playground: Playground) -> None:
        self.console = Console(highlight=False)
        self.playground = playground
        self.claims = 0

    def act(self, title: str) -> None:
        """Begin an act."""
        self.console.print()
        self.console.print(Rule(f"[bold cyan]{title}", align="left", style="cyan"))

    def say(self, text: str) -> None:
        """Print a line of what is going on."""
        self.console.print(f"  {text}")

    def claim(self, holds: bool, text: str) -> None:
        """Print a claim; DemoFailed if it does not hold."""
        if not holds:
            raise DemoFailed(f"not so: {text}")
        self.claims += 1
        self.console.print(f"  [bold green]✔[/] {text}")

    def ask(self, *argv: str) -> dict[str, object]:
        """Show a command of podberth with its output for people, and return its --json."""
        shown = " ".join(f"'{word}'" if " " in word else word for word in argv)
        self.console.print(f"  [bold]$ podberth {escape(shown)}[/]")
        for line in self.playground.podberth(*argv).rstrip().splitlines():
            self.console.print(f"    {escape(line)}", soft_wrap=True)
        return dict(json.loads(self.playground.podberth(*argv, "--json")))


def demo() -> int:
    """Play the main job; return 0 if every claim held, 1 if not, 2 without root."""
    if os.geteuid() != 0:
        print("error: the demo makes network namespaces and needs root", file=sys.stderr)
        print("hint: run it as root, for example with sudo", file=sys.stderr)
        return 2
    if INSIDE not in os.environ:
        return reenter()
    playground = Playground()
    stage = Stage(playground)
    started = time.monotonic()
    try:
        _play(stage, playground)
    except DemoFailed as failure:
        stage.console.print(f"\n[bold red]✘ {escape(str(failure))}[/]")
        return 1
    finally:
        shutil.rmtree(playground.state, ignore_errors=True)
    took = time.monotonic() - started
    stage.console.print(f"\n[bold green]{stage.claims} claims held[/], in {took:.1f} s. Nothing is left behind.")
    return 0


def _play(stage: Stage, playground: Playground) -> None:
    before = playground.links()
    _declare(stage, playground)
    pods, stray = _start(stage, playground)
    _talk(stage, pods, stray)
    _limit(stage, pods)
    pods[1] = _recreate(stage, playground, pods[1])
    _audit(stage)
    stage.act("Everything is given back")
    for pod in (*pods, stray):
        playground.remove(pod)
    stage.claim(playground.links() == before, "no link, bridge or address is left on the node")
    leases = json.loads(playground.podberth("leases", "--json"))
    stage.claim(not leases["leases"], "no lease is left")
    kept = json.loads(playground.podberth("get", "reservations", "--json"))["items"]
    stage.claim(len(kept) == len(ADDRESSES) + 1, "the addresses stay reserved for their pods' names")


def _declare(stage: Stage, playground: Playground) -> None:
    stage.act("An operator declares the pods' network before the pods exist")
    stage.console.print(Syntax(DECLARED.rstrip(), "yaml", theme="ansi_dark", background_color="default"))
    file = Path(playground.state, "mysql.yaml")
    file.write_text(DECLARED)
    applied = stage.ask("apply", "-f", str(file), "--dry-run")
    stage.claim(len(_listed(applied, "created")) == 3, "the whole file is checked before anything changes")
    playground.podberth("apply", "-f", str(file))


def _start(stage: Stage, playground: Playground) -> tuple[list[Pod], Pod]:
    stage.act("A kubelet starts the pods: it passes the plugin little but their names")
    pods: list[Pod] = []
    for ordinal, address in enumerate(ADDRESSES):
        pod = playground.sandbox("payments", f"mysql-{ordinal}", f"uid-{ordinal}")
        got = address_of(playground.cni("ADD", pod))
        stage.claim(got == f"{address}/24", f"payments/mysql-{ordinal} got {got}, VLAN 100")
        pods.append(pod)
    stray = playground.sandbox("payments", "stray-0", "uid-stray")
    got = address_of(playground.cni("ADD", stray))
    stage.claim(got == "10.77.0.50/24", f"payments/stray-0 got {got}, VLAN 200")
    stranger = playground.sandbox("payments", "stranger", "uid-stranger")
    refusal = ""
    try:
        playground.cni("ADD", stranger)
    except DemoFailed as refused:
        refusal = json.loads(str(refused).split("\n", 1)[1])["msg"]
    stage.claim("stranger" in refusal, f"a pod nobody declared is refused: {escape(refusal)}")
    playground.remove(stranger)
    return pods, stray


def _talk(stage: Stage, pods: list[Pod], stray: Pod) -> None:
    stage.act("They talk; another VLAN does not")
    for pod, other in ((0, 1), (1, 2), (2, 0)):
        stage.claim(pods[pod].reaches(ADDRESSES[other]), f"mysql-{pod} reaches mysql-{other} at {ADDRESSES[other]}")
    stage.claim(not stray.reaches(ADDRESSES[0]), "stray-0, in the same subnet but on VLAN 200, does not reach mysql-0")


def _limit(stage: Stage, pods: list[Pod]) -> None:
    stage.act("The declared rate is the rate")
    rate = 0.0
    for _ in range(MEASUREMENTS):
        rate = max(rate, measure(pods[0], pods[1], ADDRESSES[1], seconds=2.0))
        if rate > 0.7 * LIMIT:
            break
    stage.claim(0.7 * LIMIT < rate < 1.15 * LIMIT, f"mysql-0 sends {rate:.1f} Mbit/s of TCP under a {LIMIT:.0f} limit")


def _recreate(stage: Stage, playground: Playground, old: Pod) -> Pod:
    stage.act("A pod is deleted and comes back under a new container ID")
    mac = _mac(old)
    playground.remove(old)
    new = playground.sandbox("payments", old.name, "uid-1-again")
    stage.say(f"container {old.container_id[:12]} is gone, {new.container_id[:12]} takes its place")
    got = address_of(playground.cni("ADD", new))
    stage.claim(got == f"{ADDRESSES[1]}/24", f"the same address: {got}")
    stage.claim(_mac(new) == mac, f"the same MAC: {mac}")
    stage.claim(new.reaches(ADDRESSES[0]), "and it talks at once")
    return new


def _audit(stage: Stage) -> None:
    stage.act("Network operations ask")
    now = datetime.now(tz=UTC).isoformat(timespec="milliseconds")  # noqa: TID251 - for people to read
    who = stage.ask("who", ADDRESSES[1], "--at", now)
    stage.claim("mysql-1" in json.dumps(who), f"the ledger says who had {ADDRESSES[1]} at a time")
    explained = stage.ask("explain", "payments/mysql-1")
    stage.claim(ADDRESSES[1] in json.dumps(explained), "every value is traced to what declared it")
    history = stage.ask("history", "payments/mysql-1")
    kinds = [str(event["kind"]) for event in _listed(history, "events") if isinstance(event, dict)]
    stage.claim(kinds == ["Reserved", "Bound", "Unbound", "Bound"], "the history tells of both lives, and nothing else")


def address_of(result: dict[str, object]) -> str:
    """Return the first address of a CNI result."""
    first = _listed(result, "ips")[0]
    assert isinstance(first, dict)
    return str(first["address"])


def _listed(of: dict[str, object], key: str) -> list[object]:
    found = of[key]
    assert isinstance(found, list)
    return found


def _mac(pod: Pod) -> str:
    return str(json.loads(pod.exec("ip", "-json", "link", "show", "eth0"))[0]["address"])
