"""An IPAMClaim (multi-net-spec 1.3, section 8) as a plugin is told of it: by the key `ipamClaim` of its configuration.

A meta plugin writes the key for the pod that refers to the claim. No annotation of a pod reaches it.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.fields import Fields
    from podberth.cni.parsers import Address

KEY = "ipamClaim"
SHOWN, SHOWN_AS = "podberth.io/shows", "reservation"  # label of a claim that shows what is reserved for a pod's name
MAX_NAME, MAX_UID = 200, 40  # characters: with both a ledger writes an owner's name, which has 253 in every store
MOST = 2  # addresses of a claim: one of each IP version


@value
class IpamClaim:
    """A claim of the pod's namespace. `ips`: what it says that it has, or asks for, before the ledger has an answer.

    `standby`: the pod is the target of a live migration, and another has the address until its guest runs here.
    """

    name: str
    uid: str
    ips: tuple[Address, ...] = ()
    standby: bool = False

    @property
    def form(self) -> dict[str, object]:
        """What `parse` reads as the same."""
        said: dict[str, object] = {"name": self.name, "uid": self.uid, "ips": [str(ip) for ip in self.ips]}
        return {**said, "standby": True} if self.standby else said


def parse(fields: Fields) -> IpamClaim | None:
    """Return the claim that a configuration names, if it does. The document's error names the field at fault."""
    said = fields.child(KEY)
    if said is None:
        return None
    ips = said.each("ips", parsers.ip_address, most=MOST)
    if len({ip.version for ip in ips}) < len(ips):
        raise said.fail("ips", "expected one address of each IP version")
    return IpamClaim(
        name=said.required("name", name),
        uid=said.required("uid", uid),
        ips=ips,
        standby=said.get("standby", parsers.boolean, False),
    )


def name(raw: object) -> str:
    """Return the name of a claim; ValueError if it is none that a ledger has room for."""
    found = parsers.name(raw)
    if len(found) > MAX_NAME:
        raise ValueError(f"expected a claim's name of at most {MAX_NAME} characters, got {len(found)}")
    return found


def uid(raw: object) -> str:
    """Return the UID of a claim; ValueError if it is none."""
    found = parsers.identifier(raw)
    if len(found) > MAX_UID or "/" in found or ":" in found:
        raise ValueError(f"expected a UID of at most {MAX_UID} letters, digits and dashes, got {found!r:.60}")
    return found
