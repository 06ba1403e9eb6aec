"""What a runtime remembers of its attachments, in libcni's own files: each side's DEL takes the other's.

`CACHE/results/NETWORK-CONTAINER-IFNAME`, folder 0700, file 0600. Names may hold hyphens, so a file's name can mean
several attachments: what is inside counts. Files are written aside and renamed; libcni writes them in place.
"""

from __future__ import annotations

import binascii
import json
import os

from podberth.cni import strictjson
from podberth.cni.errors import CniError, StoreFailed
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.runtime.conf import RuntimeConf

KIND = "cniCacheV1"
DEFAULT = "/var/lib/cni"
_MOST = 16 << 20  # bytes of one file


@value
class Cached:
    """One attachment as cached. `config` is the network list's bytes at ADD, `result` the last plugin's, if readable.

    `args` and `capability_args` are those of the ADD. A file of an older libcni has the result alone.
    """

    network: str
    container_id: str
    ifname: str
    netns: str = ""
    config: bytes = b""
    args: tuple[tuple[str, str], ...] = ()
    capability_args: tuple[tuple[str, object], ...] = ()
    result: tuple[tuple[str, object], ...] | None = None


class Cache:
    """The attachments below one directory."""

    def __init__(self, directory: str = DEFAULT) -> None:
        self._folder = os.path.join(directory, "results")

    def put(self, network: str, conf: RuntimeConf, config: bytes, result: dict[str, object]) -> None:
        """Remember an attachment. StoreFailed if it can't be written."""
        body = {
            "kind": KIND,
            "containerId": conf.container_id,
            "config": binascii.b2a_base64(config, newline=False).decode(),
            "ifName": conf.ifname,
            "networkName": network,
            "netns": conf.netns,
            "cniArgs": [list(pair) for pair in conf.args],
            "capabilityArgs": dict(conf.capability_args),
            "result": result,
        }
        kept = {key: member for key, member in body.items() if member not in ("", [], {})}
        path = self._path(network, conf.container_id, conf.ifname)
        aside = os.path.join(os.path.dirname(self._folder), f".{os.path.basename(path)}.{os.getpid()}.new")
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                with os.fdopen(descriptor, "w") as file:
                    json.dump(kept, file)
                os.rename(aside, path)
            except BaseException:
                os.unlink(aside)
                raise
        except OSError as failure:
            raise StoreFailed(f"{path}: {failure.strerror}", "the cache directory has to be writable") from failure

    def get(self, network: str, container_id: str, ifname: str) -> Cached | None:
        """Return what is remembered of the attachment; None if nothing is, or the file is another's or damaged."""
        found = _read(self._path(network, container_id, ifname))
        return found if found is not None and _is_of(found, network, container_id, ifname) else None

    def drop(self, network: str, container_id: str, ifname: str) -> None:
        """Forget the attachment; nothing happens if there is none. StoreFailed if its file can't be deleted."""
        path = self._path(network, container_id, ifname)
        found = _read(path)
        if found is not None and not _is_of(found, network, container_id, ifname):
            return
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as failure:
            raise StoreFailed(f"{path}: {failure.strerror}", "the cache directory has to be writable") from failure

    def all(self, network: str | None = None) -> Iterator[Cached]:
        """Yield every attachment that can be read, or those of one network, in order of file name."""
        try:
            names = sorted(os.listdir(self._folder))
        except OSError:
            return
        for name in names:
            found = _read(os.path.join(self._folder, name))
            if found is not None and found.network and network in (None, found.network):
                yield found

    def _path(self, network: str, container_id: str, ifname: str) -> str:
        names = network + container_id + ifname
        if not (network and container_id and ifname) or "/" in names or not names.isprintable():
            raise StoreFailed(
                f"no cache file can be named for {network!r}, {container_id!r}, {ifname!r}",
                "none of the three may be empty, or have a slash or a control character in it",
            )
        return os.path.join(self._folder, f"{network}-{container_id}-{ifname}")


def _is_of(found: Cached, network: str, container_id: str, ifname: str) -> bool:
    """Say whether a file is of the attachment; one of an older libcni does not say, its name has to do."""
    return not found.network or (found.network, found.container_id, found.ifname) == (network, container_id, ifname)


def _read(path: str) -> Cached | None:
    try:
        with open(path, "rb") as file:
            document = strictjson.loads(file.read(_MOST + 1), path, most=_MOST)
    except (OSError, CniError):
        return None
    if not isinstance(document, dict):
        return None
    if document.get("kind") != KIND:
        return Cached(network="", container_id="", ifname="", result=tuple(document.items()))
    result, capabilities = document.get("result"), document.get("capabilityArgs")
    try:
        return Cached(
            network=str(document.get("networkName", "")),
            container_id=str(document.get("containerId", "")),
            ifname=str(document.get("ifName", "")),
            netns=str(document.get("netns", "")),
            config=binascii.a2b_base64(str(document.get("config") or ""), strict_mode=True),
            args=tuple((str(key), str(text)) for key, text in document.get("cniArgs") or ()),
            capability_args=tuple(capabilities.items()) if isinstance(capabilities, dict) else (),
            result=tuple(result.items()) if isinstance(result, dict) else None,
        )
    except (TypeError, ValueError):
        return None
