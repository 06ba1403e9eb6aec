"""An ADD that fails: what the runtime's caller reads of it, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime.cri import Refused

if TYPE_CHECKING:
    from tests.runtime.site import Site


def test_the_caller_reads_which_sandbox_has_the_address_and_when_it_comes_free(bank: Site) -> None:
    old = bank.run("mysql-0")
    with pytest.raises(Refused) as refused:
        bank.run("mysql-0")

    assert 'failed to setup network for sandbox "' in str(refused.value)
    assert 'plugin type="podberth"' in str(refused.value)
    assert f"10.50.0.40 is still bound to bank/mysql-0 (container {old.id}" in str(refused.value)
    assert "it moves to the new sandbox once the old one is deleted" in str(refused.value)


def test_the_caller_reads_which_pool_does_not_exist(bank: Site) -> None:
    bank.use(pool="bd")
    with pytest.raises(Refused) as refused:
        bank.run("web-0")

    assert "there is no pool 'bd'" in str(refused.value)


def test_a_refused_sandbox_leaves_nothing(bank: Site) -> None:
    bank.use(undeclared="refuse")
    with pytest.raises(Refused):
        bank.run("web-0")

    assert bank.left_behind() == []


def test_a_sandbox_that_a_later_plugin_refuses_leaves_nothing(bank: Site) -> None:
    bank.use({"type": "tuning", "sysctl": {"net.ipv4.no_such_key": "1"}})
    with pytest.raises(Refused, match="no_such_key"):
        bank.run("mysql-0")

    assert bank.left_behind() == []
    bank.use()
    assert bank.address(bank.run("mysql-0")) == "10.50.0.40"
