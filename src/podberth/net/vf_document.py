"""A selector of virtual functions in the form that network configurations and PodNetworks share. No I/O."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.fields import shown
from podberth.net.vf import Selector, indices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from podberth.cni.fields import Fields

    T = TypeVar("T")

_MOST = 64  # values of one property


def parse_selector(fields: Fields, key: str = "vf") -> Selector | None:
    """Read the selector under `key`, None if there is none; every property is one value or a list of them."""
    child = fields.child(key)
    if child is None:
        return None
    child.only(("pf", "address", "vendor", "device", "driver", "numa", "label"))
    return Selector(
        pfs=_some(child, "pf", _pf),
        addresses=_some(child, "address", _pattern),
        vendors=_some(child, "vendor", _pci_id),
        devices=_some(child, "device", _pci_id),
        drivers=_some(child, "driver", parsers.identifier),
        numa=_some(child, "numa", parsers.integer(0, 4095)),
        labels=_some(child, "label", parsers.identifier),
    )


def selector_document(selector: Selector) -> dict[str, object]:
    """Return the document's form; `parse_selector` reads the same value back."""
    said: dict[str, tuple[object, ...]] = {
        "pf": selector.pfs,
        "address": selector.addresses,
        "vendor": selector.vendors,
        "device": selector.devices,
        "driver": selector.drivers,
        "numa": selector.numa,
        "label": selector.labels,
    }
    return {key: wanted[0] if len(wanted) == 1 else list(wanted) for key, wanted in said.items() if wanted}


def _some(fields: Fields, key: str, parse: Callable[[object], T]) -> tuple[T, ...]:
    if isinstance(fields.raw.get(key), list):
        return fields.each(key, parse, most=_MOST)
    found = fields.optional(key, parse)
    return () if found is None else (found,)


def _pf(raw: object) -> str:
    name, hash_sign, those = raw.partition("#") if isinstance(raw, str) else (raw, "", "")
    found = parsers.ifname(name)
    if hash_sign:
        indices(those)
    return found + hash_sign + those


def _pattern(raw: object) -> str:
    found = raw.lower() if isinstance(raw, str) else ""
    if not found or len(found) > 64 or not set(found) <= set("0123456789abcdef:.*?[]-"):
        raise ValueError(f"expected a PCI address or a pattern of them as '0000:03:*', got {shown(raw)}")
    return found


def _pci_id(raw: object) -> str:
    found = raw.lower().removeprefix("0x") if isinstance(raw, str) else ""
    if len(found) != 4 or not set(found) <= set("0123456789abcdef"):
        raise ValueError(f"expected a PCI ID of four hexadecimal digits as '8086' (in quotes), got {shown(raw)}")
    return found
