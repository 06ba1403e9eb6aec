"""A StatefulSet, started and ended all at once: of fifty in a soak."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.runtime.test_capabilities import PORTMAP
from tests.sizes import size

if TYPE_CHECKING:
    from tests.runtime.site import Sandbox, Site

PODS = {f"mysql-{i}": f"10.50.0.{40 + i}" for i in range(size(8, 50))}


def run_all(bank: Site) -> dict[str, Sandbox]:
    """Run all pods at once; return their sandboxes by name."""

    def run(name: str) -> Sandbox:
        return bank.run(name, port_mappings=[{"container_port": 80, "host_port": 8000 + int(name.split("-")[1])}])

    with ThreadPoolExecutor(len(PODS)) as threads:
        return dict(zip(PODS, threads.map(run, PODS), strict=True))


def remove_all(bank: Site, sandboxes: dict[str, Sandbox]) -> None:
    with ThreadPoolExecutor(len(PODS)) as threads:
        list(threads.map(bank.remove, sandboxes.values()))


def test_pods_at_once_have_their_addresses_again_after_all_were_replaced(bank: Site) -> None:
    bank.use(PORTMAP)
    old = run_all(bank)
    assert {name: bank.address(sandbox) for name, sandbox in old.items()} == PODS
    remove_all(bank, old)

    new = run_all(bank)
    assert {name: bank.address(sandbox) for name, sandbox in new.items()} == PODS
    assert {one.id for one in old.values()}.isdisjoint(one.id for one in new.values())
    remove_all(bank, new)

    assert bank.left_behind() == []
