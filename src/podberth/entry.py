"""The only wiring: one function, `handle(env, stdin) -> (exit code, stdout)`, for plugin, agent and tests.

Nothing is decided here. The store is opened where the configuration says, the verbs are given its parts, and what they
achieve or refuse is put into the words of the caller's CNI version.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock

from podberth.catalogue import about, find_ipam, plugin_of, unknown
from podberth.cni.call import Call, Verb, VersionProbe, spoken_version
from podberth.cni.errors import CniError
from podberth.cni.reply import error_json, result_json, version_json
from podberth.cni.value import replace
from podberth.verbs.ipam import serve_ipam
from podberth.verbs.node import Node
from podberth.verbs.serve import load, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from podberth.cni.result import Result
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.moment import Moment
    from podberth.linux.locks import Locks
    from podberth.net.ops import Address
    from podberth.net.outside import Outside
    from podberth.outside import Look
    from podberth.policy.store import Policies
    from podberth.runtime.log import Log
    from podberth.stores.member import Member
    from podberth.stores.sqlite.database import Database
    from podberth.verbs.delegated import Delegate

CHOICE = "store.json"  # where a state directory says that it stands for a cluster (stores/chosen.py)
MOST_STORES = 16  # four descriptors each


def main(plugin_type: str) -> int:
    """Serve one CNI call from this process's environment and stdin; return the exit code.

    `dhcp daemon` is no call: it is the process that `dhcp` asks.
    """
    if plugin_type == "dhcp" and sys.argv[1:2] == ["daemon"]:
        from podberth.dhcp.flags import main as daemon

        return daemon(sys.argv[2:])
    if not os.environ.get("CNI_COMMAND"):
        sys.stderr.write(about(plugin_type))
        return 0
    code, stdout = handle(os.environ, sys.stdin.buffer.read(), plugin_type)
    sys.stdout.write(stdout)
    sys.stdout.flush()
    return code


def handle(
    env: Mapping[str, str], stdin: bytes, plugin_type: str = "podberth", connect: Callable[[str], Node] | None = None
) -> tuple[int, str]:
    """Serve one CNI call: return (0, what goes to stdout) or (1, the error object). Never raises.

    `connect` opens the node's parts for a state directory; by default this machine's.
    """
    opened: list[Node] = []
    log: Log | None = None

    def open_once(directory: str) -> Node:
        node = (connect or open_node)(directory)
        opened.append(node if log is None else replace(node, host=log.over(node.host)))
        return opened[0]

    try:
        call = Call.parse(env, stdin)
        if call is None:
            return 0, ""
        if isinstance(call, VersionProbe):
            return 0, version_json(call.version)
        log = _log(call)
        achieved = _served(call, plugin_type, open_once, env)
        if log is not None:
            log.ended(None)
        return 0, "" if achieved is None else result_json(achieved, call.conf.cni_version)
    except CniError as error:
        if log is not None:
            log.ended(error)
        return 1, error_json(error, spoken_version(stdin))
    except Exception as bug:  # noqa: BLE001 - a runtime must get an error object whatever happens
        from traceback import format_exc

        from podberth.process.log import notice
        from podberth.process.reason import REPORT, Reason

        notice(Reason(format_exc(), REPORT))
        told = CniError(f"internal error: {type(bug).__name__}: {bug}", "please report it with the plugin's stderr")
        return 1, error_json(told, spoken_version(stdin))
    finally:
        for node in opened:
            node.host.close()  # a namespace that is held open here would outlive its pod


def _served(call: Call, plugin_type: str, open_once: Callable[[str], Node], env: Mapping[str, str]) -> Result | None:
    plugin = plugin_of(plugin_type)
    if plugin is not None:
        return serve(call, plugin, open_once, delegate_of(env))
    giver = find_ipam(plugin_type)
    if giver is None:
        raise unknown(plugin_type)
    return serve_ipam(call, giver)


def _log(call: Call) -> Log | None:
    if not any(call.conf.fields.said(key) for key in ("logLevel", "logFile")):
        return None
    from podberth.runtime.log import asked

    return asked(call)


def delegate_of(env: Mapping[str, str]) -> Delegate:
    """Return what calls the IPAM plugin of a request's configuration, in the caller's environment.

    Where CNI_PATH has podberth's own plugin of that type, it is served here, without another process.
    """

    def asked(call: Call, verb: str) -> Result | None:
        from podberth.runtime.delegate import delegate, executable_of
        from podberth.runtime.own import is_own

        executable, name = executable_of(call)
        giver = find_ipam(name) if is_own(executable) else None
        if giver is not None:
            return serve_ipam(replace(call, verb=Verb(verb)), giver)
        return delegate(call, verb, executable, env)

    return asked


def staying() -> Callable[[Mapping[str, str], bytes, str], tuple[int, str]]:
    """Return a `handle` for a process that stays: it keeps each store open that a call has named.

    Threads may share it; their transactions on one store follow one another.
    """
    kept = Kept()
    return lambda env, stdin, plugin_type: handle(env, stdin, plugin_type, kept.node)


class Kept:
    """What a process that stays keeps, by the directory that a call has named: the store, and the locks.

    Of stores that are one node's own it keeps the `MOST_STORES` that were opened last, and none that is not there.
    `moved` is told which addresses have moved to other nodes of a cluster. `equip` returns the node of a directory as
    this process serves it. `look` finds objects of API servers.
    """

    def __init__(
        self,
        moved: Callable[[frozenset[Address]], None] = lambda _: None,
        equip: Callable[[str, Node], Node] = lambda _, node: node,
        look: Look | None = None,
    ) -> None:
        from podberth.linux.spare import Spare

        load()
        self._moved = moved
        self._equip = equip
        self._look = look
        self._nodes: dict[str, tuple[Node, Locks]] = {}
        self._chosen: dict[str, tuple[int, ...]] = {}  # what the file was that named the store, when that was opened
        self._members: list[Member] = []
        self._own: dict[str, Database] = {}
        self._guard = RLock()
        self._spare = Spare()

    @property
    def directories(self) -> tuple[str, ...]:
        """The stores that are kept."""
        return tuple(self._nodes)

    def choice_of(self, directory: str) -> str:
        """Return the kind of store that a directory stands for now, whether or not that is open.

        Raises what keeps it from being opened, as far as that can be known without asking a cluster.
        """
        if not is_a_member(directory):
            return "sqlite"
        from podberth.stores.chosen import chosen
        from podberth.stores.member import connected

        found = chosen(directory)
        connected(found).close()
        return found.store

    @property
    def away(self) -> tuple[str, ...]:
        """Why each cluster's store that can't be reached, or may not be read, can't."""
        return tuple(filter(None, (member.away() for member in tuple(self._members))))

    @property
    def unproven(self) -> tuple[str, ...]:
        """Why this machine is not the node that its clusters know by its name, of each that says so."""
        return tuple(filter(None, (member.identity.refusal for member in tuple(self._members))))

    def changed(self, directory: str) -> bool:
        """Say whether the directory stands for another store by now than the one that is open."""
        return directory in self._chosen and self._chosen[directory] != _choice(directory)

    def close(self) -> None:
        """End what runs for the stores."""
        for member in self._members:
            member.close()
        for database in self._own.values():
            database.close()
        if self._spare is not None:
            self._spare.close()

    def node(self, directory: str, given: Mapping[str, int] | None = None) -> Node:
        """Return the node with a network to be used for one call, then closed; `given` as a LinuxHost takes it."""
        from podberth.linux.host import LinuxHost

        found = self._nodes.get(directory)
        if found is None:
            with self._guard:
                choice = _choice(directory)  # before it is read: a change meanwhile is one
                found = self._nodes.get(directory) or (self._opened(directory), open_locks(directory))
                if self._stored(directory, found[0]):
                    self._nodes[directory] = found
                    self._chosen.setdefault(directory, choice)
                    self._bound()
        node, locks = found
        return replace(node, host=LinuxHost(locks, given, self._spare, lambda: _outside(self.node, self._look)))

    def _stored(self, directory: str, node: Node) -> bool:
        """Say whether the store is there; one that is not, or of which that is not known, is not kept."""
        there = False
        try:
            there = node.stored()
        finally:
            if not there and directory in self._own:
                self._own.pop(directory).close()
        return there

    def _bound(self) -> None:
        """Let go of the stores that were opened first, beyond the bound. A call that is at one opens it again."""
        for directory in tuple(self._own)[: max(0, len(self._own) - MOST_STORES)]:
            del self._nodes[directory], self._chosen[directory]
            self._own.pop(directory).close()

    def _opened(self, directory: str) -> Node:
        if not is_a_member(directory):
            return self._equip(directory, self._own_node(directory))
        member = join(directory, staying=True, moved=self._moved)
        self._members.append(member)
        return self._equip(directory, _member_node(directory, member, staying=True))

    def _own_node(self, directory: str) -> Node:
        from podberth.stores.sqlite.database import Database

        database = self._own[directory] = Database(directory, staying=True)
        return _own_node(directory, database)


def open_node(directory: str, *, staying: bool = False) -> Node:
    """Return this machine's node with the store in `directory`. StoreFailed if the store can't be used.

    `staying`: for a process that goes on for a while, which may have threads of its own for it.
    """
    if is_a_member(directory):
        return _member_node(directory, join(directory, staying=False), staying=staying)
    from podberth.stores.sqlite.database import Database

    return _own_node(directory, Database(directory, staying=staying))


def _own_node(directory: str, database: Database) -> Node:
    from podberth.linux.clock import Discipline
    from podberth.stores.clock import NodeClock
    from podberth.stores.sqlite.ledger import SqliteLedger
    from podberth.stores.sqlite.policies import SqlitePolicies

    clock = NodeClock((Discipline(),))
    ledger = SqliteLedger(database, clock=clock)
    node = _node(directory, _name(directory), database, SqlitePolicies(database, clock), ledger, clock)
    return replace(node, archive=ledger.archive)


def is_a_member(directory: str) -> bool:
    """Say whether the directory stands for a cluster's store. InvalidConfig if what says so can't be read."""
    if not _choice(directory):
        return False
    from podberth.stores.chosen import SQLITE, chosen

    return chosen(directory).store != SQLITE


def _name(directory: str) -> str:
    """Return how leases in a store of the node's own name it."""
    if not _choice(directory):
        return os.uname().nodename
    from podberth.stores.chosen import chosen

    return chosen(directory).node


def _choice(directory: str) -> tuple[int, ...]:
    """Return what tells the file that names the store from one in its place; () if there is none, as on most nodes."""
    try:
        at = os.stat(os.path.join(directory, CHOICE))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as wrong:  # it can't be looked at: what it says is not known, and that is not "nothing"
        return (wrong.errno or -1,)
    return at.st_dev, at.st_ino, at.st_mtime_ns, at.st_size


def join(directory: str, *, staying: bool, moved: Callable[[frozenset[Address]], None] = lambda _: None) -> Member:
    """Return the node as a member of the cluster that its state directory stands for; `moved` as Member takes it."""
    from podberth.linux.clock import Discipline
    from podberth.process.machine import boot_id, machine_id
    from podberth.stores.chosen import chosen
    from podberth.stores.member import Member

    machine = machine_id(), boot_id()
    return Member(directory, chosen(directory), staying=staying, moved=moved, machine=machine, opinions=(Discipline(),))


def _member_node(directory: str, member: Member, *, staying: bool) -> Node:
    from podberth.stores.sqlite.database import Database

    database = Database(directory, staying=staying)
    node = _node(directory, member.name, database, member.policies, member.ledger, member.clock)
    return replace(
        node, usable=(member.probe,), elsewhere=member.elsewhere, outlook=member.outlook, away=member.away,
        stored=lambda: True,
    )  # fmt: skip


def _node(
    directory: str, name: str, database: Database, policies: Policies, ledger: Ledger, clock: Callable[[], Moment]
) -> Node:
    from podberth.ipam.lease import Actor
    from podberth.linux.host import LinuxHost
    from podberth.process.machine import boot_id
    from podberth.stores.sqlite.attachments import SqliteAttachments
    from podberth.stores.sqlite.reserve import Reserve

    follow = _loaded("podberth.stores.directory", "sync")
    return Node(
        name=name, policies=policies, ledger=ledger,
        host=LinuxHost(open_locks(directory), outside=lambda: _outside(lambda other, _: open_node(other))),
        attachments=SqliteAttachments(database),
        clock=lambda: clock().true,
        room=Reserve(directory),
        inside=_loaded("podberth.linux.occupied", "inside"),
        remains=_loaded("podberth.linux.remains", "remains"),
        follow=lambda path: follow(policies, path, Actor(who="plugin", why="policyDir", node=name)),
        stored=lambda: database.stored,
        boot=boot_id,
        annotate=_loaded("podberth.objects", "try_to_annotate"),
        show_claim=_loaded("podberth.objects", "try_to_show_claim"),
        labels=lambda kind, pod: _loaded("podberth.labels", "labels")(directory, name, kind, pod),
    )  # fmt: skip


def open_locks(directory: str) -> Locks:
    """Return the node-wide locks of the store in `directory`."""
    from podberth.linux.locks import Locks

    return Locks(os.path.join(directory, "locks"))


def _outside(node: Callable[[str, Mapping[str, int]], Node], look: Look | None = None) -> Outside:
    """Return what is beyond a host's kernel: podberth's own plugins are called with the nodes of `node`."""
    from podberth.outside import calls

    return calls(handle, node, look)


def _loaded(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module that few calls need: it is loaded when it is called."""

    def call(*said: object) -> Any:
        return getattr(__import__(module, fromlist=[name]), name)(*said)

    return call
