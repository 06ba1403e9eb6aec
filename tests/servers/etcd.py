"""A real etcd (Debian's etcd-server) on loopback: one member, on ports and with data that outlive a kill."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.servers.asking import fetched
from tests.servers.child import DIES_WITH_US, SELDOM_COLLECTING, freeze
from tests.servers.ports import free_ports
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from types import TracebackType

    from tests.servers.certificates import Certificates

# In memory where that can be had: every write is synced.
_SHM = Path("/dev/shm")
# What it says of a user, a role or a lock that is there since the try before, whose answer did not come.
DONE = ("already exists", "user name is empty")


class EtcdServer:
    """A context in which one etcd runs; the data are gone after it.

    With `certificates` it wants those of clients. `also` is one more address and port to listen on.
    """

    def __init__(self, certificates: Certificates | None = None, also: tuple[str, int] | None = None) -> None:
        found = shutil.which("etcd")
        if found is None:
            raise FileNotFoundError("etcd is not installed: run tools/packages.sh test")
        self._program = found
        self._certificates = certificates
        self._also = also
        self._folder = Path(tempfile.mkdtemp(prefix="podberth-etcd-", dir=_SHM if _SHM.is_dir() else None))
        self.port, self._peers, self._health = free_ports(3)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens for clients."""
        return f"http{'s' if self._certificates else ''}://127.0.0.1:{self.port}"

    @property
    def url6(self) -> str:
        """Where it listens for clients too, over IPv6."""
        return self.url.replace("127.0.0.1", "[::1]")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it, on the data it had; return when it serves."""
        peers = f"http://127.0.0.1:{self._peers}"
        scheme = self.url.partition(":")[0]
        also = [f"{scheme}://{self._also[0]}:{self._also[1]}"] if self._also else []
        options = {
            "data-dir": self._folder / "data",
            "listen-client-urls": ",".join([self.url, self.url6, *also]),
            "advertise-client-urls": self.url,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
            "listen-metrics-urls": f"http://127.0.0.1:{self._health}",
            "heartbeat-interval": 10,  # ms: alone, it need not wait for others
            "election-timeout": 100,
            "bcrypt-cost": 4,  # a hash is made while nothing else is applied, and a request has five seconds
        }
        if self._certificates is not None:
            options |= {
                "cert-file": self._certificates.server.cert,
                "key-file": self._certificates.server.key,
                "trusted-ca-file": self._certificates.ca.cert,
                "client-cert-auth": "true",
            }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*DIES_WITH_US, self._program, *(f"--{name}={setting}" for name, setting in options.items())],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=SELDOM_COLLECTING,
            )
        self._await_health()

    def kill(self) -> None:
        """SIGKILL it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it: it takes connections, and says nothing until `thaw`."""
        assert self._process is not None
        freeze(self._process.pid)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """SIGKILL it, and start it on the same ports and data."""
        self.kill()
        self.start()

    def save(self) -> None:
        """Keep a copy of its data, as a snapshot of its disk is; it goes on after."""
        self.kill()
        shutil.rmtree(self._folder / "saved", ignore_errors=True)
        shutil.copytree(self._folder / "data", self._folder / "saved")
        self.start()

    def put_back(self) -> None:
        """Have it go on with the copy of its data."""
        self.kill()
        shutil.rmtree(self._folder / "data")
        shutil.copytree(self._folder / "saved", self._folder / "data")
        self.start()

    def snapshot(self) -> Path:
        """Save it with its own tool, while it serves; return the file."""
        file = self._folder / "snapshot.db"
        self._etcdctl("--endpoints", self.url, "snapshot", "save", str(file))
        return file

    def restore(self, file: Path) -> None:
        """Have it go on with a snapshot, put back by its own tool: a member of a cluster with another identity."""
        self.kill()
        shutil.rmtree(self._folder / "data")
        peers = f"http://127.0.0.1:{self._peers}"
        about = ("--name=default", f"--initial-cluster=default={peers}", f"--initial-advertise-peer-urls={peers}")
        token = f"--initial-cluster-token=restored-{secrets.token_hex(4)}"
        self._etcdctl("snapshot", "restore", str(file), f"--data-dir={self._folder / 'data'}", *about, token)
        self.start()

    def _etcdctl(self, *arguments: str) -> None:
        found = shutil.which("etcdctl")
        if found is None:
            raise FileNotFoundError("etcdctl is not installed: run tools/packages.sh test")
        command = [found, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE, env={"ETCDCTL_API": "3"}
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"

    def enable_auth(self, user: str, password: str, prefix: bytes) -> None:
        """Have it ask for passwords: `root`'s is "root", `user` may read and write below `prefix` only."""
        begin, end = prefix, prefix[:-1] + bytes((prefix[-1] + 1,))
        permission = {"permType": "READWRITE", "key": _base64(begin), "range_end": _base64(end)}
        self.post("auth/role/add", name="root")
        self.post("auth/role/add", name=user)
        self.post("auth/role/grant", name=user, perm=permission)
        for name, secret in (("root", "root"), (user, password)):
            self.post("auth/user/add", name=name, password=secret)
            self.post("auth/user/grant", user=name, role=name)
        self.post("auth/enable")

    def post(self, path: str, **body: object) -> None:
        """Ask it by its JSON gateway, for what the client under test does not do (etcd: dev-guide/api_grpc_gateway)."""
        fetched(f"{self.url}/v3/{path}", json.dumps(body).encode(), DONE)

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _await_health(self) -> None:
        assert self._process is not None
        process = self._process

        def serves() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"etcd has ended:\n{self._log.read_text()[-2000:]}")
            return self._healthy()

        until(serves, lambda: f"etcd does not serve:\n{self._log.read_text()[-2000:]}")

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._health}/health", timeout=5) as answer:
                return bool(json.load(answer) == {"health": "true"})
        except (OSError, urllib.error.URLError):
            return False


def _base64(of: bytes) -> str:
    return base64.b64encode(of).decode()
