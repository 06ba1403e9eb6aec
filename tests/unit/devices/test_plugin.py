"""A device plugin on a node whose kubelet is not where it is looked for."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.devices.plugin import Plugin
from podberth.devices.service import Devices, Options
from podberth.process.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_without_a_kubelet_is_told_with_the_option_that_names_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = Options(file=tmp_path / "devices.yaml", root=str(tmp_path))
    supplier = Devices(options, lambda: iter(()), Journal(to=StringIO()))
    plugin = Plugin(tmp_path / "device-plugins", "bank.example/storage", supplier)
    with pytest.raises(TryAgainLater, match=r"device-plugins: --kubelet names the folder"):
        plugin.serve()
    assert capfd.readouterr().err == ""
