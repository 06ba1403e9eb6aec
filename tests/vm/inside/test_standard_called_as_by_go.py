"""The standard types that not every kernel has links for, as test suites in Go call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.netns.standard.conftest import twins
from tests.netns.standard.test_called_as_by_go import IN_VM, any_order, by_a_process, caller
from tests.sizes import size

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

__all__ = ["twins"]  # the fixture


if size(0, 1):  # an executable takes seconds to start here

    @pytest.mark.parametrize("name", IN_VM)
    def test_the_verbs_may_come_in_any_order(twins: tuple[Node, Node], name: str) -> None:
        call = caller(twins[1], name, IN_VM[name])
        any_order(call, name)
        by_a_process(call)
