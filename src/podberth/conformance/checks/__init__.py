"""The checks, one module for each verb or theme; `all_checks` has them in order."""

from __future__ import annotations

from podberth.conformance.checks import adding, checking, collecting, deleting, many, refusing, results, status, version

__all__ = ["all_checks"]

_SUITES = (version, adding, results, refusing, deleting, checking, collecting, status, many)

all_checks = tuple(check for module in _SUITES for check in module.SUITE.checks)
