"""What is read of files that a kubeconfig names: PEM with any comments, a token as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed
from podberth.kube.credentials import Source

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "# Autorité\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_a_comment_beside_a_certificate_may_be_in_any_language(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text(TEXT, encoding="utf-8")
    assert (
        Source(path=str(file), what="certificate-authority", pem=True).read().endswith(TEXT.split("\n", 1)[1].strip())
    )


def test_a_token_that_is_no_ascii_is_none(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("tok\u00e9n", encoding="utf-8")
    with pytest.raises(StoreFailed, match="tokenFile"):
        Source(path=str(file), what="tokenFile").read()
