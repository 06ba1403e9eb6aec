"""ADD that succeeds, at every version of the specification, and under circumstances that must not matter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from podberth.cni import version as versions
from podberth.cni.errors import CniError, DecodingFailure
from podberth.cni.fields import Fields
from podberth.cni.result import Result
from podberth.conformance.check import Broken, Suite, need

if TYPE_CHECKING:
    from podberth.conformance.bench import Bench

SUITE = Suite()
_VERB = "2 ADD"
_OUTPUT = "5 ADD Success"
_INPUT = "2 Parameters"


def parsed(said: dict[str, object], version: str) -> Result:
    """Return a result read strictly at a version; Broken if it is not of that shape."""
    try:
        return Result.parse(Fields(dict(said), "result", DecodingFailure), version)
    except CniError as odd:
        raise Broken(f"the result is not of {version}: {odd.message}") from None


def _at(version: str) -> None:
    @SUITE.check(f"add-at-{version}", "1 Version considerations", f"ADD at {version} succeeds if it is supported")
    def _succeeds(bench: Bench) -> None:
        bench.needs(version)
        bench.added(bench.container(), version)

    @SUITE.check(f"result-of-{version}", _OUTPUT, f"an ADD at {version} has a result of that version's shape")
    def _shape(bench: Bench) -> None:
        bench.needs(version)
        parsed(bench.added(bench.container(), version), version)

    @SUITE.check(f"result-says-{version}", _OUTPUT, f"the result of an ADD at {version} says that version")
    def _says(bench: Bench) -> None:
        bench.needs(version)
        said = bench.added(bench.container(), version).get("cniVersion")
        need(said == version, f"cniVersion is {said!r}")

    @SUITE.check(f"family-key-at-{version}", _OUTPUT, f"a result at {version} names families as that version does")
    def _family(bench: Bench) -> None:
        bench.needs(version)
        said = bench.added(bench.container(), version)
        lists = versions.at_least(version, "0.3.0")
        need(lists or "ips" not in said, "ips came with 0.3.0: before, there are ip4 and ip6")
        need(not lists or not {"ip4", "ip6"} & set(said), "ip4 and ip6 ended with 0.2.0")
        named = [("version" in one) for one in said.get("ips", [])]
        before_one = not versions.at_least(version, "1.0.0")
        need(all(has == before_one for has in named), f"ips[].version is of 0.3.0 to 0.4.0 only: {said.get('ips')}")


for _version in versions.SUPPORTED:
    _at(_version)


@SUITE.check("add-makes-the-interface", _VERB, "after ADD the container has an interface of the name asked for")
def _makes(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    bench.added(pod)
    need("eth0" in bench.inside(pod), f"it has {sorted(bench.inside(pod))}")


@SUITE.check("add-takes-any-name", _VERB, "ADD gives the interface an unusual name of 15 characters")
def _any_name(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    bench.added(pod, ifname="net-1_x.y012345")
    need("net-1_x.y012345" in bench.inside(pod), f"it has {sorted(bench.inside(pod))}")


@SUITE.check("add-two-interfaces", _VERB, "a container gets a second interface under another name")
def _two(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    bench.added(pod)
    bench.added(pod, ifname="net1")
    need({"eth0", "net1"} <= set(bench.inside(pod)), f"it has {sorted(bench.inside(pod))}")


@SUITE.check("add-two-containers", _VERB, "two containers are attached at the same time")
def _two_containers(bench: Bench) -> None:
    first, second = bench.container(), bench.container()
    for pod in (first, second):
        bench.added(pod)
    if bench.kind == "interface":
        need("eth0" in bench.inside(first), "the second ADD took the first one's interface")


@SUITE.check("add-keeps-loopback", _VERB, "ADD leaves the container's other interfaces as they are")
def _keeps(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    before = bench.inside(pod)["lo"]
    bench.added(pod)
    need(bench.inside(pod).get("lo") == before, f"lo had {before}, and has {bench.inside(pod).get('lo')}")


@SUITE.check("add-at-another-path", _INPUT, "ADD takes a namespace by any path, such as that of a process")
def _by_process(bench: Bench) -> None:
    bench.needs("", "interface", "loopback", "chained")
    pod = bench.container()
    with bench.process_in(pod) as path:
        bench.call("ADD", pod, env={"CNI_NETNS": path}).succeeded()


@SUITE.check("add-silent-stderr-apart", _OUTPUT, "stdout of an ADD is one JSON object and nothing else")
def _pure(bench: Bench) -> None:
    bench.added(bench.container())


@SUITE.check("add-unknown-keys", "1 Plugin configuration objects", "keys that the plugin does not know are ignored")
def _unknown_keys(bench: Bench) -> None:
    bench.added(bench.container(), keys={"com.example/unheard-of": {"deep": [1, None, "x"]}})


@SUITE.check("add-unknown-args-key", "CONVENTIONS CNI_ARGS", "unknown keys of CNI_ARGS are ignored with IgnoreUnknown")
def _unknown_args(bench: Bench) -> None:
    pod = bench.container()
    args = bench.environment("ADD", pod)["CNI_ARGS"]
    bench.call("ADD", pod, env={"CNI_ARGS": args + ";COM_EXAMPLE_KEY=1"}).succeeded()


@SUITE.check("add-args-in-any-order", "CONVENTIONS CNI_ARGS", "the keys of CNI_ARGS come in any order")
def _args_order(bench: Bench) -> None:
    pod = bench.container()
    args = bench.environment("ADD", pod)["CNI_ARGS"].split(";")
    bench.call("ADD", pod, env={"CNI_ARGS": ";".join(reversed(args))}).succeeded()


@SUITE.check("add-unknown-variables", _INPUT, "variables that the specification does not have are ignored")
def _unknown_variables(bench: Bench) -> None:
    bench.call("ADD", bench.container(), env={"CNI_UNHEARD_OF": "1", "CNI_": ""}).succeeded()


@SUITE.check("add-unknown-capability", "3 Deriving runtimeConfig", "unknown capability arguments are ignored")
def _unknown_capability(bench: Bench) -> None:
    bench.added(bench.container(), keys={"runtimeConfig": {"com.example.unheard-of": {"a": 1}}})


@SUITE.check("add-pretty-printed", "2 Configuration", "white space in the configuration does not matter")
def _white_space(bench: Bench) -> None:
    pod = bench.container()
    whole = json.dumps(json.loads(bench.configuration(pod)), indent=7).encode()
    bench.run(bench.environment("ADD", pod), b"\n\t " + whole + b"\r\n\n").succeeded()


@SUITE.check("add-longest-id", _INPUT, "a container ID with dots, dashes and underscores is taken")
def _odd_id(bench: Bench) -> None:
    pod = bench.container()
    odd = "0" + pod.container_id[:20] + "_a.B-c"
    bench.call("ADD", pod, env={"CNI_CONTAINERID": odd}).succeeded()
    bench.call("DEL", pod, env={"CNI_CONTAINERID": odd}).succeeded()


@SUITE.check("add-again-after-del", _VERB, "after a DEL the same container and interface are attached again")
def _again(bench: Bench) -> None:
    pod = bench.container()
    bench.deleted(pod, bench.added(pod))
    bench.added(pod)
