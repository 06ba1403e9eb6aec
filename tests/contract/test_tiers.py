"""The runner of tiers, on tiers made for it: only silence ends a tier, not its length."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT
from tests.tiers.again import quiet, steadied
from tests.tiers.running import Run
from tests.tiers.tier import Tier
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tiers.tally import Tally


def tier_of(folder: Path, module: str, *, silence: int, workers: int = 0) -> Run:
    tests = folder / "tests"
    tests.mkdir()
    (tests / "test_it.py").write_text(dedent(module))
    return Run(Tier(name="it", folder=str(tests), silence=silence, workers=workers), folder / "it")


@pytest.fixture
def below() -> Iterator[Path]:
    """A folder below the checkout, as every tier's is: there a test's name leads to it."""
    with TemporaryDirectory(dir=ROOT / "build", prefix="tier-") as folder:
        yield Path(folder)


def once_more(run: Run, failures: tuple[str, ...], folder: Path) -> tuple[Tally, set[str], set[str]]:
    """Run these tests of a tier alone; return what it came to, and which passed and failed."""
    second = Run(quiet(run.tier), folder / "it-again", alone=True, only=failures)
    return second.to_the_end(), second.names("passed"), second.names("failed")


def test_a_tier_that_goes_on_may_take_longer_than_the_silence_it_is_given(tmp_path: Path) -> None:
    module = """
        import time, pytest

        @pytest.mark.parametrize("number", range(32))
        def test_of_a_second(number):
            time.sleep(1)
    """
    run = tier_of(tmp_path, module, silence=30)

    assert run.to_the_end().good
    assert run.state() == "it 32/32"


def test_a_tier_that_falls_silent_is_stopped_and_the_log_says_where_it_hung(tmp_path: Path) -> None:
    module = """
        import time

        def test_that_passes():
            pass

        def test_that_hangs():
            while True:
                time.sleep(1)
    """
    run = tier_of(tmp_path, module, silence=30)

    result = run.to_the_end()

    assert not result.good
    assert "test_that_hangs" in run.log.read_text()


def test_a_worker_that_hangs_costs_its_own_test_only(tmp_path: Path) -> None:
    module = """
        import time

        def test_that_hangs():
            while True:
                time.sleep(1)

        def test_that_passes():
            pass
    """
    result = tier_of(tmp_path, module, silence=30, workers=2).to_the_end()

    assert (result.passed, result.failed) == (1, 1)


def test_a_tier_that_is_stopped_ends_what_its_tests_have_started(tmp_path: Path) -> None:
    module = f"""
        import pathlib, time, pytest

        @pytest.fixture
        def server():
            yield
            pathlib.Path({str(tmp_path)!r}, "ended").touch()

        def test_that_hangs(server):
            pathlib.Path({str(tmp_path)!r}, "started").touch()
            while True:
                time.sleep(1)
    """
    run = tier_of(tmp_path, module, silence=600)
    with ThreadPoolExecutor(1) as threads:
        result = threads.submit(run.to_the_end)
        until((tmp_path / "started").exists, "the test did not start")
        run.stop("interrupted")

    assert result.result().trouble == "interrupted"
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_test_that_passes_the_second_time_is_unsteady_and_one_that_fails_again_has_failed(
    below: Path, workers: int
) -> None:
    module = f"""
        import pathlib, pytest

        def first(name):
            seen = pathlib.Path({str(below)!r}, name)
            before = seen.exists()
            seen.touch()
            return not before

        @pytest.fixture
        def server():
            assert not first("server")

        @pytest.mark.parametrize("text", ["a b", "::[x]", "ü"])
        def test_with_a_name_of_any_kind(text):
            assert not first(text.encode().hex())

        def test_whose_server_does_not_start(server):
            pass

        def test_that_passes():
            pass

        def test_that_is_wrong():
            assert False
    """
    run = tier_of(below, module, silence=60, workers=workers)
    first = run.to_the_end()
    assert (first.passed, first.failed, len(first.failures)) == (1, 5, 5)
    both = steadied(first, *once_more(run, first.failures, below))
    assert (both.passed, both.failed, len(both.unsteady)) == (1, 1, 4)
    assert [name.rpartition("::")[2] for name in both.failures] == ["test_that_is_wrong"]
    assert "test_whose_server_does_not_start" in run.log.read_text()  # as it failed first


def test_a_file_that_can_not_be_read_is_nothing_that_a_second_run_can_tell_of(below: Path) -> None:
    run = tier_of(below, "def test_that_is_wrong():\n    assert False\n", silence=60)
    (below / "tests" / "test_other.py").write_text("import nothing_of_that_name\n")
    result = run.to_the_end()
    assert not result.good
    assert result.failures == ()


def test_a_hang_of_a_second_run_ends_it(below: Path) -> None:
    module = """
        import time

        def test_that_hangs():
            while True:
                time.sleep(1)
    """
    run = tier_of(below, module, silence=5, workers=2)
    first = run.to_the_end()
    assert len(first.failures) == 1
    assert not steadied(first, *once_more(run, first.failures, below)).good
