"""Prepare and Unprepare: a claim's devices become interfaces before the pod is there, and are taken back after it.

    kept on disk -> namespace that holds them -> ADD of each -> the runtime's fence -> complete

Each is done again from the start if it was cut short; what is complete is not done twice. A pod that starts has its
links carried from the claim's namespace into its own, and back again when it stops.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from podberth.cni.errors import CniError, InvalidConfig, KernelRefused, TryAgainLater
from podberth.dra.claim import read_claim
from podberth.dra.prepared import Interface, Prepared
from podberth.kube.errors import NotFound
from podberth.linux import holding
from podberth.policy.annotations import ANNOTATION
from podberth.verbs.bring import bring
from podberth.verbs.delete import delete
from podberth.verbs.gone import is_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from podberth.dra.cdi import Fence
    from podberth.dra.claim import Allocated, Claim
    from podberth.dra.devices import Device
    from podberth.dra.prepared import PreparedClaims
    from podberth.verbs.node import Node

    Handle = Callable[[Mapping[str, str], bytes], tuple[int, str]]

DRIVER = "dra.podberth.io"
HOLDING = "/run/netns/podberth-claim-"  # and the claim's UID
_ANNOTATIONS = "io.kubernetes.cri.pod-annotations"
_NO_PLUGINS = "/nonexistent"  # CNI_PATH: nothing of these calls is another plugin's


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a driver works with. `claim` asks the API server; `devices` are those of the node, as they are now.

    `handle` serves a CNI call, `node` opens the store of `state` for one use. `told` is given what claims have got.
    """

    state: str
    claims: PreparedClaims
    fence: Fence
    claim: Callable[[str, str], Mapping[str, Any]]
    devices: Callable[[], Mapping[str, Device]]
    handle: Handle
    node: Callable[[], AbstractContextManager[Node]]
    told: Callable[[Prepared], None]
    holding: str = HOLDING


class Driver:
    """The claims of one node. Threads share it; of one claim one thing is done at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def prepare(self, namespace: str, name: str, uid: str) -> Prepared:
        """Have the claim's interfaces be there; CniError says why that can't be, and nothing is left then."""
        with self._alone(uid):
            known = self._parts.claims.find(uid)
            if known is not None and known.complete:
                self._parts.fence.put(known)  # a folder below /run is empty after the machine's start
                return known
            claim = read_claim(self._parts.claim(namespace, name), uid, DRIVER)
            self._end(uid)
            return self._made(self._intended(claim))

    def unprepare(self, uid: str) -> None:
        """Take all of the claim back; nothing happens if there is nothing. CniError if it has to be tried again.

        What was kept of it may be lost, or not to be read: its attachments are found by their records all the same.
        """
        with self._alone(uid):
            self._end(uid)

    def hand_over(self, uid: str, pod_uid: str) -> bool:
        """Make the claim anew if it is reserved for the pod of that UID by now; say whether it is. CniError.

        kubelet prepares nothing twice: a pod that was deleted by force leaves its claim, prepared, to the next one, and
        the scheduler may have chosen another device for that.
        """
        with self._alone(uid):
            known = self._parts.claims.find(uid)
            if known is None or known.pod_uid == pod_uid:
                return known is not None
            try:
                claim = read_claim(self._parts.claim(known.namespace, known.name), uid, DRIVER)
            except NotFound:
                return False
            if claim.pod.uid != pod_uid:
                return False
            self._end(uid)
            self._made(self._intended(claim))
            return True

    def bring(self, uid: str, netns: str) -> None:
        """Have the claim's links be in the pod's namespace. CniError says which one can't be there, and why."""
        with self._alone(uid):
            known = self._parts.claims.find(uid)
            if known is not None and known.complete:
                made = tuple(self._brought(known, each, netns) for each in known.interfaces)
                self._keep(known, made)

    def take_home(self, uid: str, netns: str) -> None:
        """Have the claim's links be in its own namespace: that at `netns` is about to end. CniError.

        A link that is in another pod's namespace stays there: a runtime stops a sandbox more than once, also after the
        pod has the next. Where it does not say which namespace ends, that of the record is meant.
        """
        with self._alone(uid):
            known = self._parts.claims.find(uid)
            if known is None or not known.complete:
                return
            home = self._holding(uid)
            holding.make(home)
            with self._parts.node() as node:
                may_leave = {node.host.netns_id(path) for path in (netns, home) if path}
                for attachment in map(known.attachment, known.interfaces):
                    there = {each.netns_id for each in node.attachments.of(attachment) if not is_gone(node, each)}
                    if not netns or there <= may_leave:
                        bring(node, attachment, home, home, holding.carry)

    def _intended(self, claim: Claim) -> Prepared:
        """Return the claim as it is to be made. TryAgainLater for a device that this node does not have now.

        InvalidConfig for an interface's name that is too long, or that the pod has already.
        """
        there = self._parts.devices()
        interfaces: list[Interface] = []
        for each in claim.devices:
            device = there.get(each.device)
            if device is None:
                raise TryAgainLater(
                    f"{claim}: this node has no device {each.device} now",
                    "see `podberth vf list`",
                )
            interfaces.append(_interface(self._parts.state, each, device))
        prepared = Prepared(
            namespace=claim.namespace,
            name=claim.name,
            uid=claim.uid,
            pod_name=claim.pod.name,
            pod_uid=claim.pod.uid,
            interfaces=tuple(interfaces),
        )
        self._refuse_twice(prepared)
        return prepared

    def _refuse_twice(self, prepared: Prepared) -> None:
        """Refuse an interface's name that the pod has already, by this claim or another one."""
        taken = {
            each.ifname: str(other)
            for other in self._parts.claims.of_pod(prepared.pod_uid)
            if other.uid != prepared.uid
            for each in other.interfaces
        }
        for each in prepared.interfaces:
            if each.ifname in taken or each.ifname in ("eth0", "lo"):
                other = taken.get(each.ifname, "the cluster's network")
                raise InvalidConfig(
                    f"interface: the pod of {prepared} has a {each.ifname} already, by {other}",
                    "say `interface` in the claim's parameters, or name its request otherwise",
                )
            taken[each.ifname] = str(prepared)

    def _made(self, intended: Prepared) -> Prepared:
        home = self._holding(intended.uid)
        self._parts.claims.put(intended)
        try:
            holding.make(home)
            made = tuple(self._add(intended, each, home) for each in intended.interfaces)
            done = replace(intended, interfaces=made, complete=True)
            self._parts.fence.put(done)
            self._parts.claims.put(done)
        except BaseException:
            self._take_back(intended)
            raise
        self._parts.told(done)
        return done

    def _end(self, uid: str) -> None:
        known = self._parts.claims.find(uid)
        if known is not None:
            self._take_back(known)
            return
        with self._parts.node() as node:
            for record in node.attachments.all(DRIVER, uid) if node.stored() else ():
                delete(node, record.attachment, why=f"resource claim {uid}: unprepared", who="claim")
        holding.remove(self._holding(uid))
        self._parts.fence.remove(uid)
        self._parts.claims.remove(uid)

    def _take_back(self, prepared: Prepared) -> None:
        home = self._holding(prepared.uid)
        with self._parts.node() as node:
            for each in prepared.interfaces:
                attachment = prepared.attachment(each)
                if node.host.netns_id(home) is not None:
                    _settle(node, prepared, each, home)
                delete(node, attachment, why=f"{prepared}: unprepared", who="claim")
        holding.remove(home)
        self._parts.fence.remove(prepared.uid)
        self._parts.claims.remove(prepared.uid)

    def _brought(self, prepared: Prepared, interface: Interface, netns: str) -> Interface:
        with self._parts.node() as node:
            origin = self._holding(prepared.uid)
            if bring(node, prepared.attachment(interface), netns, origin, holding.carry):
                return interface
        return self._add(prepared, interface, netns)  # it was taken for gone, as after a start of the machine

    def _keep(self, known: Prepared, made: tuple[Interface, ...]) -> None:
        """Keep what was made anew with other addresses or another MAC."""
        if made != known.interfaces:
            changed = replace(known, interfaces=made)
            self._parts.fence.put(changed)
            self._parts.claims.put(changed)
            self._parts.told(changed)

    def _add(self, prepared: Prepared, interface: Interface, netns: str) -> Interface:
        code, stdout = self._parts.handle(_environment(prepared, interface, netns), interface.conf.encode())
        result = json.loads(stdout)
        if code:
            message = f"{prepared}: {interface.device}: {result.get('msg', '')}"
            kind = TryAgainLater if result.get("code") == TryAgainLater.code else KernelRefused
            raise kind(message, str(result.get("details", "")))
        inside = [each for each in result.get("interfaces", ()) if each.get("sandbox") == netns]
        ips = tuple(str(each["address"]) for each in result.get("ips", ()))
        return replace(interface, mac=str(inside[0].get("mac", "")) if inside else "", ips=ips)

    def _holding(self, uid: str) -> str:
        return f"{self._parts.holding}{uid}"

    @contextmanager
    def _alone(self, uid: str) -> Iterator[None]:
        """Hold what nobody else has to do with the claim meanwhile. TryAgainLater if that lasts too long."""
        with self._parts.node() as node, node.host.locked(f"claim:{uid}"):
            yield


def _settle(node: Node, prepared: Prepared, interface: Interface, home: str) -> None:
    """Have the record say where the link is, if it was on its way when an agent was killed."""
    try:
        bring(node, prepared.attachment(interface), home, home, holding.carry)
    except CniError:
        pass  # it is taken back from wherever the record has it


def _interface(state: str, allocated: Allocated, device: Device) -> Interface:
    said = allocated.parameters
    ifname = said.interface or allocated.request.replace("/", "-")
    if len(ifname.encode()) > 15:
        raise InvalidConfig(
            f"interface: {ifname!r}, the name of the request, is too long for an interface", "say `interface`"
        )
    conf: dict[str, object] = {
        "cniVersion": "1.1.0", "name": DRIVER, "type": "podberth", "stateDir": state, **said.network, **device.network,
    }  # fmt: skip
    if said.attachment:
        asked = json.dumps([{**said.attachment, "ifname": ifname}])
        conf["capabilities"] = {_ANNOTATIONS: True}
        conf["runtimeConfig"] = {_ANNOTATIONS: {ANNOTATION: asked}}
    return Interface(
        request=allocated.request,
        pool=allocated.pool,
        device=allocated.device,
        ifname=ifname,
        conf=json.dumps(conf),
        identity=said.identity,
    )


def _environment(prepared: Prepared, interface: Interface, netns: str) -> dict[str, str]:
    name, uid = prepared.owner(interface)
    names = {"NAMESPACE": prepared.namespace, "NAME": name, "UID": uid}
    return {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": prepared.uid,
        "CNI_NETNS": netns,
        "CNI_IFNAME": interface.ifname,
        "CNI_PATH": _NO_PLUGINS,
        "CNI_ARGS": ";".join(("IgnoreUnknown=1", *(f"K8S_POD_{key}={said}" for key, said in names.items()))),
    }
