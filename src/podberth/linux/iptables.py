"""Rules of iptables that the CNI project's plugins have made: looked at, and taken away. No rule is ever made.

The program is started only where there is such a rule: for a node that goes from the CNI project's plugins to
podberth's, or back. Where it is not there, its rules stay.
"""

from __future__ import annotations

import os

from podberth.cni.errors import KernelRefused
from podberth.linux.netlink import nft
from podberth.linux.netlink.nft_rules import IPV4, IPV6, Table
from podberth.linux.netlink.socket import NetlinkError
from podberth.linux.transactions import NONE_HERE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from podberth.linux.namespaces import Namespaces

    Words = list[str]  # of a rule, as `iptables -S` lists it: '-A CHAIN ...'

_PROGRAMS = ((4, "iptables", IPV4, "ip_tables_names"), (6, "ip6tables", IPV6, "ip6_tables_names"))
_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_WAIT = ("-w", "10")  # seconds for the lock of iptables-legacy
_SECONDS = 30


def remove_chains(namespaces: Namespaces, table: str, chains: Sequence[str]) -> None:
    """Delete the chains, what leads to them, and what is in them; nothing happens where there are none."""
    for chain in chains:
        for _, program in _having(namespaces, table, chain):
            every = _listed(namespaces, program, table)
            if ["-N", chain] not in every:
                continue
            for words in every:
                if words[0] == "-A" and words[-2:] == ["-j", chain]:
                    _run(namespaces, program, table, "-D", *words[1:])
            _run(namespaces, program, table, "-F", chain)
            _run(namespaces, program, table, "-X", chain)


def make_chain(namespaces: Namespaces, table: str, chain: str, versions: Collection[int]) -> None:
    """Make an empty chain, where iptables is usable; nothing happens where it is not, or where there is the chain.

    Version 1.9.1 of the CNI project's plugins deletes a rule that leads to it, whatever its backend. It takes the
    refusal of a chain that is not there for a failure: iptables 1.8 has the exit status 2 for that.
    """
    for version, name, _, _ in _PROGRAMS:
        program = _found(name) if version in versions else None
        if program:
            try:
                _run(namespaces, program, table, "-N", chain)
            except KernelRefused:
                pass  # they can't use it either


def remove_rules(namespaces: Namespaces, table: str, chain: str, mine: Callable[[int, Words], bool]) -> None:
    """Delete the rules of a chain that are `mine`, by IP version and words."""
    for version, program in _having(namespaces, table, chain):
        for words in _listed(namespaces, program, table):
            if words[:2] == ["-A", chain] and mine(version, words):
                _run(namespaces, program, table, "-D", *words[1:])


def rules(namespaces: Namespaces, table: str, chain: str) -> list[tuple[int, Words]]:
    """Return the rules of a chain, each with its IP version."""
    return [
        (version, words)
        for version, program in _having(namespaces, table, chain)
        for words in _listed(namespaces, program, table)
        if words[:2] == ["-A", chain]
    ]


def _having(namespaces: Namespaces, table: str, chain: str) -> Iterator[tuple[int, str]]:
    """Yield the programs that may have the chain, with their IP version; none is started to find out."""
    for version, name, family, legacy in _PROGRAMS:
        for flavour in ("nft", "legacy"):
            if flavour == "nft":
                known = _is_there(namespaces, Table(family=family, name=table), chain)
            else:
                known = table in _legacy_tables(namespaces, legacy)
            program = (_found(f"{name}-{flavour}") or _found(name)) if known else None
            if program:
                yield version, program


def _is_there(namespaces: Namespaces, table: Table, chain: str) -> bool:
    socket = namespaces.rules()
    try:
        return socket.get(nft.GET_CHAIN, table.chain(chain)) is not None
    except NetlinkError as refused:
        if refused.errno not in NONE_HERE:
            raise
        return False


def _legacy_tables(namespaces: Namespaces, name: str) -> list[str]:
    def inside() -> list[str]:
        try:
            with open(f"/proc/thread-self/net/{name}", encoding="ascii") as file:
                return file.read().split()
        except OSError:
            return []

    return namespaces.call(None, inside)


def _found(program: str) -> str | None:
    from shutil import which

    return which(program, path=f"{os.environ.get('PATH', '')}:{_FOLDERS}")


def _listed(namespaces: Namespaces, program: str, table: str) -> list[Words]:
    from shlex import split

    found: list[Words] = []
    for line in _run(namespaces, program, table, "-S").splitlines():
        try:
            found.append(split(line))
        except ValueError:
            pass  # of a rule that is nobody's of the project: it quotes what it prints
    return [words for words in found if words]


def _run(namespaces: Namespaces, program: str, table: str, *words: str) -> str:
    """Start the program in the node's namespace; return what it prints. KernelRefused if it fails."""
    from subprocess import DEVNULL, SubprocessError, run

    argv = [program, *_WAIT, "-t", table, *words]

    def inside() -> tuple[int, str, str]:
        done = run(argv, capture_output=True, check=False, timeout=_SECONDS, stdin=DEVNULL)  # noqa: S603
        # Comments are anybody's bytes, and come back to the program as they were.
        said, wrong = (out.decode("utf-8", "surrogateescape") for out in (done.stdout, done.stderr))
        return done.returncode, said, wrong

    try:
        code, said, wrong = namespaces.call(None, inside)
    except (OSError, SubprocessError) as failure:
        raise KernelRefused(f"{' '.join(argv)}: {failure}", "DEL or `podberth gc` will try again") from failure
    if code:
        raise KernelRefused(f"{' '.join(argv)}: {wrong.strip()[:500]!a}", "DEL or `podberth gc` will try again")
    return said
