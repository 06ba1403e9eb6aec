"""An OCI image of nothing but a static busybox, for sandboxes and containers: made here, pulled from nowhere."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "podberth.invalid/busybox:1"
APPLETS = ("ping", "sleep", "wget", "httpd", "sh", "cat", "ip")
_OCI = "application/vnd.oci.image"


def write(busybox: Path, to: Path) -> None:
    """Write the image as a tar of the OCI layout (image-spec, image-layout.md); `busybox` needs no library."""
    layer = _tar({"bin/busybox": busybox.read_bytes()}, {f"bin/{applet}": "busybox" for applet in APPLETS})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/sleep", "infinity"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    blobs: dict[str, bytes] = {}
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.manifest.v1+json",
        "config": _keep(blobs, f"{_OCI}.config.v1+json", _json(config)),
        "layers": [_keep(blobs, f"{_OCI}.layer.v1.tar", layer)],
    }
    named = {
        **_keep(blobs, f"{_OCI}.manifest.v1+json", _json(manifest)),
        "annotations": {"io.containerd.image.name": NAME},
    }
    blobs["index.json"] = _json({"schemaVersion": 2, "manifests": [named]})
    blobs["oci-layout"] = _json({"imageLayoutVersion": "1.0.0"})
    to.write_bytes(_tar(blobs, {}))


def _keep(blobs: dict[str, bytes], media_type: str, content: bytes) -> dict[str, object]:
    """Put a blob where the layout has it; return its descriptor."""
    digest = _digest(content)
    blobs[f"blobs/sha256/{digest.removeprefix('sha256:')}"] = content
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


def _tar(files: dict[str, bytes], symlinks: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
        for name, target in symlinks.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return made.getvalue()
