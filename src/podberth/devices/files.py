"""Files about devices: for CNI plugins and pods (device-info-spec 1.1), for runtimes (CDI), and the configuration."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig
from podberth.devices.answer import cdi_spec, info
from podberth.devices.configuration import Configuration, read
from podberth.networks.device_info import SUFFIX, dp_file
from podberth.policy.yamlfiles import load
from podberth.process.whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podberth.devices.resource import Resource
    from podberth.net.vf import Vf

CDI = "/var/run/cdi"
_MODE = 0o644


def configuration(path: Path, prefix: str) -> Configuration:
    """Read the file of resources, YAML or JSON. InvalidConfig if nothing of it can be read."""
    try:
        with path.open("rb") as file:
            documents = load(file, path.name)
    except OSError as failure:
        raise InvalidConfig(f"{path}: {failure.strerror or failure}", "it names the resources") from failure
    if len(documents) != 1:
        raise InvalidConfig(f"{path}: expected one document, got {len(documents)}", "write all resources into one")
    return read(documents[0].raw, prefix)


def about(resource: Resource, functions: Iterable[Vf], folder: str) -> None:
    """Have a file about each function of the resource be there, and none about others. Raises OSError."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    wanted = {dp_file(resource.name, vf.address, folder): info(vf).encode() for vf in functions}
    prefix = f"{resource.name.replace('/', '-')}-"
    for old in Path(folder).glob(f"*{SUFFIX}"):
        between = old.name.removeprefix(prefix).removesuffix(SUFFIX)
        if (
            old.name.startswith(prefix) and str(old) not in wanted and _is_address(between)
        ):  # not of another whose name begins like this one's
            old.unlink(missing_ok=True)
    for path, content in wanted.items():
        _put(path, content)


def _is_address(text: str) -> bool:
    try:
        return parsers.pci_address(text) == text
    except ValueError:
        return False


def by_cdi(resource: Resource, functions: Iterable[Vf], nodes: Mapping[str, tuple[str, ...]], folder: str) -> None:
    """Have the file be there that says what the resource's names by CDI stand for. Raises OSError."""
    path = Path(folder) / f"podberth-{hashlib.sha256(resource.name.encode()).hexdigest()[:16]}.json"
    spec = cdi_spec(resource, functions, nodes) if resource.cdi else ""
    if spec:
        path.parent.mkdir(parents=True, exist_ok=True)
        _put(str(path), spec.encode())
    else:
        path.unlink(missing_ok=True)


def _put(path: str, content: bytes) -> None:
    try:
        if Path(path).read_bytes() == content:
            return
    except OSError:
        pass
    write_whole(path, content, _MODE)
