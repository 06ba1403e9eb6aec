"""A member of a cluster with the podberth that is found first: a line of JSON for each thing to do, and for its answer.

It is run by the code of a release (earlier.py): what it imports has to be there in all of them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from podberth.cni.errors import CniError
from podberth.cni.pod import Attachment, PodRef
from podberth.entry import join
from podberth.ipam.lease import Actor, Claim, Wanted


def main() -> None:
    """Serve until the input ends."""
    member = join(sys.argv[1], staying=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = done(member, asked)
        except CniError as refused:
            answer = {"error": refused.message}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    member.close()


def done(member: Any, asked: dict[str, str]) -> dict[str, object]:
    """Do what is asked; return the answer."""
    if asked["do"] == "pools":
        return {"pools": {pool.name: [str(s.gateway) for s in pool.subnets] for pool in member.policies.pools()}}
    if asked["do"] == "leases":
        return {"leases": {str(lease.address): str(lease.pod) for lease in member.ledger.leases()}}
    if asked["do"] == "away":
        return {"away": member.away()}
    attachment = Attachment(network="net", container_id=asked["pod"], ifname="eth0")
    actor = Actor(who="plugin", why=asked["do"], node=asked["node"])
    if asked["do"] == "unbind":
        return {"addresses": [str(lease.address) for lease in member.ledger.unbind(attachment, actor)]}
    pod = PodRef(namespace="bank", name=asked["pod"], uid="u")
    wanted = (Wanted(pool=asked["pool"], family=4),)
    claim = Claim(attachment=attachment, pod=pod, netns="/run/netns/x", wanted=wanted)
    return {"addresses": [str(lease.address) for lease in member.ledger.bind(claim, actor)]}


if __name__ == "__main__":
    main()
