"""The runner of tiers, on tiers made for it: only silence ends a tier, not its length."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent
from typing import TYPE_CHECKING

from tests.tiers.running import Run
from tests.tiers.tier import Tier
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path


def tier_of(folder: Path, module: str, *, silence: int, workers: int = 0) -> Run:
    tests = folder / "tests"
    tests.mkdir()
    (tests / "test_it.py").write_text(dedent(module))
    return Run(Tier(name="it", folder=str(tests), silence=silence, workers=workers), folder / "it")


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
