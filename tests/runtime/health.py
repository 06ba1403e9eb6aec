"""What kubelet makes of a DRA driver's health stream (pkg/kubelet/cm/dra: HandleWatchResourcesStream, healthinfo.go).

What that takes in silence and gets wrong later, this refuses: a device that is there twice, a health that is none, a
message that would be cut.
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc

from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS = {1: "Healthy", 2: "Unhealthy"}
_LONGEST = 1024  # characters of a message
_AGAIN = 5.0  # seconds between the end of a stream and the next
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class Watching:
    """One driver's health: a thread that hears it, and what is known of it. `begin` opens a stream."""

    def __init__(self, begin: Callable[[], Any]) -> None:
        self._begin = begin
        self._stream: Any = None
        self._guard = threading.Lock()
        self._known: dict[tuple[str, str], tuple[str, str, float]] = {}
        self._ended = threading.Event()
        self.faults: list[str] = []
        self.heard = 0  # answers
        self.streams = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def of(self, pool: str, device: str) -> tuple[str, str]:
        """Return a device's health and message, as `allocatedResourcesStatus` would have them."""
        with self._guard:
            health, message, until = self._known.get((pool, device), ("Unknown", "", 0.0))
        return (health, message) if time.monotonic() <= until else ("Unknown", "")

    def devices(self) -> list[str]:
        """Return the names of all devices that are known."""
        with self._guard:
            return sorted(device for _, device in self._known)

    def close(self) -> None:
        """Hear no more."""
        self._ended.set()
        if self._stream is not None:
            self._stream.cancel()
        self._thread.join(PATIENCE)
        assert not self.faults

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._stream = self._begin()
                self.streams += 1
                for answer in self._stream:
                    self._take(answer)
            except grpc.RpcError as ended:
                if ended.code() not in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE):
                    self.faults.append(f"the stream ends with {ended.code()}: {ended.details()}")
            except AssertionError as fault:
                self.faults.append(str(fault))
            with self._guard:
                self._known.clear()  # clearDriver
            self._ended.wait(_AGAIN)

    def _take(self, answer: Any) -> None:
        now = time.monotonic()
        keys = [(each.device.pool_name, each.device.device_name) for each in answer.devices]
        assert len(set(keys)) == len(keys), "a device is there twice"
        for each in answer.devices:
            assert each.device.pool_name, "a device without a pool"
            assert _LABEL.fullmatch(each.device.device_name), f"{each.device.device_name} is no device's name"
            assert each.health in _WORDS, f"{each.health} is no health"
            assert each.last_updated_time > 0, "nobody says when that was"
            assert each.health_check_timeout_seconds > 0, "no time is said, or a negative one"
            assert len(each.message) <= _LONGEST, "a message is cut"
            assert bool(each.message) == (each.health == 2), "a healthy device has a message, or a sick one has none"
        with self._guard:
            for key, each in zip(keys, answer.devices, strict=True):
                self._known[key] = (_WORDS[each.health], each.message, now + each.health_check_timeout_seconds)
        self.heard += 1
