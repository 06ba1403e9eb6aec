"""Options and arguments that several commands share, read into values; a wrong one is a usage error."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from podberth.agent.frame import SOCKET
from podberth.cli import when
from podberth.cli.failures import Misuse, unread
from podberth.cli.session import Session
from podberth.cni import parsers
from podberth.cni.errors import CniError
from podberth.cni.fields import shown
from podberth.cni.pod import PodRef, called, joined, parted
from podberth.ipam.owner import is_shared, named, of_deployment
from podberth.ipam.pool import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podberth.net.ops import Address
    from podberth.verbs.node import Node

T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., Any]")

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document (docs/cli.md has its keys)."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


def socket_option(name: str, text: str) -> Callable[[F], F]:
    """Return the option `--socket`, a path that the command gets by that name; `text` is its help."""
    return click.option(
        "--socket", name, metavar="PATH", envvar="PODBERTH_SOCKET", default=SOCKET, show_default=True,
        type=click.Path(dir_okay=False, path_type=Path), help=text,
    )  # fmt: skip


class Present(click.Path):
    """A file that a command reads. NotFound if it is not there: that is no wrong command line."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        try:
            Path(value).stat()
        except (FileNotFoundError, NotADirectoryError) as wrong:
            raise unread(value, wrong) from None
        except OSError:
            pass  # whoever reads it will say what is wrong with it
        return super().convert(value, param, ctx)


class Parsed(click.ParamType[T]):
    """A parameter that a function reads: it returns the value or raises ValueError.

    `suggest` names what a store knows, for the shell's completion.
    """

    def __init__(
        self, name: str, parse: Callable[[str], T], suggest: Callable[[Node], Iterable[str]] | None = None
    ) -> None:
        self.name = name
        self.parse = parse
        self.suggest = suggest

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Return the value; what is one already, as a default is, stays."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return self.parse(value)
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return what the store knows that begins so; nothing where there is no store to be read."""
        root = ctx.find_root()
        if self.suggest is None or not callable(root.obj):
            return super().shell_complete(ctx, param, incomplete)
        try:
            names = tuple(self.suggest(Session(root.params["state"], root.obj).node))
        except CniError:
            return []
        return [CompletionItem(name) for name in dict.fromkeys(names) if name.startswith(incomplete)]


def pod_name(text: str) -> PodRef:
    """Return the pod that NAMESPACE/POD names, as a runtime called it; ValueError if that is not what it is."""
    namespace, slash, name = text.partition("/")
    if not slash:
        raise ValueError(f"expected NAMESPACE/POD, got {shown(text)}")
    try:
        return PodRef(namespace=called(namespace), name=called(name))
    except ValueError:
        raise ValueError(f"expected NAMESPACE/POD, got {shown(text)}") from None


def owner_name(text: str) -> PodRef:
    """Return the pod, or the Deployment as NAMESPACE/deployment/NAME, that something is to be kept for."""
    namespace, slash, name = text.partition("/")
    if not slash:
        raise ValueError(f"expected NAMESPACE/POD, got {shown(text)}")
    return named(namespace, name)


def node_name(text: str) -> str:
    """Return a node's name, of another cluster on the same ledger 'CLUSTER:NAME'; ValueError if it is none."""
    cluster, bare = parted(text)
    return joined(parsers.label(cluster) if cluster else "", parsers.identifier(bare))


def address(text: str) -> Address:
    """Return an IP address; ValueError if it is none."""
    return parsers.ip_address(text)


def address_or_range(text: str) -> Address | Span:
    """Return an address, or the range that PREFIX/LENGTH or FIRST-LAST names; ValueError if it is neither."""
    found = _range(text)
    if found is not None:
        return found
    try:
        return parsers.ip_address(text)
    except ValueError:
        raise ValueError(f"expected an IP address, PREFIX/LENGTH or FIRST-LAST, got {shown(text)}") from None


def _range(text: str) -> Span | None:
    """Return a range; None if the text names none. ValueError if it does, and can't be one."""
    first, dash, last = text.partition("-")
    prefix, slash, _ = text.partition("/")
    try:
        if slash:
            parsers.ip_address(prefix)
        elif dash:
            one, other = parsers.ip_address(first.strip()), parsers.ip_address(last.strip())
        else:
            return None
    except ValueError:
        return None
    if slash:
        try:
            network = ip_network(text)
        except ValueError as wrong:
            raise ValueError(f"{shown(text)} is no range: {wrong}") from None
        return Span(first=network[0], last=network[-1])
    if one.version != other.version or int(one) > int(other):
        raise ValueError(f"{shown(text)} is no range: the first address comes after the last, or is of another family")
    return Span(first=one, last=other)


def pod_or_address(text: str) -> PodRef | Address | Span:
    """Return the pod; the Deployment as NAMESPACE/deployment/NAME, the claim as NAMESPACE/ipamclaim/NAME/UID; or the
    address, or the range.
    """
    found = _range(text)
    if found is not None:
        return found
    namespace, _, rest = text.partition("/")
    if rest.startswith("ipamclaim/"):
        return named(namespace, rest)
    if rest.startswith("deployment/"):
        whose = pod_name(f"{namespace}/{rest.partition('/')[2]}")
        return of_deployment(whose.namespace, whose.name)
    if "/" in text:
        return pod_name(text)
    try:
        return parsers.ip_address(text)
    except ValueError:
        raise ValueError(
            f"expected NAMESPACE/POD, an IP address, PREFIX/LENGTH or FIRST-LAST, got {shown(text)}"
        ) from None


def event_numbers(text: str) -> tuple[int, int]:
    """Return the numbers of the first and last event that FIRST-LAST, or one number alone, names."""
    first, dash, last = text.partition("-")
    numbers = (first, last if dash else first)
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        raise ValueError(f"expected numbers of events, as 17-93, got {shown(text)}")
    if int(numbers[0]) > int(numbers[1]):
        raise ValueError(f"{shown(text)}: the first event comes after the last")
    return int(numbers[0]), int(numbers[1])


def is_address(subject: object) -> bool:
    """Say whether `pod_or_address` gave an address."""
    return isinstance(subject, IPv4Address | IPv6Address)


def _pools(node: Node) -> Iterable[str]:
    return (pool.name for pool in node.policies.pools())


def _pods(node: Node) -> Iterable[str]:
    reserved = (str(kept.pod) for kept in node.ledger.reservations() if not is_shared(kept.pod))
    return (*reserved, *(str(lease.pod) for lease in node.ledger.leases() if lease.pod is not None))


def _owners(node: Node) -> Iterable[str]:
    return (*_pods(node), *(str(kept.pod) for kept in node.ledger.reservations()))


def _reserved(node: Node) -> Iterable[str]:
    return (str(reservation.address) for reservation in node.ledger.reservations())


def _networks(node: Node) -> Iterable[str]:
    return (lease.attachment.network for lease in node.ledger.leases())


def _nodes(node: Node) -> Iterable[str]:
    return (*(lease.node for lease in node.ledger.leases()), *(said.node for said in node.elsewhere.fences()))


MAX_REASON = 200  # characters
POD = Parsed("NAMESPACE/POD", pod_name, _pods)
OWNER = Parsed("NAMESPACE/POD", owner_name, _owners)
ADDRESS = Parsed("ADDRESS", address, _reserved)
ADDRESS_OR_RANGE = Parsed("ADDRESS or RANGE", address_or_range, _reserved)
POD_OR_ADDRESS = Parsed("NAMESPACE/POD or ADDRESS", pod_or_address, _owners)
IFNAME = Parsed("IFNAME", parsers.ifname)
NODE = Parsed("NODE", node_name, _nodes)
POOL = Parsed("POOL", parsers.name, _pools)
NAMESPACE = Parsed("NAMESPACE", called)
NETWORK = Parsed("NETWORK", parsers.identifier, _networks)
DURATION = Parsed("DURATION", when.length)
EVENTS = Parsed("FIRST-LAST", event_numbers)
WHEN = Parsed("TIME", lambda text: when.parse(text, time.time_ns()))  # noqa: TID251


def reason(text: str) -> str:
    """Return why an operator goes against a pool's rules."""
    if not text.strip() or not text.isprintable() or len(text) > MAX_REASON:
        raise ValueError(f"expected a reason of at most {MAX_REASON} printable characters, got {shown(text)}")
    return text.strip()


def said(text: str) -> str:
    """Return what an operator says in words of their own, which a store keeps."""
    if not text.strip() or not text.isprintable():
        raise ValueError(f"expected printable characters, got {shown(text)}")
    return text


SAID = Parsed("TEXT", said)
why_option = click.option("--why", type=SAID, metavar="TEXT", help="The reason, for the ledger; it has to be given.")


def given(why: str | None, todo: str) -> str:
    """Return the reason. Misuse if there is none; `todo` is what to say."""
    if why is None:
        raise Misuse("option '--why': expected the reason", todo)
    return why


def overriding(why: str, override: str) -> str:
    """Return why a command changes the ledger, with the reason of one that goes against a pool's rules."""
    return f"{why}; override: {override}" if override else why


override_option = click.option(
    "--override", metavar="REASON", type=Parsed("REASON", reason), callback=lambda _, __, said: said or "",
    help="Also what the pool's `allow` keeps for other namespaces; the ledger keeps the reason.",
)  # fmt: skip
