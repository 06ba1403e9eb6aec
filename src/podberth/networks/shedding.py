"""A network's result without the default routes that another network of the pod has, as its CHECK is to expect it."""

from __future__ import annotations

from podberth.cni.result import EVERYTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_SECTIONS = {"ip4": 4, "ip6": 6}  # where versions before 0.3.0 have their routes


def shed(result: Mapping[str, object], versions: Collection[int], gateways: Sequence[str]) -> dict[str, object]:
    """Return the result, as JSON has it, with no default routes of these IP versions but those by the gateways.

    What else a plugin says in it stays.
    """
    shown = dict(result)
    sections = [key for key in _SECTIONS if isinstance(shown.get(key), dict)]
    for key in sections:
        named = [gateway for gateway in gateways if (":" in gateway) == (_SECTIONS[key] == 6)]
        section: dict[str, object] = dict(shown[key])  # type: ignore[call-overload]
        shown[key] = _routed(section, versions, named)
    return shown if sections else _routed(shown, versions, gateways)


def _routed(document: dict[str, object], versions: Collection[int], gateways: Sequence[str]) -> dict[str, object]:
    gone = {str(EVERYTHING[version]) for version in versions}
    listed = document.get("routes")
    every = listed if isinstance(listed, list) else []
    kept = [route for route in every if not (isinstance(route, dict) and route.get("dst") in gone)]
    kept += [{"dst": str(EVERYTHING[6 if ":" in gateway else 4]), "gw": gateway} for gateway in gateways]
    rest = {key: said for key, said in document.items() if key != "routes"}
    return {**rest, "routes": kept} if kept else rest
