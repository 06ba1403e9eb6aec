"""Which commands there are, by subject, and where each is: its module is imported once it is called, or shown."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

# Below each heading of `podberth --help` its commands: each with its module in this package, and its name there.
SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Declare": {"apply": "declarations:apply", "delete": "declarations:delete", "get": "get:get"},
    "Addresses": {
        "pool": "pools:pool",
        "reserve": "reservations:reserve",
        "release": "release:release",
        "leases": "ledger:leases",
        "addresses": "addresses:addresses",
        "fence": "fence:fence",
        "unfence": "fence:unfence",
    },
    "Ask the ledger": {"who": "ledger:who", "history": "ledger:history", "clock": "clock:clock"},
    "Before the fact": {"explain": "explain:explain", "plan": "explain:plan"},
    "This node": {
        "agent": "agent.command:agent",
        "dhcp": "dhcp:dhcp",
        "top": "agent.top:top",
        "trace": "agent.trace:trace",
        "vf": "vf.command:vf",
        "check": "check:check",
        "gc": "gc:gc",
        "evict-rules": "evict:evict_rules",
        "doctor": "doctor.command:doctor",
        "store": "store.command:store",
    },
    "A container's host": {
        "install-shim": "install.shim:install_shim",
        "install-networks": "install.networks:install_networks",
    },
    "Another store": {
        "export": "transfer.moving:export",
        "import": "transfer.command:import_",
        "migrate": "transfer.moving:migrate",
    },
    "The cluster": {"controller": "controller.command:controller", "webhook": "controller.webhook:webhook"},
    "Plugins by hand": {
        "run": "run.command:run",
        "cnitool": "cnitool:cnitool",
        "conformance": "conformance:conformance",
    },
    "More": {"demo": "demo.command:demo", "completion": "completion:completion"},
}
PLACES: Mapping[str, str] = {name: place for section in SECTIONS.values() for name, place in section.items()}


def imported(place: str) -> click.Command:
    """Return the command that is at a place."""
    module, _, name = place.partition(":")
    command = getattr(import_module(f"podberth.cli.{module}"), name)
    assert isinstance(command, click.Command)
    return command
