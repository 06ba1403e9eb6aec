"""`podberth run` with a container of containerd: it is on the network, and everything goes with it."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from tests.netns.kubelet import BUILT
from tests.runtime import image

if TYPE_CHECKING:
    from tests.runtime.site import Site


def test_a_container_runs_on_the_network_and_everything_goes_with_it(bank: Site) -> None:
    podberth = {"type": "podberth", "bridge": bank.bridge, "pool": "db", "stateDir": str(bank.state)}
    (bank.folder / "nets").mkdir()
    network = {"cniVersion": "1.1.0", "name": "by-hand", "plugins": [podberth]}
    (bank.folder / "nets" / "by-hand.conflist").write_text(json.dumps(network))
    said = bank.node.run(
        "env",
        f"PATH={bank.containerd.release.path(os.environ['PATH'])}",
        f"CONTAINERD_ADDRESS={bank.containerd.root / 'containerd.sock'}",
        "CONTAINERD_NAMESPACE=k8s.io",
        *(sys.executable, "-m", "podberth.cli.main", "run", "--network", "by-hand", "--name", "mysql-0"),
        *("--namespace", "bank", "--conf-dir", str(bank.folder / "nets"), "--cni-path", str(BUILT)),
        *("--run-dir", str(bank.folder / "run"), "--with", "containerd", "--image", image.NAME),
        *("--", "/bin/busybox", "ip", "-o", "address", "show", "eth0"),
    )

    assert "inet 10.50.0.40/24" in said
    assert list((bank.folder / "run").iterdir()) == []
    assert bank.left_behind() == []
