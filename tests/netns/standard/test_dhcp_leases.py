"""The life of a lease of `dhcp`: renewed, rebound, refused, ended, kept over a restart, given back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.netns.standard.dhcp_site import ADDRESS, EAGER, QUICK, ROUTER, Site, wire
from tests.netns.standard.twins import Ended
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.standard.twins import Node

# T1 and T2, of a lease of two minutes; dnsmasq takes none below three seconds.
SOON = ("--dhcp-option=option:T1,3", "--dhcp-option=option:T2,4")
LATER = ("--dhcp-option=option:T1,3", "--dhcp-option=option:T2,60")


@pytest.fixture(scope="module")
def wired_site(lasting: tuple[Node, Node]) -> Site:
    return wire(lasting[1])


@pytest.fixture
def site(wired_site: Site) -> Iterator[Site]:
    yield wired_site
    wired_site.call("DEL")
    wired_site.clear()


def attached(site: Site) -> Ended:
    added = site.call("ADD")
    assert added.status == 0, (added, site.log("daemon"))
    return added


def complaint(site: Site, added: Ended) -> str:
    """Return what CHECK says; '' if it passes."""
    checked = site.call("CHECK", previous=added.said)
    assert checked.status == 0 or checked.said["code"] == 105, checked
    return str(checked.said.get("msg", ""))


def renewed(site: Site, before: float) -> bool:
    return bool(site.the_lease()["end"] > before)


def test_a_lease_is_renewed_at_t1_by_its_own_server_alone(site: Site) -> None:
    site.dnsmasq(*LATER)
    site.daemon()
    with site.watched():
        added = attached(site)
        before = site.the_lease()["end"]
        site.node.run("ip", "link", "set", "eth0", "address", "02:00:00:00:00:77", inside="pod")  # as `tuning` may
        until(lambda: renewed(site, before), lambda: site.log("daemon"))
        until(lambda: f"{ADDRESS}.68 > {ROUTER}.67: BOOTP/DHCP, Request" in site.log("tcpdump"))
    assert site.the_lease()["mac"] == "020000000077"
    assert f"{ADDRESS}.68 > 255.255.255.255.67" not in site.log("tcpdump")
    retuned = [one | {"mac": "02:00:00:00:00:77"} if one["name"] == "eth0" else one for one in added.said["interfaces"]]
    assert complaint(site, Ended(0, added.said | {"interfaces": retuned})) == ""


def test_a_lease_is_rebound_by_another_server_at_t2(site: Site) -> None:
    site.dnsmasq(*SOON)
    site.daemon()
    added = attached(site)
    site.end("dnsmasq")
    site.node.run("ip", "addr", "flush", "dev", "br0")
    site.node.run("ip", "addr", "add", "10.9.0.2/24", "dev", "br0")
    try:
        with site.watched():
            site.dnsmasq(*LATER)
            until(lambda: site.the_lease()["server"] == "10.9.0.2", lambda: site.log("daemon"))
            until(lambda: f"{ADDRESS}.68 > 255.255.255.255.67" in site.log("tcpdump"))
        assert site.the_lease()["address"] == ADDRESS
        assert complaint(site, added) == ""
    finally:
        site.node.run("ip", "addr", "flush", "dev", "br0")
        site.node.run("ip", "addr", "add", f"{ROUTER}/24", "dev", "br0")


def test_a_lease_that_ends_is_said_by_check_and_asked_for_again(site: Site) -> None:
    site.kea(lease=4)
    site.daemon(*EAGER)
    added = attached(site)
    address = site.the_lease()["address"]
    site.end("kea")
    until(lambda: "the lease ended, and no server renewed it" in complaint(site, added), lambda: site.log("daemon"))
    assert address in site.node.run("ip", "-br", "addr", inside="pod")  # nothing is taken from a pod that runs
    site.kea(lease=600)
    until(lambda: complaint(site, added) == "", lambda: site.log("daemon"))
    assert site.the_lease()["address"] == address


def test_a_server_that_refuses_and_gives_another_address(site: Site) -> None:
    site.dnsmasq(*LATER)
    site.daemon(*EAGER)
    added = attached(site)
    site.end("dnsmasq")
    (site.node.state / "dnsmasq.db").unlink()
    site.dnsmasq(*LATER, keep=False, first=200, last=210)
    until(lambda: "by now, and the pod was given" in complaint(site, added), lambda: site.log("daemon"))
    said = complaint(site, added)
    assert f"the server {ROUTER} leases 10.9.0.2" in said
    assert said.endswith(f"the pod was given {ADDRESS}")
    assert '"event": "lost"' in site.log("daemon")
    assert "a server refused it" in site.log("daemon")
    assert f"{ADDRESS}/24" in site.node.run("ip", "-br", "addr", inside="pod")


def test_without_a_server_an_add_is_to_be_repeated_and_leaves_nothing(site: Site) -> None:
    site.daemon(*QUICK)
    before = site.node.state_of()
    refused = site.call("ADD")
    assert (refused.status, refused.said["code"]) == (1, 11)
    assert "eth0: no DHCP server answered" in refused.said["msg"]
    assert site.node.state_of() == before
    assert site.kept() == []
    site.dnsmasq()
    until(lambda: site.call("ADD").status == 0, lambda: site.log("daemon"))


def test_a_lease_that_cannot_be_used_is_given_back_with_the_link(site: Site) -> None:
    site.dnsmasq("--dhcp-option=3,192.0.2.1")
    site.daemon()
    before = site.node.state_of()
    refused = site.call("ADD")
    assert (refused.status, refused.said["code"]) == (1, 103), refused  # no router is there on the link
    assert site.node.state_of() == before
    assert site.kept() == []
    until(lambda: site.leased() == [], site.leased)


def test_a_daemon_that_was_killed_goes_on_with_its_leases(site: Site) -> None:
    site.dnsmasq()
    site.daemon()
    added = attached(site)
    before = site.the_lease()
    site.end("daemon", signal.SIGKILL)
    assert site.call("CHECK", previous=added.said).said["code"] == 11
    site.daemon()
    until(lambda: renewed(site, before["end"]), lambda: site.log("daemon"))
    assert site.the_lease()["address"] == before["address"] == ADDRESS
    assert complaint(site, added) == ""
    site.end("daemon")
    assert not site.socket.exists()
    assert site.leased() != []  # its end gives nothing back
    site.daemon()
    assert site.call("DEL").status == 0
    until(lambda: site.leased() == [], site.leased)


def test_without_a_daemon_an_add_says_how_to_start_one(site: Site) -> None:
    refused = site.call("ADD")
    assert refused.said["code"] == 11
    assert f"no dhcp daemon listens at {site.socket}" in refused.said["msg"]
    assert "podberth dhcp" in refused.said["details"]
    assert site.call("STATUS").status == 0  # else kubelet would have the pods evicted that run
    assert site.call("DEL").status == 0
    site.daemon()
    assert site.call("DEL").status == 0


def test_a_namespace_that_is_gone_takes_its_lease_along(site: Site) -> None:
    site.dnsmasq()
    site.daemon()
    for pod, container in (("one", "c1"), ("two", "c2")):
        assert site.call("ADD", pod=pod, container=container).status == 0
        subprocess.run(["ip", "netns", "delete", site.node.pod(pod)], check=True)
        site.node.pods.remove(f"{site.node.name}-{pod}")
    assert site.call("DEL", container="c1", netns="").status == 0
    until(lambda: site.kept() == [], lambda: site.log("daemon"))
    assert site.call("DEL", container="c2", netns="").status == 0


def test_gc_gives_back_what_no_valid_attachment_has(site: Site) -> None:
    site.dnsmasq()
    site.daemon()
    for container in ("c0ffee", "c1"):
        assert site.call("ADD", pod=f"of-{container}", container=container).status == 0
    valid = {"cni.dev/valid-attachments": [{"containerID": "c0ffee", "ifname": "eth0"}]}
    collected = site.call("GC", conf=valid)
    assert collected.status == 0, collected
    until(lambda: [lease[0] for lease in site.leased()] == [ADDRESS], site.leased)
    assert [lease["containerID"] for lease in site.kept()] == ["c0ffee"]
    assert site.call("DEL", pod="of-c0ffee").status == 0


def test_a_socket_of_systemd_is_taken_and_left(site: Site) -> None:
    code = (
        "import os, socket, sys; at = socket.socket(socket.AF_UNIX); at.bind(sys.argv[1]); at.listen();"
        "os.dup2(at.fileno(), 3); os.set_inheritable(3, True);"
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[2], sys.argv[2:])"
    )
    site.start("daemon", sys.executable, "-c", code, str(site.socket), str(site.node.folder / "dhcp"), "daemon",
               "-socketpath", str(site.socket))  # fmt: skip
    until(lambda: "serving" in site.log("daemon"), lambda: site.log("daemon"))
    site.end("daemon")
    assert site.socket.exists()


def test_only_root_is_answered_and_nonsense_ends_nothing(site: Site) -> None:
    site.daemon()
    site.node.state.chmod(0o755)
    for folder in site.node.state.parents:
        if folder.is_relative_to(site.node.state.parents[2]):
            folder.chmod(0o755)
    site.socket.chmod(0o666)
    code = (
        "import os, socket, sys; os.setuid(int(sys.argv[2])); at = socket.socket(socket.AF_UNIX)\n"
        "at.connect(sys.argv[1])\n"
        "try: at.sendall(sys.argv[3].encode() + b'\\n'); print(at.recv(9999).decode())\n"
        "except OSError: pass"
    )

    def answered(user: int, said: str) -> str:
        argv = [sys.executable, "-c", code, str(site.socket), str(user), said]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()

    asked = '{"verb": "STATUS"}'
    assert json.loads(answered(0, asked)) == {"leases": 0}
    assert answered(65534, asked) == ""
    for nonsense in ("", "x", "[]", '{"verb": "ADD"}', '{"verb": "ADD", "network": "../x"}', "[" * 5000):
        assert json.loads(answered(0, nonsense))["error"]["code"] in (6, 7)
    assert json.loads(answered(0, asked)) == {"leases": 0}
    assert os.getuid() == 0
