"""The kernel's features, found by asking the kernel: what an ADD does is done in a network namespace made for it.

`look` starts this module as a process of its own, which moves into a new namespace; everything goes with the process.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.desk.doctor import FAIL, OK, WARN, Finding
from podberth.desk.form import json_form
from podberth.net import ops
from podberth.net.seen import FILTER_VLANS, RULES_OF_LINKS, RULES_OF_PARENTS, VLAN_DEVICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podberth.net.host import Host
    from podberth.net.ops import Op

AREA = "kernel"
CLONE_NEWNET = 0x40000000  # linux/sched.h
TIMEOUT = 60.0  # seconds; modules may have to be loaded


def look() -> Iterator[Finding]:
    """Yield what there is to say of the kernel's features."""
    command = [sys.executable, "-m", "podberth.cli.doctor.kernel"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)  # noqa: S603
        told = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        yield _unanswered(f"no answer within {TIMEOUT:.0f} s")
    except OSError as wrong:
        yield _unanswered(f"{wrong.filename}: {wrong.strerror}")
    except ValueError:
        yield _unanswered((done.stderr.strip().splitlines() or ["no answer"])[-1])
    else:
        yield from (Finding(**finding) for finding in told)


def probes(netns: str) -> tuple[tuple[str, str, str, tuple[Op, ...]], ...]:
    """Return (feature, level if missing, remedy, ops that need it); later ones stand on what earlier ones made."""
    veth = ops.CreateVeth(name="pbdoctor0", netns=netns, ifname="pbdoctor1")
    other = ops.CreateVeth(name="pbdoctor2", netns=netns, ifname="pbdoctor3")
    enable = ops.WriteSysctl(netns=netns, key="net/ipv6/conf/pbdoctor1/disable_ipv6", value="0")
    ipv4 = ops.AddAddress(netns=netns, ifname="pbdoctor1", address=ip_interface("192.0.2.1/24"))
    ipv6 = ops.AddAddress(netns=netns, ifname="pbdoctor1", address=ip_interface("2001:db8::1/64"))
    macvlan = ops.CreateMacvlan(parent="pbdoctor1", mode="bridge", netns=netns, ifname="pbdoctor5")
    masquerade = ops.Masquerade(group="masq-doctor", address=ip_interface("192.0.2.1/24"), comment="podberth doctor")
    ipvlan = ops.CreateIpvlan(parent="pbdoctor3", mode="l2", netns=netns, ifname="pbdoctor6")
    return (
        ("veth", FAIL, "load the module veth; without it device bridge can't work", (veth, other)),
        ("bridge", FAIL, "load the module bridge", (ops.JoinBridge(link="pbdoctor0", bridge="pbdoctor4"),)),
        ("IPv4", FAIL, "nothing works without it", (ipv4,)),
        ("IPv6", WARN, "pods get no IPv6 address; boot without ipv6.disable=1", (enable, ipv6)),
        ("nf_tables nat", WARN, "load nf_tables, nft_chain_nat and nft_masq, or have no network with ipMasq",
            (masquerade,)),
        ("macvlan", WARN, "load the module macvlan, or don't use device macvlan", (macvlan,)),
        ("ipvlan", WARN, "load the module ipvlan, or don't use device ipvlan", (ipvlan,)),
        ("tbf", WARN, "load the module sch_tbf, or declare no rates",
            (ops.LimitTransmit(netns=None, ifname="pbdoctor0", mbit=100),)),
        ("ifb, u32, mirred", WARN, "load ifb, cls_u32 and act_mirred; without them one direction has no rate limit",
            (ops.LimitReceive(netns=None, ifname="pbdoctor0", ifb="pbdoctor7", mbit=100),)),
    )  # fmt: skip


def ask(host: Host, netns: str) -> Iterator[Finding]:
    """Do every probe on the host and tell how it went. The host's namespace is to be thrown away after that."""
    works = f"works on {os.uname().release}"
    for name, level, todo, needed in probes(netns):
        refused = _try(host, needed)
        if refused is None:
            yield Finding(area=AREA, name=name, level=OK, text=works)
        else:
            yield Finding(area=AREA, name=name, level=level, text=refused.message, todo=todo)
    without = "the kernel has none"
    text = works if host.can(FILTER_VLANS.ability) else f"{without}: each VLAN gets a bridge of its own"
    yield Finding(area=AREA, name="VLAN filtering", level=OK, text=text)
    todo = "load the module 8021q, or have no VLANs on devices macvlan and ipvlan"
    level, text, todo = (OK, works, "") if host.can(VLAN_DEVICES.ability) else (WARN, without, todo)
    yield Finding(area=AREA, name="802.1Q", level=level, text=text, todo=todo)
    for name, ability in (("senders", RULES_OF_LINKS), ("senders of ipvlans", RULES_OF_PARENTS)):
        fit = host.can(ability.ability)
        text, todo = (works, "") if fit else (f"no {ability.ability}", "have no such pods with antiSpoofing here")
        yield Finding(area=AREA, name=name, level=OK if fit else WARN, text=text, todo=todo)


def _try(host: Host, needed: Sequence[Op]) -> CniError | None:
    try:
        for op in needed:
            host.do(host.prepare(op))
    except CniError as refused:
        return refused
    return None


def _unanswered(why: str) -> Finding:
    return Finding(area=AREA, name="features", level=FAIL, text=f"can't be asked: {why}", todo="run as root")


def _main() -> int:
    from podberth.linux.host import LinuxHost
    from podberth.linux.locks import Locks

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        number = ctypes.get_errno()
        sys.stderr.write(f"a network namespace can't be made: {os.strerror(number)}\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="podberth-doctor-") as scratch:
        found = [
            json_form(finding) for finding in ask(LinuxHost(Locks(f"{scratch}/locks")), f"/proc/{os.getpid()}/ns/net")
        ]
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
