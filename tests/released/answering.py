"""One DEL as an agent serves it, in a process that is killed as soon as the DEL is answered and before it is ended."""

from __future__ import annotations

import os
import signal
import sys

from podberth.cni.value import replace
from podberth.entry import handle, open_node


def main() -> None:
    """Serve the call of the environment and stdin."""
    handle(
        os.environ,
        sys.stdin.buffer.read(),
        connect=lambda directory: replace(open_node(directory), later=lambda _: os.kill(os.getpid(), signal.SIGKILL)),
    )


if __name__ == "__main__":
    main()
