"""The releases of containerd that the tests drive: where the programs of each are, and how it is configured."""

from __future__ import annotations

from dataclasses import dataclass

from tests.programs import current

# restrict_oom_score_adj: where CAP_SYS_RESOURCE is missing, no sandbox would start. There is no AppArmor to rely on.
_VERSION_2 = """\
version = 2
root = "{root}/root"
state = "{root}/run"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "{root}/containerd.sock"
[ttrpc]
address = "{root}/containerd.ttrpc.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{root}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{image}"
disable_apparmor = true
restrict_oom_score_adj = true
disable_tcp_service = true
stream_server_address = "127.0.0.1"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{root}/bin"
conf_dir = "{root}/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"""
# By default NRI drops a plugin that takes two seconds for a call, or five to say who it is: a busy machine's does.
_VERSION_3 = """\
version = 3
root = "{root}/root"
state = "{root}/run"
oom_score = 0
disabled_plugins = ["io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "{root}/containerd.sock"
[ttrpc]
address = "{root}/containerd.ttrpc.sock"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "{snapshotter}"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{image}"
[plugins."io.containerd.cri.v1.runtime"]
disable_apparmor = true
restrict_oom_score_adj = true
enable_cdi = true
cdi_spec_dirs = ["{root}/cdi"]
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{root}/bin"]
conf_dir = "{root}/net.d"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri"]
disable_tcp_service = true
stream_server_address = "127.0.0.1"
[plugins."io.containerd.nri.v1.nri"]
disable = false
socket_path = "{root}/nri.sock"
plugin_path = "{root}/nri"
plugin_config_path = "{root}/nri"
plugin_registration_timeout = "60s"
plugin_request_timeout = "10s"
"""


@dataclass(frozen=True)
class Release:
    """One release: the folder of its programs, '' for those of PATH, and its configuration, to be formatted.

    `cni_version` is the newest of the specification that it speaks.
    """

    programs: str
    configuration: str
    cni_version: str

    @property
    def ctr(self) -> str:
        """Its own client."""
        return f"{self.programs}/ctr" if self.programs else "ctr"

    def path(self, inherited: str) -> str:
        """Return a PATH with its programs first."""
        return f"{self.programs}:{inherited}" if self.programs else inherited


def debian_12() -> Release:
    """Return Debian 12's containerd 1.6, which calls neither STATUS nor GC."""
    return Release(programs="", configuration=_VERSION_2, cni_version="1.0.0")


def newest() -> Release:
    """Return containerd 2.1, which has STATUS called whenever it is asked how it is."""
    return Release(programs=str(current("containerd") / "usr/bin"), configuration=_VERSION_3, cni_version="1.1.0")
