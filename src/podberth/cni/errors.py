"""Every error a CNI caller can see; each class owns its code (SPEC.md 1.1.0, section 5, "Error").

Codes below 100 are the specification's, 8 is Go skel's; 100 and above are podberth's own.
`message` is one sentence with the path of the field at fault, `details` says what to do next: runtimes join them with
"; " and show them in the pod's events.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class CniError(Exception):
    """Base of every error that ends as the specification's error object on stdout."""

    code: ClassVar[int] = 999

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def within(self, what: str) -> None:
        """Put what it is about before its message: class, code and details stay."""
        self.message = f"{what}: {self.message}"
        self.args = (self.message,)


class IncompatibleVersion(CniError):
    """Code 1: a cniVersion that this plugin does not speak."""

    code = 1


class UnsupportedField(CniError):
    """Code 2: a field of the configuration asks for what the plugin cannot do; key and value are named."""

    code = 2


class UnknownContainer(CniError):
    """Code 3: the container is unknown or does not exist; the caller need not DEL."""

    code = 3


class InvalidEnvironment(CniError):
    """Code 4: a CNI_* variable is missing or malformed; it is named."""

    code = 4


class IOFailure(CniError):
    """Code 5: input could not be read."""

    code = 5


class DecodingFailure(CniError):
    """Code 6: bytes that are not the JSON they should be."""

    code = 6


class InvalidConfig(CniError):
    """Code 7: a network configuration that does not hold together; the field's path is named."""

    code = 7


class InvalidNetns(CniError):
    """Code 8 (Go skel): CNI_NETNS is no network namespace, or is the plugin's own."""

    code = 8


class TryAgainLater(CniError):
    """Code 11: a passing condition; the caller should retry."""

    code = 11


class Unfit(TryAgainLater):
    """Code 11: this node lacks now what an ADD needs, and gets it back without a change of any configuration."""


class DiskFull(Unfit):
    """Code 11: the disk of the state directory is full; nothing was changed."""


class NotAvailable(CniError):
    """Code 50 (STATUS): the plugin cannot serve ADD now."""

    code = 50


class LimitedConnectivity(CniError):
    """Code 51 (STATUS): ADD is served, containers may have limited connectivity."""

    code = 51


class PoolExhausted(CniError):
    """Code 100: no free address in the pool; the pool and its usage are named."""

    code = 100


class AddressTaken(CniError):
    """Code 101: the address belongs to somebody else (a pod, or a host that answers for it); both are named."""

    code = 101


class Refused(CniError):
    """Code 102: the operator's policy does not allow it; the rule and the way to change it are named."""

    code = 102


class KernelRefused(CniError):
    """Code 103: the kernel refused an operation; the operation and its errno are named."""

    code = 103


class StoreFailed(CniError):
    """Code 104: the ledger or policy store failed or holds what it should not."""

    code = 104


class Drifted(CniError):
    """Code 105 (CHECK): the attachment is not as it was made; each difference is named."""

    code = 105


class NoFreeDevice(CniError):
    """Code 106: no virtual function is free for the pod; those that would do are named, and who holds them."""

    code = 106
