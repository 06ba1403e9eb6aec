"""A kubelet whose calls of podberth's plugin are made by processes forked off this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.netns.kubelet import Answer, Kubelet, kubelet

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Mapping
    from pathlib import Path

    from tests.netns.kubelet import Pod


class WarmKubelet(Kubelet):
    """One node; `plugin` is not asked: podberth's own serves."""

    def call(
        self,
        verb: str,
        pod: Pod,
        *,
        plugin: str = "podberth",
        netns: str | None = None,
        ifname: str = "eth0",
        tripwire: str | None = None,
        env: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> Answer:
        """Make a call and wait for its answer; its effects are named in stderr, and `tripwire` may stop it."""
        assert plugin == "podberth", plugin
        return super().call(verb, pod, netns=netns, ifname=ifname, tripwire=tripwire or "", env=env, **changes)

    def podberth(self, *argv: str) -> str:
        """Run the command line on this node's store."""
        return self.podberth_by_fork(*argv)


def warm_kubelet(state: Path, documents: str) -> contextlib.AbstractContextManager[Kubelet]:
    """Make a node with these documents in force; every namespace is gone at the end."""
    return kubelet(state, documents, kind=WarmKubelet)
