"""Waits for the kernel."""

from __future__ import annotations

import errno
import itertools

import pytest

from podberth.linux.patience import again, awaited


def test_what_is_done_is_awaited_no_longer() -> None:
    asked = iter([False, False, True])
    assert awaited(lambda: next(asked), 60.0, 0.0)
    assert next(asked, None) is None


def test_it_is_asked_once_where_there_is_no_time() -> None:
    asked = itertools.count()
    assert not awaited(lambda: next(asked) > 100, 0.0, 0.0)
    assert next(asked) == 1


def test_what_is_busy_is_tried_again() -> None:
    refusals = iter([errno.EBUSY, errno.EAGAIN])

    def act() -> None:
        if refused := next(refusals, None):
            raise OSError(refused, "busy")

    again(act, (errno.EBUSY, errno.EAGAIN), 60.0, 0.0)
    assert next(refusals, None) is None


@pytest.mark.parametrize(("refused", "seconds"), [(errno.EPERM, 60.0), (errno.EBUSY, 0.0)])
def test_another_refusal_and_one_that_does_not_end_are_raised(refused: int, seconds: float) -> None:
    def act() -> None:
        raise OSError(refused, "no")

    with pytest.raises(OSError, match="no"):
        again(act, (errno.EBUSY,), seconds, 0.0)
