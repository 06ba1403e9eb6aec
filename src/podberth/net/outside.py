"""What a node's network needs from beyond its kernel: other plugins, files of networks, objects of an API server."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from podberth.cni.netlist import NetworkList, PluginConf
    from podberth.cni.result import Result
    from podberth.net.ops import AdoptCalls, CallPlugins
    from podberth.net.seen import DevicesOf, ObjectSought
    from podberth.net.suited import Suited


class Outside(Protocol):
    """`podberth.outside` is the real one."""

    def add(self, op: CallPlugins, netns: int) -> None:
        """Call ADD of a network's plugins, in order, and remember the result. `netns`: a descriptor of the pod's.

        Raises what the plugin that refused says.
        """
        ...

    def delete(self, op: CallPlugins, netns: int) -> None:
        """Call DEL of the plugins, in reverse order; `netns` is -1 if the namespace is gone. Raises as `add`."""
        ...

    def check(self, op: CallPlugins, netns: int) -> None:
        """Call CHECK of the plugins. Raises as `add`."""
        ...

    def collect(self, op: CallPlugins, valid: AbstractSet[tuple[str, str]]) -> None:
        """Have everything of the network gone but what is valid, pairs of (container ID, ifname).

        All interfaces of the same containers are valid too.
        """
        ...

    def status(self, network: NetworkList, path: tuple[str, ...]) -> None:
        """Call STATUS of the network's plugins. Raises what keeps one from serving an ADD."""
        ...

    def answered(self, op: CallPlugins) -> Result:
        """Return the result of an ADD. KernelRefused if it is not remembered."""
        ...

    def shed(self, op: CallPlugins) -> None:
        """Remember the result without default routes but those by the op's gateways, so that CHECK expects no other."""
        ...

    def remembered(self, op: AdoptCalls) -> tuple[CallPlugins, ...]:
        """Return the calls that Multus has made for a pod, in order; () if it has remembered none."""
        ...

    def forget(self, op: AdoptCalls) -> None:
        """Take away what Multus has remembered of a pod."""
        ...

    def networks(self, path: str) -> tuple[NetworkList, ...]:
        """Return the networks of a folder, or of the file at the path; () if there are none that can be read."""
        ...

    def chain(self, path: str) -> tuple[PluginConf, ...]:
        """Return the plugins of a folder's files; () if there is no folder. InvalidConfig names a file at fault."""
        ...

    def devices(self, sought: DevicesOf) -> tuple[tuple[str, str], ...]:
        """Return what the kubelet has given to a pod: resource and device. TryAgainLater if that can't be known."""
        ...

    def suiting(self, op: CallPlugins, among: tuple[str, ...]) -> Suited:
        """Return which of the devices the network's plugins would take, as the pod is declared. Raises as `add`."""
        ...

    def device_infos(self, op: CallPlugins) -> tuple[Mapping[str, object], ...]:
        """Return what is known of the network's devices from files, of each that can be read."""
        ...

    def object(self, sought: ObjectSought) -> Mapping[str, object] | None:
        """Return an object of an API server, None if there is none. TryAgainLater if it can't be asked."""
        ...
