"""A plugin's configuration as it arrives on stdin (SPEC.md section 1, and section 3 "Deriving request configuration").

Only the keys of the protocol and its conventions are read here; a plugin reads its own from `fields`. The document
itself stays beside the typed view, so that a delegate gets exactly what came in.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni import version as versions
from podberth.cni.errors import CniError
from podberth.cni.fields import shown
from podberth.cni.result import Dns, Result
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from podberth.cni.fields import Fields
    from podberth.cni.parsers import Address

    T = TypeVar("T")

ANNOTATIONS = "io.kubernetes.cri.pod-annotations"  # capability of containerd and CRI-O
VALID_ATTACHMENTS = ("cni.dev/valid-attachments", "cni.dev/attachments")  # the second is libcni's older spelling
MAX_ATTACHMENTS = 65536


@value
class RuntimeConfig:
    """Capability arguments: `ips` and `mac` are the runtime's wishes, `annotations` the pod's; `raw` has them all."""

    ips: tuple[Address, ...] = ()
    mac: str | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    raw: Mapping[str, object] | None = None

    def annotation(self, name: str) -> str | None:
        """Return the pod's annotation of that name."""
        return dict(self.annotations).get(name)

    @classmethod
    def parse(cls, fields: Fields) -> RuntimeConfig:
        """Read a `runtimeConfig` object."""
        return cls(
            ips=fields.each("ips", parsers.ip_request, most=64),
            mac=fields.optional("mac", parsers.mac),
            annotations=fields.pairs(ANNOTATIONS, _any_string, _any_string),
            raw=fields.raw,
        )


@value
class NetConf:
    """One plugin's configuration.

    `args_ips` is `args.cni.ips`; `valid_attachments` None means that GC was given no list, () that none is valid.
    `fields` is the whole document, for the plugin's own keys; `ipam` the object under `ipam`. Both are read as a
    program in Go writes them (`GoFields`).
    """

    cni_version: str
    name: str
    type: str
    fields: Fields
    ipam: Fields | None = None
    dns: Dns | None = None
    args_ips: tuple[Address, ...] = ()
    runtime_config: RuntimeConfig = RuntimeConfig()
    capabilities: tuple[str, ...] = ()
    prev_result: Result | None = None
    valid_attachments: tuple[tuple[str, str], ...] | None = None

    @property
    def raw(self) -> Mapping[str, object]:
        """The document as it arrived."""
        return self.fields.raw

    @classmethod
    def parse(cls, fields: Fields, *, forgiving: bool = False) -> NetConf:
        """Read a configuration; IncompatibleVersion for its version, the document's error for all else.

        `forgiving`: only what identifies the network has to be right, the rest counts as absent where it is malformed.
        That is for DEL: what ADD refused has left nothing behind, and its DEL must not fail for ever after.
        """

        def read(reader: Callable[[Fields], T], default: T) -> T:
            try:
                return reader(fields)
            except CniError:
                if not forgiving:
                    raise
                return default

        fields = fields.from_go()
        version = read_version(fields)
        return cls(
            cni_version=version,
            name=fields.required("name", parsers.identifier),
            type=fields.required("type", plugin_type),
            fields=fields,
            ipam=read(_ipam, None),
            dns=read(_dns, None),
            args_ips=read(_args_ips, ()),
            runtime_config=read(_runtime_config, RuntimeConfig()),
            capabilities=read(_capabilities, ()),
            prev_result=read(lambda f: _prev_result(f, version), None),
            valid_attachments=_valid_attachments(fields),
        )


def read_version(fields: Fields) -> str:
    """Return the version that a configuration speaks; 0.1.0 if it does not say."""
    return versions.check(fields.get("cniVersion", parsers.string(min=0), ""))


def plugin_type(raw: object) -> str:
    """Return a plugin's type, which is an executable's file name: no slash or backslash (SPEC.md section 1)."""
    found = parsers.string(max=255)(raw)
    if found in (".", "..") or "/" in found or "\\" in found:
        raise ValueError(f"expected the name of an executable, got {shown(found)}")
    return found


def _ipam(fields: Fields) -> Fields | None:
    child = fields.child("ipam")
    if child is None:
        return None
    child.optional("type", plugin_type)
    return child


def _dns(fields: Fields) -> Dns | None:
    child = fields.child("dns")
    return Dns.parse(child) if child is not None else None


def _args_ips(fields: Fields) -> tuple[Address, ...]:
    args = fields.child("args")
    cni = args.child("cni") if args is not None else None
    return cni.each("ips", parsers.ip_request, most=64) if cni is not None else ()


def _runtime_config(fields: Fields) -> RuntimeConfig:
    child = fields.child("runtimeConfig")
    return RuntimeConfig.parse(child) if child is not None else RuntimeConfig()


def _capabilities(fields: Fields) -> tuple[str, ...]:
    return tuple(name for name, wanted in fields.pairs("capabilities", _any_string, parsers.boolean) if wanted)


def _prev_result(fields: Fields, version: str) -> Result | None:
    child = fields.child("prevResult")
    return Result.parse(child, version) if child is not None else None


def _valid_attachments(fields: Fields) -> tuple[tuple[str, str], ...] | None:
    """Read GC's list, under one name or both; null is how libcni writes an empty one (a nil slice of Go).

    Never forgiving: an entry that is lost here would be taken for an attachment that is gone. A null says nothing
    beside a list, and of two lists that differ nobody knows which one is meant.
    """
    there = [key for key in VALID_ATTACHMENTS if key in fields.raw]
    if not there:
        return None
    lists = {key: _attachments(fields, key) for key in there if fields.raw[key] is not None}
    if len({frozenset(members) for members in lists.values()}) > 1:
        newer, older = there
        raise fields.fail(older, f"is another list than {newer}: which attachments are valid is not known")
    return next(iter(lists.values()), ())


def _attachments(fields: Fields, key: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (member.required("containerID", parsers.identifier), member.required("ifname", parsers.ifname))
        for member in fields.children(key, most=MAX_ATTACHMENTS)
    )


def _any_string(raw: object) -> str:
    """Return a string as it is: annotations may hold anything, newlines included."""
    if isinstance(raw, str):
        return raw
    raise ValueError(f"expected a string, got {shown(raw)}")
