"""What a plugin is called for, and where its configuration keeps podberth's keys: the little that a DEL has to know."""

from __future__ import annotations

from enum import StrEnum

from podberth.cni import parsers
from podberth.cni.keys import TEXT, Key
from podberth.net.addresses import Addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.fields import Fields
    from podberth.cni.netconf import NetConf
    from podberth.verbs.node import Plugin

LEDGER = "podberth"  # the type under which the ledger gives addresses
NETWORKS = "networks"  # below a state directory, the store of meta plugins' calls
STATE_DIR = Key(
    name="stateDir", kind=TEXT, read=parsers.absolute_path, default="/var/lib/podberth",
    what="The folder of the node's store.",
)  # fmt: skip


class Role(StrEnum):
    """What a call is for. GIVE: another plugin makes the interface, and wants addresses only (SPEC.md section 4)."""

    MAKE = "make"
    GIVE = "give"


def role_of(conf: NetConf, plugin: Plugin) -> Role:
    """Return what a plugin is called for: a configuration of another type wants addresses of the one that `ipam` names.

    InvalidConfig if that is another plugin too: then the call is for none of them.
    """
    if conf.type in plugin.TYPES:
        return Role.MAKE
    if conf.ipam is None:
        raise conf.fields.fail("ipam", f"required in a network of type {conf.type!r}, which is not podberth's to make")
    named = conf.ipam.get("type", parsers.text, "")
    if named not in plugin.TYPES:
        raise conf.ipam.fail("type", f"expected {plugin.TYPES[0]!r}, which was called, got {named!r}")
    return Role.GIVE


def delegated(conf: NetConf, plugin: Plugin) -> str:
    """Return the type of the IPAM plugin that gives the addresses; '' if that is podberth's own ledger."""
    if conf.ipam is None or plugin.ADDRESSES is not Addresses.IPAM:
        return ""
    named = conf.ipam.get("type", parsers.text, "")
    return "" if named == LEDGER else named


def own_fields(conf: NetConf, role: Role) -> Fields:
    """Return where podberth's keys about addresses stand: in `ipam` if that is podberth's, else beside it."""
    ipam = conf.ipam
    inside = ipam is not None and (role is Role.GIVE or (conf.type != LEDGER and ipam.raw.get("type") == LEDGER))
    return ipam if inside and ipam is not None else conf.fields


def state_dir(fields: Fields) -> str:
    """Return the directory of the node's store."""
    found: str = STATE_DIR.of(fields)
    return found
