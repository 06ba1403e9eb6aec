"""AddressReservation: an address for one pod's name, as an object of its own. From its raw form to a value; pure.

It says what `podberth reserve` does by hand. Whether the address is anybody's already is the ledger's to say.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.pod import NAME, NAMESPACE, PodRef
from podberth.cni.value import value
from podberth.ipam.lease import Keeping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.ops import Address


@value
class AddressReservation:
    """One object; `name` is the object's, which means nothing else."""

    name: str
    address: Address
    pool: str
    pod: PodRef
    ifname: str

    def __str__(self) -> str:
        return f"AddressReservation {self.name}"


def parse_reservation(raw: object, where: str) -> AddressReservation:
    """Read one object. InvalidConfig begins with `where` and the field's path."""
    try:
        return _parsed(Fields(raw))
    except InvalidConfig as wrong:
        raise InvalidConfig(f"{where}: {wrong.message}", wrong.details) from None


def keeping(wanted: AddressReservation) -> Keeping:
    """Return what is to be reserved."""
    return Keeping(address=wanted.address, pool=wanted.pool, pod=wanted.pod, ifname=wanted.ifname, only=True)


def _parsed(fields: Fields) -> AddressReservation:
    metadata, spec = fields.child("metadata"), fields.child("spec")
    if metadata is None or spec is None:
        raise fields.fail("spec" if metadata else "metadata", "required field is missing")
    spec.only(("address", "pool", "pod", "ifname"))
    pod = spec.child("pod")
    if pod is None:
        raise spec.fail("pod", "required field is missing")
    pod.only(("namespace", "name"))
    return AddressReservation(
        name=metadata.required("name", parsers.name),
        address=spec.required("address", parsers.ip_address),
        pool=spec.required("pool", parsers.name),
        pod=PodRef(namespace=pod.required("namespace", NAMESPACE), name=pod.required("name", NAME)),
        ifname=spec.get("ifname", parsers.ifname, "eth0"),
    )
