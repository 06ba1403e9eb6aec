"""The released versions of the CNI specification, and what each of them knows."""

from __future__ import annotations

from podberth.cni.errors import IncompatibleVersion
from podberth.cni.fields import shown

SUPPORTED = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")  # oldest first
LATEST = SUPPORTED[-1]
UNDECLARED = "0.1.0"  # what a configuration without cniVersion speaks: the key came with 0.2.0
_SINCE = {"CHECK": "0.4.0", "GC": "1.1.0", "STATUS": "1.1.0"}  # verbs that not every version has


def check(version: str, what: str = "cniVersion") -> str:
    """Return the version, or raise IncompatibleVersion; "" is a configuration that names none. `what` is its path."""
    if version == "":
        return UNDECLARED
    if version not in SUPPORTED:
        raise IncompatibleVersion(
            f"{what}: {shown(version)} is not a supported version of the CNI specification",
            f"supported: {', '.join(SUPPORTED)}",
        )
    return version


def at_least(version: str, other: str) -> bool:
    """Say whether `version` is `other` or newer; both are of `SUPPORTED`."""
    return SUPPORTED.index(version) >= SUPPORTED.index(other)


def require_verb(verb: str, version: str) -> None:
    """Raise IncompatibleVersion if the version of a configuration does not know the verb."""
    since = _SINCE.get(verb, UNDECLARED)
    if not at_least(version, since):
        raise IncompatibleVersion(
            f"cniVersion: {verb} came with {since}, the configuration is of {version}",
            f'write "cniVersion": "{since}" or a later one',
        )


def reply(asked: str) -> dict[str, object]:
    """Return the answer to VERSION (SPEC.md section 5, "VERSION Success"); `asked` is echoed, "" was not said."""
    return {"cniVersion": asked or LATEST, "supportedVersions": list(SUPPORTED)}
