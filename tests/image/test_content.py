"""The image as it was built: what is in it and what is not, and how it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import podberth

if TYPE_CHECKING:
    from tests.image.building import Image
    from tests.image.daemon import Daemon

ENVIRONMENT = "/opt/podberth"


def test_the_image_starts_the_command_line_with_its_own_environment_first(image: Image) -> None:
    config = image.config["config"]
    assert config["Entrypoint"] == [f"{ENVIRONMENT}/bin/podberth"]
    assert config["Cmd"] == ["--help"]
    assert dict(each.split("=", 1) for each in config["Env"])["PATH"].startswith(f"{ENVIRONMENT}/bin:")


def test_the_image_without_arguments_shows_the_help(daemon: Daemon) -> None:
    shown = daemon.exec(f"{ENVIRONMENT}/bin/podberth", "--help")
    assert shown.startswith("Usage: podberth [OPTIONS] COMMAND")


def test_the_image_says_the_version_that_was_built(daemon: Daemon) -> None:
    assert daemon.exec("podberth", "--version") == f"podberth {podberth.__version__}\n"


def test_neither_a_compiler_nor_pip_nor_a_tool_of_the_tests_is_in_the_image(daemon: Daemon) -> None:
    script = "for name in gcc cc musl-gcc pip pip3 uv hatchling pytest mypy ruff; do command -v $name; done; true"
    assert daemon.exec("sh", "-c", script) == ""
    script = "import importlib.util as u; print([n for n in ('pip', 'pytest', 'hatchling') if u.find_spec(n)])"
    assert daemon.exec(f"{ENVIRONMENT}/bin/python", "-c", script) == "[]\n"


def test_every_module_of_podberth_has_its_bytecode_in_the_image(daemon: Daemon) -> None:
    script = (
        "import importlib.util as u, pathlib, podberth\n"
        "files = list(pathlib.Path(podberth.__path__[0]).rglob('*.py'))\n"
        "assert len(files) > 200, files\n"
        "print([str(f) for f in files if not pathlib.Path(u.cache_from_source(str(f))).exists()])"
    )
    assert daemon.exec(f"{ENVIRONMENT}/bin/python", "-c", script) == "[]\n"


def test_the_licence_is_in_the_image(daemon: Daemon) -> None:
    script = f"cat {ENVIRONMENT}/lib/python3*/site-packages/podberth-*.dist-info/licenses/LICENSE"
    assert "Apache License" in daemon.exec("sh", "-c", script)


def test_openssl_for_the_webhooks_certificate_is_in_the_image(daemon: Daemon) -> None:
    assert daemon.exec("openssl", "version").startswith("OpenSSL 3")
