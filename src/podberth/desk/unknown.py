"""The error of a question about what does not exist."""

from __future__ import annotations

from typing import ClassVar

from podberth.cni.errors import CniError


class NotFound(CniError):
    """Code 110, exit code 3: what the question names does not exist."""

    code: ClassVar[int] = 110
