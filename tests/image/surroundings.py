"""How a build inside a container reaches the package indexes as this machine does: files to be mounted into it.

No index or mirror is named here: everything comes from apt's, pip's and uv's own configuration.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.checkout import ROOT

BASE = ROOT / "tools" / "debian_base.sh"
# Where update-ca-certificates(8) looks for authorities that are not Debian's.
AUTHORITIES = "/usr/local/share/ca-certificates/build-host.crt"
PIP = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout", "retries")


def volumes(folder: Path) -> list[str]:
    """Write the files into the folder; return the options of `buildah bud` that mount them."""
    pip = pip_settings()
    bundle = pip.get("cert") or os.environ.get("SSL_CERT_FILE", "")
    files = {
        "/etc/apt/sources.list": _output(str(BASE), "sources"),
        "/etc/apt/apt.conf.d/99build-host": _output(str(BASE), "settings"),
        "/etc/pip.conf": pip_conf(pip, AUTHORITIES if bundle else ""),
        "/etc/uv/uv.toml": uv_toml(dict(os.environ), trusts_the_system=bool(bundle)),
    }
    mounts = {AUTHORITIES: Path(bundle)} if bundle else {}
    for inside, text in files.items():
        outside = folder / Path(inside).name
        outside.touch(mode=0o600)  # an index's address may have a password
        outside.write_text(text)
        mounts[inside] = outside
    return [f"--volume={outside}:{inside}:ro" for inside, outside in mounts.items()]


def pip_settings() -> dict[str, str]:
    """Return what pip is configured with, whichever file or variable says it; a variable wins, as with pip."""
    lines = _output(sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list").splitlines()
    rows = [line.partition("=") for line in lines]
    ordered = sorted(rows, key=lambda row: row[0].startswith(":env:"))
    return {name.rpartition(".")[2]: str(ast.literal_eval(value)) for name, _, value in ordered}


def pip_conf(settings: dict[str, str], authorities: str) -> str:
    """Return a pip.conf of the settings that tell the way; a folder of this machine is none for a container."""
    lines = ["[global]", *([f"cert = {authorities}"] if authorities else [])]
    for key in PIP:
        words = [word for word in settings.get(key, "").split() if not word.startswith(("/", "file:"))]
        if words:
            lines.append(f"{key} = {' '.join(words)}")
    return "\n".join(lines) + "\n"


def uv_toml(environment: dict[str, str], *, trusts_the_system: bool) -> str:
    """Return uv's configuration: the machine's own file, or what its variables say."""
    home = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '')}/.config"
    own = (environment.get("UV_CONFIG_FILE", ""), f"{home}/uv/uv.toml", "/etc/uv/uv.toml")
    text = next((Path(path).read_text() for path in own if path and Path(path).is_file()), "")
    settings: dict[str, object] = {}
    if trusts_the_system:
        settings["native-tls"] = True
    if index := environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL"):
        settings["index-url"] = index
    if more := environment.get("UV_EXTRA_INDEX_URL"):
        settings["extra-index-url"] = more.split()
    known = tomllib.loads(text)
    # A value of JSON is one of TOML too; keys of the top come before the file's tables.
    added = [f"{key} = {json.dumps(value)}" for key, value in settings.items() if key not in known]
    return "\n".join([*added, text])


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
