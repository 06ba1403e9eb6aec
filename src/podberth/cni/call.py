"""What a runtime asks of a plugin: the environment and stdin, read once (SPEC.md section 2)."""

from __future__ import annotations

from enum import StrEnum

from podberth.cni import parsers, strictjson
from podberth.cni import version as versions
from podberth.cni.args import Args, pairs
from podberth.cni.errors import CniError, InvalidConfig, InvalidEnvironment
from podberth.cni.fields import Fields, shown
from podberth.cni.netconf import NetConf, read_version
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from podberth.cni.parsers import Address
    from podberth.cni.pod import Attachment
    from podberth.cni.result import Result

    T = TypeVar("T")

MAX_SEARCH_PATH = 65536
_last: tuple[bytes, NetConf] | None = None  # stdin of the last ADD, and what it says


class Verb(StrEnum):
    """CNI_COMMAND."""

    ADD = "ADD"
    DEL = "DEL"
    CHECK = "CHECK"
    GC = "GC"
    STATUS = "STATUS"
    VERSION = "VERSION"


_OF_ATTACHMENT = (Verb.ADD, Verb.DEL, Verb.CHECK)
# Go's skel demands CNI_PATH too; the specification calls it optional, and a plugin does not have to be stricter.
_REQUIRED: dict[Verb, tuple[str, ...]] = {
    Verb.ADD: ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
    Verb.DEL: ("CNI_CONTAINERID", "CNI_IFNAME"),
    Verb.CHECK: ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
}


@value
class VersionProbe:
    """A VERSION request; `version` is what the caller says it speaks, or "". `reply.version_json` answers."""

    version: str


@value
class Call:
    """Any other request: one call of a plugin, read and checked (SPEC.md section 2).

    GC and STATUS have no `container_id`, `netns`, `ifname` and `args`, and a DEL may have no `netns`: they are empty.
    `args` are CNI_ARGS, each key with its last value, as Go's plugins see them. `pod_args` are what podberth reads of
    them. `netns_override`: the target may be the plugin's own namespace.
    """

    verb: Verb
    conf: NetConf
    container_id: str = ""
    netns: str = ""
    ifname: str = ""
    args: tuple[tuple[str, str], ...] = ()
    pod_args: Args = Args()
    path: tuple[str, ...] = ()
    netns_override: bool = False

    @property
    def config(self) -> Mapping[str, object]:
        """The plugin's configuration as it arrived."""
        return self.conf.raw

    @property
    def name(self) -> str:
        """The network's name."""
        return self.conf.name

    @property
    def cni_version(self) -> str:
        """The version that the configuration speaks."""
        return self.conf.cni_version

    @property
    def runtime_config(self) -> Mapping[str, object] | None:
        """Capability arguments as they arrived; None if there are none."""
        return self.conf.runtime_config.raw

    @property
    def previous(self) -> Result | None:
        """The result of the plugins before in the chain."""
        return self.conf.prev_result

    @property
    def valid(self) -> tuple[tuple[str, str], ...]:
        """GC: pairs of (container ID, ifname) of what has to stay."""
        return self.conf.valid_attachments or ()

    @property
    def attachment(self) -> Attachment:
        """The attachment that ADD, DEL and CHECK are about."""
        from podberth.cni.pod import Attachment

        return Attachment(network=self.conf.name, container_id=self.container_id, ifname=self.ifname)

    @property
    def ips(self) -> tuple[Address, ...]:
        """The addresses the runtime wishes: runtimeConfig, else args.cni, else CNI_ARGS (CONVENTIONS.md)."""
        return self.conf.runtime_config.ips or self.conf.args_ips or self.pod_args.ips

    @property
    def mac(self) -> str | None:
        """The MAC the runtime wishes."""
        return self.conf.runtime_config.mac or self.pod_args.mac

    @property
    def device_id(self) -> str | None:
        """The PCI address that came with the call. InvalidConfig as `device_ids`, and for several."""
        found = self.device_ids
        if len(found) > 1:
            raise InvalidConfig(
                f"deviceID: names {len(found)} functions, {', '.join(found)}, for one interface",
                "a bond has several: set device to 'bond', or have one named",
            )
        return found[0] if found else None

    @property
    def device_ids(self) -> tuple[str, ...]:
        """The PCI addresses that came with the call: one, or with commas between them those of a bond's members.

        InvalidConfig if two places name different ones.
        """
        places = (
            ("runtimeConfig.deviceID", (self.runtime_config or {}).get("deviceID")),
            ("deviceID", self.conf.raw.get("deviceID")),
            ("CNI_ARGS: deviceID", self.pod_args.device_id),
        )
        named: list[tuple[str, tuple[str, ...]]] = []
        for where, raw in places:
            if raw not in (None, ""):
                try:
                    named.append((where, parsers.pci_addresses(raw)))
                except ValueError as wrong:
                    raise InvalidConfig(f"{where}: {wrong}", "the device plugin names the function there") from None
        different = {frozenset(addresses) for _, addresses in named}
        if len(different) > 1:
            raise InvalidConfig(
                "; ".join(f"{where} is {', '.join(addresses)}" for where, addresses in named),
                "whoever calls the plugin has to name the same everywhere",
            )
        return named[0][1] if named else ()

    @classmethod
    def parse(cls, env: Mapping[str, str], stdin: bytes, *, any_args: bool = False) -> Call | VersionProbe | None:
        """Read a request; None if there is no CNI_COMMAND, so that a person, not a runtime, has called.

        Raises InvalidEnvironment, DecodingFailure, InvalidConfig or IncompatibleVersion, before any effect. A DEL is
        refused only for what identifies its attachment: the rest counts as absent where it is malformed, since the
        ADD with the same fault was refused, and a DEL that fails for ever keeps the pod from going away.

        With `any_args` the keys of CNI_ARGS are for the plugin to know: `pod_args` are not read.
        """
        verb = _verb(env)
        if verb is None:
            return None
        if verb is Verb.VERSION:
            return VersionProbe(version=_probed(stdin))
        named = _variables(env, verb)
        forgiving = verb is Verb.DEL
        conf = _configuration(stdin, verb)

        def read(key: str, parser: Callable[[object], T], default: T) -> T:
            try:
                return named.get(key, parser, default)
            except CniError:
                if not forgiving:
                    raise
                return default

        if verb not in _OF_ATTACHMENT:
            return cls(verb=verb, conf=conf, path=read("CNI_PATH", _search_path, ()))
        return cls(
            verb=verb,
            conf=conf,
            container_id=named.required("CNI_CONTAINERID", parsers.identifier),
            netns=read("CNI_NETNS", parsers.absolute_path, ""),
            ifname=named.required("CNI_IFNAME", parsers.ifname),
            args=read("CNI_ARGS", lambda raw: tuple(pairs(str(raw)).items()), ()),
            pod_args=Args() if any_args else read("CNI_ARGS", lambda raw: Args.parse(str(raw)), Args()),
            path=read("CNI_PATH", _search_path, ()),
            netns_override=env.get("CNI_NETNS_OVERRIDE", "").upper() in ("1", "TRUE"),
        )


def spoken_version(stdin: bytes) -> str:
    """Return the version to put into an error about a request that could not be read; never raises."""
    try:
        return read_version(Fields(strictjson.loads(stdin, "stdin")))
    except CniError:
        return versions.LATEST


def _configuration(stdin: bytes, verb: Verb) -> NetConf:
    """Read the configuration. One that an ADD had last is not read again: most pods of a node have the same."""
    global _last  # noqa: PLW0603 - one value, replaced whole
    last = _last
    if last is not None and verb is Verb.ADD and last[0] == stdin:
        return last[1]
    fields = Fields(strictjson.loads(stdin, "stdin"), "", InvalidConfig)
    versions.require_verb(verb, read_version(fields))
    conf = NetConf.parse(fields, forgiving=verb is Verb.DEL)
    if verb is Verb.ADD:
        _last = stdin, conf
    return conf


def _verb(env: Mapping[str, str]) -> Verb | None:
    word = env.get("CNI_COMMAND", "")
    if not word:
        return None
    if word not in Verb.__members__:
        raise InvalidEnvironment(f"CNI_COMMAND: expected one of {', '.join(Verb)}, got {shown(word)}")
    return Verb(word)


def _variables(env: Mapping[str, str], verb: Verb) -> Fields:
    """Return the environment without empty variables, which count as unset; an error names all that are missing."""
    present = Fields({key: text for key, text in env.items() if text}, "", InvalidEnvironment)
    missing = [key for key in _REQUIRED.get(verb, ()) if key not in present.raw]
    if missing:
        raise InvalidEnvironment(f"{', '.join(missing)}: required for {verb}, but not set")
    return present


def _probed(stdin: bytes) -> str:
    """Return the version a VERSION request names; whatever stdin holds, VERSION is answered, as Go's plugins do."""
    try:
        said = Fields(strictjson.loads(stdin, "stdin")).get("cniVersion", parsers.string(max=32), "")
    except CniError:
        return ""
    return said if said.replace(".", "").isdecimal() and said.isascii() else ""


def _search_path(raw: object) -> tuple[str, ...]:
    found = parsers.text(raw)
    if len(found) > MAX_SEARCH_PATH:
        raise ValueError(f"expected at most {MAX_SEARCH_PATH} characters, got {len(found)}")
    return tuple(part for part in found.split(":") if part)
