"""The files by which a build reaches the indexes: they say what this machine says, and name no folder of it."""

from __future__ import annotations

import configparser
import tomllib
from typing import TYPE_CHECKING

from tests.image import building, surroundings

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "https://index.invalid/simple"


def test_pips_index_and_authorities_go_along_and_folders_of_this_machine_do_not() -> None:
    settings = {"index-url": INDEX, "find-links": "/opt/wheels", "extra-index-url": f"file:///opt/a {INDEX}/b"}
    parser = configparser.ConfigParser()
    parser.read_string(surroundings.pip_conf(settings, "/etc/authorities.crt"))
    assert dict(parser["global"]) == {
        "cert": "/etc/authorities.crt",
        "index-url": INDEX,
        "extra-index-url": f"{INDEX}/b",
    }


def test_uvs_own_file_wins_over_its_variables(tmp_path: Path) -> None:
    file = tmp_path / "uv.toml"
    file.write_text(f'index-url = "{INDEX}"\n[pip]\nno-build = true\n')
    environment = {"UV_CONFIG_FILE": str(file), "UV_INDEX_URL": "https://other.invalid", "UV_EXTRA_INDEX_URL": "x y"}
    assert tomllib.loads(surroundings.uv_toml(environment, trusts_the_system=True)) == {
        "native-tls": True,
        "extra-index-url": ["x", "y"],
        "index-url": INDEX,
        "pip": {"no-build": True},
    }


def test_the_containerfile_builds_on_one_image_alone() -> None:
    assert building.base_name().startswith("debian:12")
