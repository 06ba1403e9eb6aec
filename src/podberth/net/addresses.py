"""Where the addresses of an interface come from, as a type says."""

from __future__ import annotations

from enum import StrEnum


class Addresses(StrEnum):
    """LEDGER: podberth's own. IPAM: what the key `ipam` names, if it names anything (SPEC.md section 4).

    PREVIOUS: the plugin before it in the chain. KERNEL: the same, or, if it is the first, what the kernel gives a link
    that is set up. CALLED: the plugins that it calls.
    """

    LEDGER = "ledger"
    IPAM = "ipam"
    PREVIOUS = "previous"
    KERNEL = "kernel"
    CALLED = "called"
