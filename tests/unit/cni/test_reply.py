"""What goes to stdout: an error with its class's code, a result, the versions."""

from __future__ import annotations

import json

import pytest

from podberth.cni import errors
from podberth.cni.reply import error_json
from tests.unit.cni.examples import example

# SPEC.md 1.1.0, section 5, "Error"; 8 and 999 are Go skel's; 100 and above are podberth's own.
CODES = {
    errors.CniError: 999,
    errors.IncompatibleVersion: 1,
    errors.UnsupportedField: 2,
    errors.UnknownContainer: 3,
    errors.InvalidEnvironment: 4,
    errors.IOFailure: 5,
    errors.DecodingFailure: 6,
    errors.InvalidConfig: 7,
    errors.InvalidNetns: 8,
    errors.TryAgainLater: 11,
    errors.NotAvailable: 50,
    errors.LimitedConnectivity: 51,
    errors.PoolExhausted: 100,
    errors.AddressTaken: 101,
    errors.Refused: 102,
    errors.KernelRefused: 103,
    errors.StoreFailed: 104,
    errors.Drifted: 105,
    errors.NoFreeDevice: 106,
}


def test_an_error_reads_as_the_specifications_example() -> None:
    error = errors.InvalidConfig("Invalid Configuration", "Network 192.168.0.0/31 too small to allocate from.")
    assert json.loads(error_json(error, "1.1.0")) == example("spec-error")


@pytest.mark.parametrize("kind", CODES)
def test_a_class_owns_its_code(kind: type[errors.CniError]) -> None:
    assert json.loads(error_json(kind("why"), "0.4.0")) == {"cniVersion": "0.4.0", "code": CODES[kind], "msg": "why"}


def test_every_class_has_a_code_of_its_own_but_a_kind_of_another_that_has_the_others() -> None:
    every = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    kinds = {errors.Unfit: errors.TryAgainLater, errors.DiskFull: errors.Unfit}
    assert every == set(CODES) | set(kinds)
    assert len(set(CODES.values())) == len(CODES)
    for kind, of in kinds.items():
        assert (kind.__base__, kind.code) == (of, of.code)


def test_an_error_is_one_line_of_ascii_whatever_it_quotes() -> None:
    text = error_json(errors.InvalidConfig("a\nb \udcff ä"), "1.1.0")
    assert text.isascii()
    assert text.isprintable()
