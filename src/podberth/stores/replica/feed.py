"""A thread that keeps a replica up to date, in a process that stays."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError
from podberth.stores.replica.shared import Outdated

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.stores.replica.settler import Settler

_PAUSE = 0.2  # seconds, at most, before the store is looked for again; each later pause may be twice as long
_LONGEST = 10.0  # seconds


class Feed:
    """`told` is given what went wrong, once each time the cluster's store goes away."""

    def __init__(self, settler: Settler, told: Callable[[str], None]) -> None:
        self._away = "nothing was heard from it yet"
        self._settler = settler
        self._told = told
        self._stop = threading.Event()
        self._following = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    @property
    def away(self) -> str:
        """Why the cluster's store can't be followed just now; '' while it is."""
        return self._away or self._settler.cluster.trouble()

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End, whatever is being waited for."""
        self._stop.set()
        self._settler.cluster.interrupt()
        self._thread.join()

    def ready(self, seconds: float) -> bool:
        """Wait until the replica has been up to date once, at most for so long; say whether it has."""
        return self._following.wait(seconds)

    def _run(self) -> None:
        failed = 0
        while not self._stop.is_set():
            try:
                self._follow()
                failed = 0
            except CniError as failure:
                if not self._away or not failed:
                    self._told(failure.message)
                self._away = failure.message
                failed += 1
                self._stop.wait(random.uniform(0, min(_PAUSE * 2**failed, _LONGEST)))  # noqa: S311 - jitter

    def _follow(self) -> None:
        self._settler.catch_up()
        self._away = ""
        self._following.set()
        try:
            self._settler.cluster.follow(self._settler.replica.position, self._settler.take, self._stop.is_set)
        except Outdated:
            self._settler.load()
