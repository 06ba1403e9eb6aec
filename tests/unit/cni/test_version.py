"""Released versions, the verbs each has, and the answer to VERSION."""

from __future__ import annotations

import pytest

from podberth.cni import version
from podberth.cni.errors import IncompatibleVersion
from podberth.cni.reply import version_json
from tests.unit.cni.examples import example

KNOWN_SINCE = {"ADD": 0, "DEL": 0, "VERSION": 0, "CHECK": 4, "GC": 6, "STATUS": 6}  # indices into the versions


def test_the_reply_is_the_specifications() -> None:
    assert version.reply("1.1.0") == example("spec-version-reply")
    older = example("spec-version-reply-1.0.0")
    assert version.reply("1.0.0")["cniVersion"] == older["cniVersion"]
    assert older["supportedVersions"] == list(version.SUPPORTED[:-1])


def test_a_probe_that_names_no_version_gets_the_latest() -> None:
    assert version_json("").startswith('{"cniVersion":"1.1.0","supportedVersions":["0.1.0",')


@pytest.mark.parametrize("spoken", version.SUPPORTED)
def test_every_released_version_is_spoken(spoken: str) -> None:
    assert version.check(spoken) == spoken
    assert version.at_least(spoken, "0.1.0")
    assert version.at_least("1.1.0", spoken)


def test_no_version_is_the_first() -> None:
    assert version.check("") == "0.1.0"


@pytest.mark.parametrize(
    "odd", ["0.5.0", "1.2.0", "2.0.0", "1.1", "v1.0.0", "1.1.0 ", "1.1.0-rc1", "01.1.0", "x" * 9999]
)
def test_an_unknown_version_is_code_1_and_comes_with_those_supported(odd: str) -> None:
    with pytest.raises(IncompatibleVersion, match=r"^cniVersion: '.* is not a supported version") as raised:
        version.check(odd)
    assert raised.value.code == 1
    assert raised.value.details == "supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"
    assert len(raised.value.message) < 200


@pytest.mark.parametrize("verb", KNOWN_SINCE)
@pytest.mark.parametrize("spoken", version.SUPPORTED)
def test_a_verb_is_known_from_its_version_on(verb: str, spoken: str) -> None:
    if version.SUPPORTED.index(spoken) >= KNOWN_SINCE[verb]:
        version.require_verb(verb, spoken)
        return
    with pytest.raises(
        IncompatibleVersion, match=f"^cniVersion: {verb} came with .*, the configuration is of {spoken}$"
    ):
        version.require_verb(verb, spoken)
