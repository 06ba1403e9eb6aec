"""Constants that the pages quote are those of the code: a number, a list of names, a path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from podberth.agent import calls, finisher, frame, policies, server, service
from podberth.agent.spans import collector, exporter, target
from podberth.cli import failures, manual, session
from podberth.cli.commands import PLACES
from podberth.cli.doctor import affinity, api, config_maps, identity, kernel, machine, networks, senders, store
from podberth.cli.doctor import agent as agent_area
from podberth.cli.doctor import cluster as nodes
from podberth.cli.doctor import policies as of_networks
from podberth.cni import errors
from podberth.conformance.checks import all_checks
from podberth.controller import certificate
from podberth.entry import MOST_STORES
from podberth.ipam import registration
from podberth.ipam.lifecycle import Kind, State
from podberth.ipam.owner import MAX_NAME
from podberth.ipam.pool import ConflictDetection
from podberth.policy import annotations as asked_by_pods
from podberth.policy import attachment_document, budget, precedence, yamlfiles
from podberth.policy.address_reservation import parse_reservation
from podberth.process import certificate as listener
from podberth.process import loop, pages
from podberth.stores import member
from podberth.stores.kubernetes import earlier
from podberth.stores.sqlite import reserve
from podberth.stores.transfer import sheet
from podberth.verbs.role import STATE_DIR
from tests.checkout import ROOT
from tests.documents.pages import blocks

SHIM = (ROOT / "shim/podberth-shim.c").read_text()
AGENT, INSTALL = "docs/agent.md", "docs/install.md"
CLI, POLICIES, TENANCY = "docs/cli.md", "docs/policies.md", "docs/tenancy.md"


def text(page: str) -> str:
    """Return a page on one line, so that a quotation may be broken anywhere."""
    return " ".join((ROOT / page).read_text().split())


def defined(name: str) -> int:
    """Return a number that the shim defines."""
    found = re.search(rf"#define {name} (\d+)", SHIM)
    assert found is not None
    return int(found[1])


# A page, its words around the number `#`, and the number in the code.
NUMBERS: list[tuple[str, str, float]] = [
    ("README.md", "in # checks", len(all_checks)),
    ("CHANGELOG.md", "in # checks", len(all_checks)),
    (AGENT, "pauses for at most # s, and goes on", loop.LONGEST_PAUSE),
    (AGENT, "A connection has # s to ask", pages.PATIENCE),
    (AGENT, "Of more than # connections", pages.MOST),
    (AGENT, "change of these files counts within # s", listener.RENEWING),
    ("docs/identity.md", "asks again each # seconds", registration.ASK),
    ("CHANGELOG.md", "agent keeps at most # stores open", MOST_STORES),
    (AGENT, "a backlog of #.", server.BACKLOG),
    (AGENT, "backlog, of at most #.", server.BACKLOG),
    (AGENT, "If that stays full for # s", defined("CONNECT_SECONDS")),
    (AGENT, "an answer takes longer than # s", defined("ANSWER_SECONDS")),
    (AGENT, "no further DEL has come for # ms", finisher.QUIET * 1000),
    (AGENT, "at most # s after the first DEL", finisher.GATHERING),
    (AGENT, "up to # at a time", finisher.BATCH),
    (AGENT, "no further change has come for # s", policies.QUIET),
    (AGENT, "at most # s after the first. An earlier ADD", policies.LONGEST),
    (AGENT, "the agent compares them every # s", policies.AGAIN),
    (AGENT, "Beyond the first # directories", policies.MOST),
    (AGENT, "milliseconds for an answer; #", target._TIMEOUT),
    (AGENT, "how many one request has; # and", target._QUEUE),
    (AGENT, "how many one request has; 8192 and #", target._BATCH),
    (AGENT, "until a smaller batch is sent; #", target._DELAY),
    (AGENT, "asks for, up to # s", exporter._BACKOFF.longest),
    (AGENT, "It waits # , 2, 4 and 8 s", exporter._BACKOFF.first),
    (AGENT, "each batch once, for # s at most", service._FLUSH),
    (CLI, "one of the last # calls", calls.KEPT),
    (CLI, "| # | `check`: an attachment is not as it was made", failures.DRIFTED),
    (CLI, "| # | `doctor`: this node is not fit", failures.UNFIT),
    (CLI, "| # | answered by the last that is known here", failures.LAST_KNOWN),
    (CLI, "| # | `who`: the ledger can't know", failures.UNKNOWABLE),
    (CLI, "| # | interrupted", failures.INTERRUPTED),
    ("docs/cluster.md", "writes down every # s up to", member._HEARING),
    ("docs/cluster.md", "less the # s in which", member._UNNOTICED / 10**9),
    ("docs/cluster.md", "a file `reserve` of # MiB", reserve.BYTES / 2**20),
    (CLI, "the command line's own: # not found", failures.NotFound.code),
    (CLI, "not found, # usage", failures.Misuse.code),
    (CLI, "usage, # nobody said yes", failures.Undecided.code),
    (CLI, "(# pool exhausted", errors.PoolExhausted.code),
    (CLI, "pool exhausted, # address taken", errors.AddressTaken.code),
    (CLI, "address taken, # refused by policy", errors.Refused.code),
    (CLI, "refused by policy, # by the kernel", errors.KernelRefused.code),
    (CLI, "by the kernel, # the store failed", errors.StoreFailed.code),
    (AGENT, "STATUS fails with code # while", errors.NotAvailable.code),
    ("docs/controller.md", "renews it # days before its end", certificate.RENEWED / 86400),
    ("docs/identity.md", "three probes, # ms apart", ConflictDetection().interval_ms),
    ("docs/sriov.md", "who has it (code #)", errors.NoFreeDevice.code),
    (POLICIES, "at most # characters, because Kubernetes cuts", MAX_NAME),
    (POLICIES, "CIDR blocks, at most # in all", attachment_document.MAX_SHARED),
    (POLICIES, "of all its ordinals, at most #.", attachment_document.MAX_ORDINALS),
    (POLICIES, "a list of at most # attachments", asked_by_pods.MAX_ATTACHMENTS),
    (POLICIES, "at most # KiB", asked_by_pods.MAX_BYTES / 1024),
    (POLICIES, "files above # MiB", yamlfiles.MAX_BYTES / 1024 / 1024),
    (TENANCY, "a key without one counts as one | # |", budget.MAX_DOCUMENTS),
    (TENANCY, "the size of each range or block | # |", budget.MAX_ADDRESSES),
    (TENANCY, "as the text that it repeats | # |", budget.MAX_TEXT),
    (TENANCY, "A list has room for # documents", earlier.MOST),
    (POLICIES, "comes into force by itself, # to", policies.QUIET),
    (POLICIES, "by itself, 0.1 to # s after", policies.LONGEST),
    (POLICIES, "by the agent every # s", policies.AGAIN),
    ("docs/decisions/014-the-way-of-an-add.md", "one for # DELs", finisher.BATCH),
    ("docs/decisions/014-the-way-of-an-add.md", "gathers DELs for at most # s", finisher.GATHERING),
]


@pytest.mark.parametrize(("page", "words", "constant"), NUMBERS)
def test_a_number_on_a_page_is_that_of_the_code(page: str, words: str, constant: float) -> None:
    before, after = (re.escape(part.strip()) for part in words.split("#"))
    found = re.findall(rf"{before}\s*`?([\d.,]*\d)`?\s*{after}", text(page))
    assert [float(number.replace(",", "")) for number in found] == [constant]


def part(page: str, begin: str, end: str) -> str:
    """Return the text between two phrases of a page; each line of a table begins with ` | `."""
    _, found, rest = text(page).partition(begin)
    assert found, f"{page} does not say {begin!r}"
    return rest.partition(end)[0]


def quoted(page: str, begin: str, end: str) -> list[str]:
    """Return the names in backquotes between two phrases of a page."""
    return re.findall(r"`([^`]+)`", part(page, begin, end))


def words(listed: str) -> list[str]:
    """Return the words of an enumeration."""
    return [word for word in re.split(r",\s*(?:and |or )?|\s+or\s+|\s+and\s+", listed.strip()) if word]


def in_source(pattern: str, folder: str) -> set[str]:
    """Return the first group of each match in the modules below a folder of the package."""
    files = (ROOT / "src/podberth" / folder).rglob("*.py")
    return {name for file in files for name in re.findall(pattern, file.read_text())}


def test_the_kinds_of_event_are_listed() -> None:
    assert words(part(CLI, "kind is ", ".")) == list(Kind)


def test_the_states_of_an_address_are_listed() -> None:
    assert set(re.findall(r"\b[A-Z]{4,}\b", part(CLI, "`state` is ", "what nobody has"))) == set(State)


def test_the_areas_of_doctor_are_listed() -> None:
    areas = re.findall(r"\| (\w+) \| [^|]+ \|", part(CLI, "| area | what | | --- | --- |", "##"))
    last = [config_maps.AREA, networks.AREA, of_networks.AREA, senders.AREA, nodes.AREA]
    first = [machine.AREA, kernel.AREA, store.AREA, identity.AREA]
    assert areas == [*first, agent_area.AREA, api.AREA, last[0], affinity.AREA, *last[1:]]


def test_the_exit_codes_are_listed() -> None:
    codes = re.findall(r"\| (\d+) \|", part(CLI, "## Exit codes", "##"))
    assert [int(code) for code in codes] == [*manual.EXITS, failures.INTERRUPTED]


def test_the_outcomes_of_spans_are_listed() -> None:
    assert set(quoted(AGENT, "counts all spans by `outcome`:", "The log says")) == set(exporter.OUTCOMES)


def test_the_answers_after_which_spans_are_sent_again_are_listed() -> None:
    codes = words(part(AGENT, "After a refusal with ", ", or without"))
    assert {int(code) for code in codes} == collector._LATER


def test_the_protocols_of_a_collector_are_listed() -> None:
    assert quoted(AGENT, "So is any protocol but", ";") == list(target._PROTOCOLS)


def test_the_columns_of_a_sheet_are_listed() -> None:
    assert tuple(quoted(CLI, "as a sheet:", "###")[0].split(",")) == sheet.TITLES


def test_the_sources_of_a_value_are_listed() -> None:
    assert (
        tuple(re.findall(r"\| \d \| `([^`]+)`", part(POLICIES, "| | source | can say |", "##"))) == precedence.SOURCES
    )


@pytest.mark.parametrize(
    ("page", "folders"), [(AGENT, ("agent", "process")), ("docs/controller.md", ("controller",))]
)  # fmt: skip
def test_every_metric_is_named(page: str, folders: tuple[str, ...]) -> None:
    metrics = {name for folder in folders for name in in_source(r'"(podberth_[a-z_]+)"', folder)}
    named = {name.removesuffix("_total") for name in re.findall(r"`(podberth_[a-z_]+)", text(page))}
    assert metrics
    assert named == metrics


def test_every_event_of_the_agents_log_is_named() -> None:
    of_a_line = r'(?:write|complain)\(\s*"(?:info|warning|error)", "([^"]+)"'
    logged = in_source(of_a_line, "agent") | in_source(of_a_line, "devices")
    logged |= in_source(r'_try\("([^"]+)"', "agent")
    assert set(quoted(CLI, "The events are ", "A `call` has")) == logged


def test_every_variable_of_the_collector_is_named() -> None:
    endings = in_source(r'_either\(env, "([A-Z]+)"\)', "agent/spans") | {"ENDPOINT", "TRACES_ENDPOINT"}
    variables = in_source(r'"(OTEL_[A-Z_]+[A-Z])"', "agent/spans") | {f"OTEL_EXPORTER_OTLP_{each}" for each in endings}
    assert set(re.findall(r"`(OTEL_[A-Z_]+)`", text(AGENT))) == variables


def test_every_command_is_named() -> None:
    commands = set(PLACES)
    assert set(re.findall(r"### `([a-z-]+)`", text(CLI))) == commands
    released = set(quoted("CHANGELOG.md", "### The command line", "###"))
    assert commands <= released | set(quoted("CHANGELOG.md", "## [Unreleased]", "\n## ["))


@pytest.mark.parametrize(
    ("page", "path"),
    [
        (CLI, STATE_DIR.default),
        (CLI, session.STATE_DIR),
        (INSTALL, str(Path(frame.SOCKET).parent)),
        (INSTALL, STATE_DIR.default),
        ("docs/migrate.md", STATE_DIR.default),
    ],
)
def test_a_default_path_is_named(page: str, path: str) -> None:
    assert f"`{path}`" in text(page)


def test_the_example_of_a_reservation_can_be_read() -> None:
    example = next(block for block in blocks((ROOT / POLICIES).read_text()) if "kind: AddressReservation" in block.text)
    assert str(parse_reservation(yaml.safe_load(example.text), "the page")) == "AddressReservation web-0"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_target_of_make_on_a_page_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / page).read_text(), re.MULTILINE))
    assert named
    assert named <= targets
