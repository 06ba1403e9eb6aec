"""Thick Multus' two files as one configuration: the runtime's, of type multus-shim, and its daemon's. Pure.

The daemon writes the runtime's file, without the keys that it alone needs, and puts its own keys before those that come
from the shim (multus-cni 4.3, pkg/server). It asks the API server as its pod: podberth has a kubeconfig for that.
"""

from __future__ import annotations

from podberth.cni import parsers, strictjson
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.keys import TEXT, Key
from podberth.networks import settings
from podberth.networks.spelling import spelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIG = Key(
    name="daemonConfig", kind=TEXT, read=parsers.absolute_path, default="/etc/cni/net.d/multus.d/daemon-config.json",
    what="The file of thick Multus' daemon, if the node has it: its keys stand before those here.",
)  # fmt: skip
ROOT = "/host/"  # where the daemon's container has folders of the node (multus-cni, multus-daemonset-thick.yml)
_PATHS = (
    settings.CLUSTER, settings.CONF_DIR, settings.CNI_DIR, settings.BIN_DIR, settings.KUBECONFIG, settings.READINESS,
)  # fmt: skip
_NAMES = tuple(key.name for key in settings.KEYS)


def completed(fields: Fields, lines: Iterable[str] | None) -> Fields:
    """Return the runtime's configuration with the daemon's keys, and paths as the node has them.

    `lines` are those of the daemon's file, None if there is none. DecodingFailure or InvalidConfig names that file.
    """
    path = CONFIG.of(fields)
    document = Fields(strictjson.loads("\n".join(lines).encode(), path) if lines is not None else {}, path)
    said = spelled(document.from_go(), _NAMES)
    for key in settings.KEYS:
        key.of(said)  # what is wrong with it is told with the name of its file
    whole = {
        **spelled(fields, _NAMES).raw,
        **{name: said.raw[name] for name in _NAMES if said.raw.get(name) not in (None, "")},
    }
    for key in _PATHS:
        if key.name in whole:
            whole[key.name] = _on_the_node(whole[key.name])
    names = whole.get(settings.DEFAULTS.name)
    if isinstance(names, list):
        whole[settings.DEFAULTS.name] = [_on_the_node(each) for each in names]
    return type(fields)(whole, fields.path, fields.error)


def require_kubeconfig(fields: Fields) -> None:
    """Refuse a configuration that names no API server: annotated pods would start with one network. InvalidConfig."""
    if not settings.KUBECONFIG.of(fields.from_go()):
        raise InvalidConfig(
            f"kubeconfig: neither the network {fields.raw.get('name')} nor {CONFIG.of(fields)} names one",
            "Multus' daemon asks as its own pod; write the path of a kubeconfig for podberth into that file",
        )


def _on_the_node(path: object) -> object:
    return path.removeprefix(ROOT[:-1]) if isinstance(path, str) and path.startswith(ROOT) else path
