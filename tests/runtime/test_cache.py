"""The cache of attachments: our DEL takes what containerd's libcni added, and libcni takes what ours wrote."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tests.netns.kubelet import BUILT

if TYPE_CHECKING:
    from tests.runtime.site import Sandbox, Site

DELETE = """
import sys
from podberth.runtime.cache import Cache
from podberth.runtime.chain import Runtime
from podberth.runtime.conf import RuntimeConf
from podberth.runtime.networks import parse

name, container, path = sys.argv[1:]
cached = Cache().get(name, container, "eth0")
Runtime(path=(path,)).delete(parse(cached.config), RuntimeConf(container_id=container))
"""
REWRITE = """
import sys
from podberth.runtime.cache import Cache
from podberth.runtime.conf import RuntimeConf

name, container = sys.argv[1:]
found = Cache().get(name, container, "eth0")
conf = RuntimeConf(
    container_id=container, netns=found.netns, args=found.args, capability_args=found.capability_args
)
Cache().drop(name, container, "eth0")
Cache().put(name, conf, found.config, dict(found.result))
"""


def cached(bank: Site, sandbox: Sandbox) -> tuple[str, dict[str, Any]]:
    """Return the file of the sandbox's attachment, and what is in it."""
    (file,) = [file for file in bank.node.cached() if file.endswith(f"{sandbox.id}-eth0")]
    return file, dict(json.loads(bank.node.run("cat", file)))


def test_our_runtime_takes_away_what_containerd_added(bank: Site) -> None:
    sandbox = bank.run("mysql-0", annotations={"kubernetes.io/ingress-bandwidth": "10M"})
    _, body = cached(bank, sandbox)
    bank.node.run(sys.executable, "-c", DELETE, str(body["networkName"]), sandbox.id, str(BUILT))

    assert bank.rows("leases") == []
    assert [file for file in bank.node.cached() if file.endswith(f"{sandbox.id}-eth0")] == []
    bank.remove(sandbox)
    assert bank.left_behind() == []


def test_containerd_takes_away_what_our_runtime_wrote_down(bank: Site) -> None:
    sandbox = bank.run("mysql-0")
    file, body = cached(bank, sandbox)
    bank.node.run(sys.executable, "-c", REWRITE, str(body["networkName"]), sandbox.id)

    assert cached(bank, sandbox) == (file, body)
    bank.remove(sandbox)
    assert bank.left_behind() == []
