"""The author's kit: requests are checked before an author's code runs, and answers are well made whatever it does."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from podberth.cni.args import Args
from podberth.cni.errors import NotAvailable
from podberth.plugin import Call, Interface, Plugin, Result, run, serve

CONF: dict[str, Any] = {"cniVersion": "1.1.0", "name": "net", "type": "mine"}
NETNS = "/proc/self/ns/net"
ENV = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "c1",
    "CNI_NETNS": NETNS,
    "CNI_IFNAME": "eth0",
    "CNI_PATH": "/opt/cni/bin",
    "CNI_NETNS_OVERRIDE": "1",
}
RESULT = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": NETNS}]}


class Mine(Plugin):
    """It notes its calls."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def add(self, call: Call) -> Result | None:
        self.calls.append(call)
        return Result(interfaces=(Interface(name=call.ifname, sandbox=call.netns),))

    def delete(self, call: Call) -> None:
        self.calls.append(call)

    def check(self, call: Call) -> None:
        self.calls.append(call)

    def collect(self, call: Call) -> None:
        self.calls.append(call)

    def status(self, call: Call) -> None:
        self.calls.append(call)
        raise NotAvailable("the pool is empty", "extend it")


def ask(plugin: Plugin, verb: str, conf: object = CONF, **env: str | None) -> tuple[int, Any]:
    """Call a plugin; a variable that is None is left out."""
    whole = {key: text for key, text in {**ENV, "CNI_COMMAND": verb, **env}.items() if text is not None}
    code, stdout = serve(plugin, whole, json.dumps(conf).encode())
    return code, json.loads(stdout) if stdout else None


def test_an_add_has_the_whole_request_and_says_the_result() -> None:
    plugin = Mine()
    conf = {**CONF, "mode": "fast", "runtimeConfig": {"mac": "02:00:00:00:00:01"}, "prevResult": RESULT}
    assert ask(plugin, "ADD", conf, CNI_ARGS="COLOUR=red;IgnoreUnknown=1") == (0, RESULT)
    (call,) = plugin.calls
    assert (call.verb, call.container_id, call.netns, call.ifname) == ("ADD", "c1", NETNS, "eth0")
    assert (call.name, call.cni_version, call.config["mode"]) == ("net", "1.1.0", "fast")
    assert call.args == (("COLOUR", "red"), ("IgnoreUnknown", "1"))
    assert call.path == ("/opt/cni/bin",)
    assert call.runtime_config == {"mac": "02:00:00:00:00:01"}
    assert call.previous is not None
    assert call.previous.interfaces[0].name == "eth0"


def test_none_passes_the_previous_result_on() -> None:
    class Silent(Mine):
        def add(self, call: Call) -> Result | None:
            assert call.verb == "ADD"
            return None

    assert ask(Silent(), "ADD", {**CONF, "prevResult": RESULT}) == (0, RESULT)
    assert ask(Silent(), "ADD") == (0, {"cniVersion": "1.1.0"})


@pytest.mark.parametrize("verb", ["DEL", "CHECK"])
def test_del_and_check_say_nothing(verb: str) -> None:
    plugin = Mine()
    assert ask(plugin, verb, {**CONF, "prevResult": RESULT}) == (0, None)
    assert [call.verb for call in plugin.calls] == [verb]


def test_gc_has_what_is_valid() -> None:
    plugin = Mine()
    valid = [{"containerID": "a", "ifname": "eth0"}]
    assert ask(plugin, "GC", {**CONF, "cni.dev/valid-attachments": valid}) == (0, None)
    assert plugin.calls[0].valid == (("a", "eth0"),)


def test_status_is_the_authors_word() -> None:
    code, said = ask(Mine(), "STATUS")
    assert (code, said["code"], said["msg"], said["details"]) == (1, 50, "the pool is empty", "extend it")


def test_version_says_what_the_plugin_claims() -> None:
    class Old(Mine):
        versions = ("0.3.1", "0.4.0")

    assert ask(Old(), "VERSION") == (0, {"cniVersion": "1.1.0", "supportedVersions": ["0.3.1", "0.4.0"]})
    code, said = ask(Old(), "ADD")
    assert (code, said["code"]) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"CNI_CONTAINERID": None}, 4, "CNI_CONTAINERID"),
        ({"CNI_CONTAINERID": "../x"}, 4, "CNI_CONTAINERID"),
        ({"CNI_IFNAME": "a" * 16}, 4, "CNI_IFNAME"),
        ({"CNI_NETNS": "/nowhere"}, 8, "CNI_NETNS"),
        ({"CNI_NETNS": "/proc/version"}, 8, "CNI_NETNS"),
        ({"CNI_NETNS": "/proc/self/ns/mnt"}, 8, "CNI_NETNS"),
        ({"CNI_NETNS_OVERRIDE": None}, 8, "CNI_NETNS"),
        ({"CNI_ARGS": "no pairs"}, 4, "CNI_ARGS"),
    ],
)
def test_a_bad_request_never_reaches_the_author(changes: dict[str, str | None], code: int, word: str) -> None:
    plugin = Mine()
    status, said = ask(plugin, "ADD", **changes)
    assert (status, said["code"]) == (1, code)
    assert word in said["msg"]
    assert plugin.calls == []


def test_a_del_with_bad_args_still_goes_through() -> None:
    plugin = Mine()
    assert ask(plugin, "DEL", CNI_ARGS="no pairs", CNI_NETNS=None) == (0, None)
    assert plugin.calls[0].args == ()


def test_check_and_chained_adds_need_a_result() -> None:
    class Chained(Mine):
        chained = True

    for verb, plugin in (("CHECK", Mine()), ("ADD", Chained())):
        status, said = ask(plugin, verb)
        assert (status, said["code"]) == (1, 7)
        assert "prevResult" in said["msg"]
        assert plugin.calls == []


def test_an_authors_mistake_is_an_error_object(capfd: pytest.CaptureFixture[str]) -> None:
    class Wrong(Mine):
        def add(self, call: Call) -> Result | None:
            raise KeyError(call.ifname)

    status, said = ask(Wrong(), "ADD")
    assert (status, said["code"]) == (1, 999)
    assert "KeyError" in said["msg"]
    assert "Traceback" in capfd.readouterr().err


def test_what_an_author_prints_does_not_get_into_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Chatty(Mine):
        def add(self, call: Call) -> Result | None:
            print("attaching", call.container_id)
            return super().add(call)

    for key, text in ENV.items():
        monkeypatch.setenv(key, text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(CONF).encode())))
    assert run(Chatty()) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == RESULT
    assert "attaching c1" in said.err


def test_a_person_who_starts_it_is_told_what_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CNI_COMMAND", raising=False)
    assert run(Mine()) == 0
    told = capsys.readouterr().err
    assert "It notes its calls." in told
    assert "1.1.0" in told


def test_an_author_gets_the_value_that_podberths_own_plugins_get() -> None:
    plugin = Mine()
    ask(plugin, "ADD", {**CONF, "args": {"cni": {"ips": ["10.0.0.9"]}}}, CNI_ARGS="COLOUR=red")
    (call,) = plugin.calls
    assert (call.conf.name, call.attachment.container_id, [str(ip) for ip in call.ips]) == ("net", "c1", ["10.0.0.9"])
    assert call.pod_args == Args()  # COLOUR is for the plugin to know
