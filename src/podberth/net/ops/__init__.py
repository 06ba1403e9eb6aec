"""The closed union of what podberth does to a node's network: plans are tuples of these, nothing else has effects.

A module is a family: its values, and how each reads as the `ip`, `bridge`, `tc`, `nft` or `sysctl` command it stands
for. The effects of a family are in the module of the same name in `podberth.linux.effects`.

`netns` is the path of a network namespace, None the node's own. Every op is complete in itself: what it needs to know
is in it, what it replaced is in its `Step`. MACs are lower-case, colon-separated.
"""

from __future__ import annotations

import sys

from podberth.net.ops.addressing import *
from podberth.net.ops.bridges import *
from podberth.net.ops.functions import *
from podberth.net.ops.links import *
from podberth.net.ops.masquerading import *
from podberth.net.ops.shaping import *
from podberth.net.ops.stacked import *
from podberth.net.ops.sysctls import *
from podberth.net.ops.wire import *

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.net.ops import addressing, bridges, functions, links, masquerading, shaping, stacked, sysctls, wire
    from podberth.net.ops.parts import Address as Address
    from podberth.net.ops.parts import Interface as Interface
    from podberth.net.ops.parts import Network as Network

    Op: TypeAlias = (
        addressing.Op
        | bridges.Op
        | functions.Op
        | links.Op
        | masquerading.Op
        | shaping.Op
        | stacked.Op
        | sysctls.Op
        | wire.Op
    )


def describe(op: Op) -> str:
    """Return the op as a command line, with `-n NETNS` where it acts in a pod's namespace."""
    line: str = sys.modules[type(op).__module__].describe(op)
    return line


def family(kind: type[Op]) -> str:
    """Return the name of an op's family."""
    return kind.__module__.rpartition(".")[2]
