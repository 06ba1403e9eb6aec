"""Functions of a card with two ports, and records of who holds them."""

from __future__ import annotations

import json
from typing import Any

from podberth.cni.pod import Attachment, PodRef
from podberth.net.facts import NetnsId
from podberth.net.ops import MoveVf
from podberth.net.record import Record
from podberth.net.step import Step
from podberth.net.vf import Vf

ROOTS = {"ens1f0": "0000:03:00.0", "ens1f1": "0000:03:00.1"}
RESOURCE = "k8s.v1.cni.cncf.io/resourceName"


def vf(index: int, pf: str = "ens1f0", **said: Any) -> Vf:
    """Return a function; its address follows from PF and index."""
    slot = {"ens1f0": "02", "ens1f1": "0a"}.get(pf, "10")
    own = {"vendor": "8086", "device": "154c", "driver": "iavf", "numa": 0, "link": f"{pf}v{index}", **said}
    address = f"0000:03:{slot}.{index}"
    return Vf(address=address, pf=pf, pf_address=ROOTS.get(pf, "0000:04:00.0"), index=index, **own)


def held(of: Vf, pod: str = "web-0", uid: str = "u1", conf: dict[str, Any] | None = None) -> Record:
    """Return the record of a pod of namespace bank that has the function, by a network configuration."""
    op = MoveVf(device=of.address, link=of.link, netns="/run/netns/pod", ifname="net1", mac=None, mtu=None)
    return Record(
        attachment=Attachment(network="storage", container_id="c1", ifname="net1"),
        pod=PodRef(namespace="bank", name=pod, uid=uid),
        netns="/run/netns/pod",
        netns_id=NetnsId(device=4, inode=7),
        steps=(Step(op=op),),
        done=True,
        since=1,
        conf=json.dumps(conf if conf is not None else {}),
        type="podberth",
    )


def of_the_kubelet(resource: str = "bank.example/storage") -> dict[str, Any]:
    """Return what a configuration says of a function that the kubelet has chosen."""
    return {"args": {"cni": {RESOURCE: resource}}}
