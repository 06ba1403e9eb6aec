"""STATUS: whether the plugin is ready for an ADD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.conformance.check import Suite, need

if TYPE_CHECKING:
    from podberth.conformance.bench import Bench

SUITE = Suite()
_VERB = "2 STATUS"
SINCE = "1.1.0"


@SUITE.check("status-succeeds", _VERB, "STATUS succeeds when an ADD would")
def _succeeds(bench: Bench) -> None:
    bench.needs(SINCE)
    bench.call("STATUS", None).succeeded()


@SUITE.check("status-says-nothing", _VERB, "STATUS prints nothing on stdout")
def _silent(bench: Bench) -> None:
    bench.needs(SINCE)
    answer = bench.call("STATUS", None).succeeded()
    need(not answer.stdout.strip(), f"it printed {answer.stdout[:200]!r}")


@SUITE.check("status-alone", _VERB, "STATUS needs no variable but CNI_COMMAND and CNI_PATH")
def _alone(bench: Bench) -> None:
    bench.needs(SINCE)
    bench.run({"CNI_COMMAND": "STATUS", "CNI_PATH": ":".join(bench.search)}, bench.stdin()).succeeded()


@SUITE.check("status-changes-nothing", _VERB, "STATUS leaves the node as it was")
def _changes_nothing(bench: Bench) -> None:
    bench.needs(SINCE)
    before = bench.node()
    bench.call("STATUS", None).succeeded()
    bench.only(before, "after STATUS")


@SUITE.check("status-of-nonsense", "5 Error", "STATUS of a configuration that is none is refused")
def _nonsense(bench: Bench) -> None:
    bench.needs(SINCE)
    bench.run(bench.environment("STATUS", None), b"nonsense").refused()


@SUITE.check("status-at-1.0.0", "1 Version considerations", "STATUS at 1.0.0, which has none, is refused (code 1)")
def _before(bench: Bench) -> None:
    bench.needs("1.0.0")
    known = bench.speaks(SINCE)  # to one that does not speak 1.1.0 it's just an unknown command
    refused = bench.call("STATUS", None, version="1.0.0").refused()
    need(refused["code"] == 1 or not known, f"code {refused['code']}: {refused['msg']}")
