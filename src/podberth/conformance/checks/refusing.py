"""Requests that have to be refused: with an error object, and with nothing left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni import version as versions
from podberth.conformance.check import Suite, need

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.conformance.bench import Answer, Bench, Container

SUITE = Suite()
_INPUT = "2 Parameters"
_ERROR = "5 Error"
_INSIDE = ("interface", "loopback")  # these work in the namespace: they can't do without it
_CODES = {"environment": 4, "decoding": 6, "version": 1}


def _refusal(
    name: str,
    section: str,
    says: str,
    ask: Callable[[Bench, Container], Answer],
    codes: tuple[int, ...] = (),
    kinds: tuple[str, ...] = (),
) -> None:
    """Register three checks of one bad request: it is refused, its error is well made, and it changes nothing."""

    @SUITE.check(f"refuses-{name}", section, f"{says} is refused")
    def _refuses(bench: Bench) -> None:
        bench.needs("", *kinds)
        answer = ask(bench, bench.container())
        need(answer.status != 0, f"{answer.verb} succeeded: {answer.stdout[:200]!r}")
        need(answer.status > 0, f"{answer.verb} was ended by signal {-answer.status}")

    @SUITE.check(f"error-of-{name}", _ERROR, f"{says} gets an error object{_among(codes)}")
    def _error(bench: Bench) -> None:
        bench.needs("", *kinds)
        said = ask(bench, bench.container()).refused()
        need(not codes or said["code"] in codes, f"code {said['code']}: {said['msg']}")

    @SUITE.check(f"nothing-after-{name}", "2 ADD", f"{says} leaves nothing behind")
    def _nothing(bench: Bench) -> None:
        bench.needs("", *kinds)
        pod = bench.container()
        node, inside = bench.node(), bench.inside(pod)
        ask(bench, pod)
        bench.only(node, f"after an ADD with {says}")
        need(bench.inside(pod) == inside, f"the container had {inside}, and has {bench.inside(pod)}")


def _among(codes: tuple[int, ...]) -> str:
    return f" of code {' or '.join(map(str, codes))}" if codes else ""


def _variable(name: str) -> None:
    _refusal(
        f"no-{name}",
        _INPUT,
        f"an ADD without {name}",
        lambda bench, pod: bench.call("ADD", pod, unset=(name,)),
        (_CODES["environment"],),
    )
    _refusal(
        f"empty-{name}",
        _INPUT,
        f"an ADD with an empty {name}",
        lambda bench, pod: bench.call("ADD", pod, env={name: ""}),
        (_CODES["environment"],),
    )


for _name in ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"):
    _variable(_name)


def _value(name: str, variable: str, text: str, says: str, *kinds: str) -> None:
    _refusal(name, _INPUT, says, lambda bench, pod: bench.call("ADD", pod, env={variable: text}), kinds=kinds)


_value("id-with-slash", "CNI_CONTAINERID", "../../etc/passwd", "a container ID with slashes")
_value("id-with-space", "CNI_CONTAINERID", "a b", "a container ID with a space")
_value("id-with-leading-dot", "CNI_CONTAINERID", ".hidden", "a container ID that starts with a dot")
_value("ifname-too-long", "CNI_IFNAME", "a" * 16, "an interface name of 16 characters")
_value("ifname-with-slash", "CNI_IFNAME", "eth/0", "an interface name with a slash")
_value("ifname-with-space", "CNI_IFNAME", "eth 0", "an interface name with a space")
_value("ifname-dot-dot", "CNI_IFNAME", "..", "the interface name '..'")
_value("missing-netns", "CNI_NETNS", "/run/netns/conformance-not-there", "a namespace that is not there", *_INSIDE)
_value("file-for-netns", "CNI_NETNS", "/proc/version", "a file that is no namespace, for one", *_INSIDE)


def _config(name: str, section: str, says: str, make: Callable[[bytes], bytes], codes: tuple[int, ...] = ()) -> None:
    _refusal(
        name,
        section,
        says,
        lambda bench, pod: bench.run(bench.environment("ADD", pod), make(bench.configuration(pod))),
        codes,
    )


_config("empty-stdin", _ERROR, "an ADD with nothing on stdin", lambda _: b"", (6, 7))
_config("torn-json", _ERROR, "an ADD with half a configuration", lambda whole: whole[: len(whole) // 2], (6, 7))
_config("json-list", _ERROR, "an ADD with a list for a configuration", lambda whole: b"[" + whole + b"]", (6, 7))
_config("binary-stdin", _ERROR, "an ADD with bytes that are no text", lambda _: b"\x00\xff\xfe\x80" * 64, (6, 7))


def _changed(name: str, section: str, says: str, key: str, found: object, codes: tuple[int, ...] = ()) -> None:
    _refusal(name, section, says, lambda bench, pod: bench.call("ADD", pod, keys={key: found}), codes)


_changed("no-name", "1 Network configuration objects", "a configuration without a name", "name", None)
_changed("name-with-slash", "1 Network configuration objects", "a network name with a slash", "name", "../bank")
_changed("unknown-version", "1 Version considerations", "a version that does not exist", "cniVersion", "99.0.0", (1,))
_changed("version-nonsense", "1 Version considerations", "a version that is none", "cniVersion", "latest", (1, 6, 7))
_changed("version-number", "1 Network configuration objects", "a version that is a number", "cniVersion", 1.0)


def _command(name: str, says: str, command: str) -> None:
    _refusal(name, _INPUT, says, lambda bench, pod: bench.call("ADD", pod, env={"CNI_COMMAND": command}), (4,))


_command("unknown-command", "an unknown CNI_COMMAND", "ATTACH")
_command("lower-case-command", "a CNI_COMMAND in lower case", "add")


def _unspoken(version: str) -> None:
    @SUITE.check(
        f"refuses-{version}-unless-spoken", "1 Version considerations", f"{version} is refused unless supported"
    )
    def _refuses(bench: Bench) -> None:
        answer = bench.call("ADD", bench.container(), version=version)
        if bench.speaks(version):
            answer.succeeded()
        else:
            said = answer.refused()
            need(said["code"] == _CODES["version"], f"code {said['code']}: {said['msg']}")


for _version in versions.SUPPORTED:
    _unspoken(_version)


@SUITE.check("refuses-a-name-that-is-taken", "2 ADD", "an ADD for an interface that the container has is refused")
def _taken(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    bench.make_link(pod, "eth0")
    bench.call("ADD", pod).refused()


@SUITE.check("keeps-a-name-that-is-taken", "2 ADD", "an ADD that is refused for it leaves the interface alone")
def _kept(bench: Bench) -> None:
    bench.needs("", "interface")
    pod = bench.container()
    bench.make_link(pod, "eth0")
    before = bench.namespaces.link(pod.netns, "eth0")
    bench.call("ADD", pod)
    need(bench.namespaces.link(pod.netns, "eth0") == before, f"it was {before}")


@SUITE.check("error-says-the-version", _ERROR, "an error object has the cniVersion of the configuration")
def _says_version(bench: Bench) -> None:
    said = bench.call("ADD", bench.container(), unset=("CNI_IFNAME",)).refused()
    need(said.get("cniVersion") == bench.version, f"cniVersion is {said.get('cniVersion')!r}")


@SUITE.check("error-keys", _ERROR, "an error object has only the keys of the specification")
def _error_keys(bench: Bench) -> None:
    said = bench.call("ADD", bench.container(), unset=("CNI_IFNAME",)).refused()
    more = set(said) - {"cniVersion", "code", "msg", "details"}
    need(not more, f"it also has {sorted(more)}")


@SUITE.check("error-details", _ERROR, "details of an error, where there are some, are a string")
def _details(bench: Bench) -> None:
    said = bench.call("ADD", bench.container(), unset=("CNI_IFNAME",)).refused()
    need(isinstance(said.get("details", ""), str), f"details are {said.get('details')!r}")
