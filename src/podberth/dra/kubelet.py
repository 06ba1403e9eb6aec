"""The two sockets that kubelet asks: by one it finds the driver, by the other it has claims prepared, and hears of the
devices' health. gRPC.

kubelet watches the folder of the first (pkg/kubelet/pluginmanager): a driver that starts again makes it anew, and is
registered anew. A loop makes each socket anew that somebody has taken away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from podberth.dra.driver import DRIVER
from podberth.dra.messages import (
    HEALTH,
    REGISTRATION,
    SERVICES,
    Given,
    claims_of,
    plugin_info,
    prepared,
    registered,
    unprepared,
)
from podberth.process.errand import Errands
from podberth.process.loop import Loop, report
from podberth.process.reason import Reason, reason
from podberth.protobuf.wire import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from podberth.dra.cdi import Fence
    from podberth.dra.driver import Driver
    from podberth.dra.messages import Asked
    from podberth.dra.watch import Watch

AT_A_TIME = 32  # calls; kubelet makes one for each pod that starts or ends
PERIOD = 5.0  # seconds between two looks at the sockets
_NEW = ".new"  # of a socket before it is served: kubelet passes over names that begin so (pluginwatcher)
_VERSIONS = "does kubelet serve DRA, in a version that docs/dra.md names? its log says more"
GRACE = 45.0  # seconds of a call at most: kubelet waits no longer


class Kubelet:
    """Serves kubelet in its folder, /var/lib/kubelet on most nodes.

    `taken` is called when a kubelet takes the driver, `failed` is told which claims can't be served.
    """

    def __init__(
        self,
        folder: Path,
        driver: Driver,
        fence: Fence,
        watch: Watch,
        taken: Callable[[], None],
        failed: Callable[[Reason], object],
    ) -> None:
        self._driver, self._fence, self._watch = driver, fence, watch
        self._taken, self._failed = taken, failed
        self._plugin = folder / "plugins" / DRIVER / "dra.sock"
        self._registry = folder / "plugins_registry" / f"{DRIVER}-reg.sock"
        self._servers: dict[Path, tuple[Any, str]] = {}  # by socket, with what tells it from others at its path
        self._loop = Loop("kubelet-sockets", self._turn, failed)

    def start(self) -> None:
        """Begin to serve, as soon as the folder lets the sockets be made."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """End: kubelet finds no driver from now on; what is under way has so long."""
        self._loop.end(seconds)
        for path in (self._registry, self._plugin):
            if path in self._servers and self._servers[path][1] == _identity(path):
                path.unlink(missing_ok=True)
        self._watch.end()
        for server, _ in self._servers.values():
            server.stop(seconds).wait()
        self._servers.clear()

    def _turn(self) -> float:
        """Have both sockets be there: whoever empties kubelet's folder takes them away, and nobody finds the driver."""
        serving = {"NodePrepareResources": _unary(self._prepare), "NodeUnprepareResources": _unary(self._unprepare)}
        watching = {"NodeWatchResources": grpc.unary_stream_rpc_method_handler(self._health)}
        finding = {"GetInfo": _unary(self._info), "NotifyRegistrationStatus": _unary(self._status)}
        self._serve(self._plugin, {**dict.fromkeys(SERVICES, serving), **dict.fromkeys(HEALTH, watching)})
        self._serve(self._registry, {REGISTRATION: finding})
        return PERIOD

    def _serve(self, path: Path, services: Mapping[str, Mapping[str, Any]]) -> None:
        """Serve at the path, unless that is so. OSError or RuntimeError if the socket can't be made."""
        before = self._servers.get(path)
        if before is not None and before[1] == _identity(path):
            return
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        new = path.with_name(_NEW)
        new.unlink(missing_ok=True)
        server = grpc.server(Errands(), maximum_concurrent_rpcs=AT_A_TIME)
        for service, methods in services.items():
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
        # A server of gRPC removes, when it ends, what is at the path that it was given: by then that may be another's.
        server.add_insecure_port(f"unix:{new}")
        server.start()
        new.chmod(0o600)
        new.rename(path)
        self._servers[path] = server, _identity(path)
        if before is not None:
            before[0].stop(GRACE)  # what is under way there ends there

    def _health(self, body: bytes, context: Any) -> Iterator[bytes]:
        del body
        context.add_callback(self._watch.gone)
        return self._watch.stream(context.is_active)

    def _info(self, body: bytes) -> bytes:
        del body
        return plugin_info(DRIVER, str(self._plugin))

    def _status(self, body: bytes) -> bytes:
        why = registered(body)
        if why:
            report(self._failed, Reason(f"kubelet does not take the driver {DRIVER}: {why}", _VERSIONS))
        else:
            self._taken()
        return b""

    def _prepare(self, body: bytes) -> bytes:
        return prepared({each.uid: self._prepared(each) for each in claims_of(body)})

    def _prepared(self, claim: Asked) -> list[Given] | str:
        try:
            found = self._driver.prepare(claim.namespace, claim.name, claim.uid)
        except Exception as failure:  # noqa: BLE001 - every claim of a request has an answer
            return self._told(claim, failure)
        named = zip(found.interfaces, self._fence.names(found), strict=True)
        return [Given(request=each.request, pool=each.pool, device=each.device, names=(name,)) for each, name in named]

    def _unprepare(self, body: bytes) -> bytes:
        return unprepared({each.uid: self._unprepared(each) for each in claims_of(body)})

    def _unprepared(self, claim: Asked) -> str:
        try:
            self._driver.unprepare(claim.uid)
        except Exception as failure:  # noqa: BLE001 - every claim of a request has an answer
            return self._told(claim, failure)
        return ""

    def _told(self, claim: Asked, failure: Exception) -> str:
        """Return what kubelet puts into the pod's events."""
        why = reason(failure)
        report(self._failed, why.within(f"resource claim {claim.namespace}/{claim.name}"))
        return why.whole


def _unary(serve: Callable[[bytes], bytes]) -> Any:
    def answer(body: bytes, context: Any) -> bytes:
        try:
            return serve(body)
        except Malformed as wrong:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(wrong))
            raise

    return grpc.unary_unary_rpc_method_handler(answer)


def _identity(path: Path) -> str:
    """Return what tells a socket from others at its path; '' if there is none."""
    try:
        at = path.lstat()
    except OSError:
        return ""
    return f"{at.st_dev}:{at.st_ino}"
