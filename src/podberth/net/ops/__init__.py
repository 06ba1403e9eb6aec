"""The closed union of what podberth does to a node's network: plans are tuples of these, nothing else has effects.

A module is a family: its values, and how each reads as the `ip`, `bridge`, `tc`, `nft` or `sysctl` command it stands
for. The effects of a family are in the module of the same name in `podberth.linux.effects`.

`netns` is the path of a network namespace, None the node's own. Every op is complete in itself: what it needs to know
is in it, what it replaced is in its `Step`. A family's MAKERS make the link that has the pod's name for it. MACs are
lower-case, colon-separated.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from podberth.net.ops import (
        addressing,
        adopting,
        attributes,
        bonds,
        bridges,
        calling,
        filtering,
        functions,
        links,
        masquerading,
        moving,
        parents,
        ports,
        senders,
        shaping,
        sourcing,
        spoofing,
        sriov_cni,
        stacked,
        standby,
        sysctls,
        taps,
        vrfs,
        wire,
    )
    from podberth.net.ops.addressing import *
    from podberth.net.ops.adopting import *
    from podberth.net.ops.attributes import *
    from podberth.net.ops.bonds import *
    from podberth.net.ops.bridges import *
    from podberth.net.ops.calling import *
    from podberth.net.ops.filtering import *
    from podberth.net.ops.functions import *
    from podberth.net.ops.links import *
    from podberth.net.ops.masquerading import *
    from podberth.net.ops.moving import *
    from podberth.net.ops.parents import *
    from podberth.net.ops.parts import Address as Address
    from podberth.net.ops.parts import Interface as Interface
    from podberth.net.ops.parts import Network as Network
    from podberth.net.ops.ports import *
    from podberth.net.ops.senders import *
    from podberth.net.ops.shaping import *
    from podberth.net.ops.sourcing import *
    from podberth.net.ops.spoofing import *
    from podberth.net.ops.sriov_cni import *
    from podberth.net.ops.stacked import *
    from podberth.net.ops.standby import *
    from podberth.net.ops.sysctls import *
    from podberth.net.ops.taps import *
    from podberth.net.ops.vrfs import *
    from podberth.net.ops.wire import *

    Op: TypeAlias = (
        addressing.Op
        | adopting.Op
        | attributes.Op
        | bonds.Op
        | bridges.Op
        | calling.Op
        | filtering.Op
        | functions.Op
        | links.Op
        | masquerading.Op
        | moving.Op
        | parents.Op
        | ports.Op
        | senders.Op
        | shaping.Op
        | sourcing.Op
        | spoofing.Op
        | sriov_cni.Op
        | stacked.Op
        | standby.Op
        | sysctls.Op
        | taps.Op
        | vrfs.Op
        | wire.Op
    )

# Looked through in this order: first what most plans are made of. A family is loaded when something of it is asked for.
FAMILIES = (
    *("links", "attributes", "addressing", "wire", "bridges", "sysctls", "functions", "moving", "stacked"),
    *("masquerading", "shaping", "filtering", "ports", "sourcing", "spoofing", "taps", "vrfs", "adopting"),
    *("calling", "sriov_cni", "standby", "bonds", "senders", "parents"),
)


def __getattr__(name: str) -> object:
    """Return the value class, or the function, that a family has under that name. AttributeError if none has."""
    for family in FAMILIES:
        module = f"{__name__}.{family}"
        __import__(module)
        if name in sys.modules[module].__all__:
            globals()[name] = found = getattr(sys.modules[module], name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def describe(op: Op) -> str:
    """Return the op as a command line, with `-n NETNS` where it acts in a pod's namespace."""
    line: str = sys.modules[type(op).__module__].describe(op)
    return line


def made(op: Op) -> tuple[str, str]:
    """Return the namespace and the name of the link that an op makes in a pod; empty if it makes none there."""
    makers: tuple[type, ...] = getattr(sys.modules[type(op).__module__], "MAKERS", ())
    return (op.netns, op.ifname) if isinstance(op, makers) else ("", "")  # type: ignore[union-attr, return-value]


def device(op: Op) -> str | None:
    """Return the PCI address of the virtual function that the op is about, if it is about one: nobody else's now."""
    found: str | None = _asked("device", op)
    return found


def vlan_device(op: Op) -> str | None:
    """Return the name of the VLAN's device that the op's link stands on, if there is one."""
    found: str | None = _asked("vlan_device", op)
    return found


def _asked(question: str, op: Op) -> Any:
    """Return what the op's family answers; None if it has no such answer."""
    answer = getattr(sys.modules[type(op).__module__], question, None)
    return answer(op) if answer is not None else None


def family(kind: type[Op]) -> str:
    """Return the name of an op's family."""
    return kind.__module__.rpartition(".")[2]
