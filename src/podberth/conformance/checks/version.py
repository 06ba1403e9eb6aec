"""VERSION: what a plugin says that it speaks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from podberth.cni import version as versions
from podberth.conformance.check import Suite, need

if TYPE_CHECKING:
    from podberth.conformance.bench import Answer, Bench

SUITE = Suite()
_OUTPUT = "5 VERSION Success"
_VERB = "2 VERSION"


def _asked(bench: Bench, stdin: bytes | None = None) -> Answer:
    env = bench.environment("VERSION", None)
    return bench.run(env, bench.stdin() if stdin is None else stdin).succeeded()


def _said(bench: Bench) -> list[object]:
    found = _asked(bench).said.get("supportedVersions")
    need(isinstance(found, list), f"supportedVersions is {found!r}, not a list")
    return list(found) if isinstance(found, list) else []


@SUITE.check("version-succeeds", _VERB, "VERSION succeeds")
def _succeeds(bench: Bench) -> None:
    _asked(bench)


@SUITE.check("version-is-json", _OUTPUT, "VERSION prints one JSON object, and nothing else")
def _is_json(bench: Bench) -> None:
    need(_asked(bench).said, "the object is empty")


@SUITE.check("version-lists-strings", _OUTPUT, "supportedVersions is a list of strings")
def _lists(bench: Bench) -> None:
    need(all(isinstance(one, str) for one in _said(bench)), "supportedVersions has something that is no string")


@SUITE.check("version-lists-something", _OUTPUT, "supportedVersions is not empty")
def _something(bench: Bench) -> None:
    need(_said(bench), "supportedVersions is empty")


@SUITE.check("version-numbers", _OUTPUT, "each supported version is a semantic version")
def _numbers(bench: Bench) -> None:
    odd = [one for one in _said(bench) if not re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", str(one))]
    need(not odd, f"no semantic version: {odd}")


@SUITE.check("version-once-each", _OUTPUT, "no supported version is listed twice")
def _once(bench: Bench) -> None:
    found = [str(one) for one in _said(bench)]
    need(len(set(found)) == len(found), f"listed twice: {sorted({one for one in found if found.count(one) > 1})}")


@SUITE.check("version-released", _OUTPUT, "a supported version without a suffix is a released one")
def _released(bench: Bench) -> None:
    odd = [one for one in map(str, _said(bench)) if "-" not in one and one not in versions.SUPPORTED]
    need(not odd, f"never released, as far as this suite knows: {odd}")


@SUITE.check("version-of-the-configuration", _OUTPUT, "the version of the configuration under test is supported")
def _of_configuration(bench: Bench) -> None:
    need(bench.version in _said(bench), f"{bench.version} is not among {_said(bench)}")


@SUITE.check("version-says-its-own", _OUTPUT, "the answer has a cniVersion")
def _its_own(bench: Bench) -> None:
    need(isinstance(_asked(bench).said.get("cniVersion"), str), "there is no cniVersion")


@SUITE.check("version-exactly-two-keys", _OUTPUT, "the answer has only the keys of the specification")
def _keys(bench: Bench) -> None:
    more = set(_asked(bench).said) - {"cniVersion", "supportedVersions"}
    need(not more, f"it also has {sorted(more)}")


@SUITE.check("version-dummies", _VERB, "VERSION is answered with dummy values in the other variables")
def _dummies(bench: Bench) -> None:
    dummy = dict.fromkeys(("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"), "dummy")
    bench.run({**bench.environment("VERSION", None), **dummy}, bench.stdin()).succeeded()


@SUITE.check("version-alone", _VERB, "VERSION needs no variable but CNI_COMMAND")
def _alone(bench: Bench) -> None:
    bench.run({"CNI_COMMAND": "VERSION", "PATH": "/usr/bin:/bin"}, bench.stdin()).succeeded()


@SUITE.check("version-only-cni-version", _VERB, "VERSION needs no configuration beyond cniVersion")
def _only(bench: Bench) -> None:
    _asked(bench, json.dumps({"cniVersion": bench.version}).encode())


@SUITE.check("version-again", _VERB, "VERSION says the same each time")
def _again(bench: Bench) -> None:
    first, second = _asked(bench).said, _asked(bench).said
    need(first == second, f"first {first}, then {second}")


@SUITE.check("version-changes-nothing", _VERB, "VERSION leaves the node as it was")
def _changes_nothing(bench: Bench) -> None:
    before = bench.node()
    _asked(bench)
    need(bench.node() == before, f"it made {sorted(bench.node() - before)}")


def _echo(spoken: str) -> None:
    @SUITE.check(f"version-asked-at-{spoken}", _VERB, f"VERSION is answered to a caller that speaks {spoken}")
    def _asked_at(bench: Bench) -> None:
        said = _asked(bench, bench.stdin(spoken)).said
        need(said.get("supportedVersions"), f"no supportedVersions: {said}")


for _spoken in versions.SUPPORTED:
    _echo(_spoken)
