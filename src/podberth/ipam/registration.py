"""Which machine a node's name stands for. Pure.

Leases name their node, and a node ends the leases of its own pods that are gone. Two machines under one name would end
each other's. So a node is its name, the machine-id and the boot-id of its host, and a random key in its state
directory; the cluster's store knows who registered under the name first (docs/identity.md).
"""

from __future__ import annotations

from podberth.cni.value import replace, value

BOOTS = 16  # former boots that are remembered


@value
class Registration:
    """A machine under a node's name. `machine`: its machine-id (machine-id(5)), '' if it is not known here.

    `boot`: the kernel's boot_id (random(4)), `key`: a digest of the key in the state directory, `time`: of the first
    registration with these, ns since the epoch. `former`: the boots before, the latest last.
    """

    node: str
    machine: str
    boot: str
    key: str
    time: int = 0
    former: tuple[str, ...] = ()


@value
class Judgement:
    """What comes of a machine's wish to be a node. `refusal`: why it is not; '' if it is.

    `write`: the store has to be told. `notice`: for the log.
    """

    refusal: str = ""
    write: bool = False
    notice: str = ""


def judge(known: Registration | None, mine: Registration, *, fenced: bool) -> Judgement:
    """Say whether `mine` is the node that `known` registered. `fenced`: an operator said that nothing runs there.

    Unknown is not different: where one side has no machine-id, the key decides.
    """
    if known is None:
        return Judgement(write=True)
    same_machine = "" in (known.machine, mine.machine) or known.machine == mine.machine
    if known.key == mine.key and same_machine and mine.boot and mine.boot in known.former:
        return Judgement(
            refusal=f"node {mine.node} was started again in boot {known.boot} while this machine, of boot {mine.boot},"
            " runs on: one of the two is a copy of the other, with its machine-id and its key"
        )
    if known.key == mine.key and same_machine:
        return Judgement(write=known.boot != mine.boot or known.machine != (mine.machine or known.machine))
    if same_machine and known.boot == mine.boot:
        return Judgement(
            write=True, notice=f"node {mine.node} is registered again: its key was lost, machine and boot are the same"
        )
    if fenced:
        return Judgement(write=True, notice=f"node {mine.node}, which is fenced, is another machine from now on")
    return Judgement(refusal=_refusal(known, mine, same_machine=same_machine))


def successor(known: Registration | None, mine: Registration) -> Registration:
    """Return what is registered from now on. What is not known of this machine stays as it was."""
    if known is None or known.key != mine.key:
        return mine
    former = known.former if known.boot == mine.boot else (*known.former, known.boot)[-BOOTS:]
    return replace(mine, machine=mine.machine or known.machine, time=known.time, former=former)


def _refusal(known: Registration, mine: Registration, *, same_machine: bool) -> str:
    if same_machine:
        return (
            f"node {mine.node} is registered with another key, by a machine with the machine-id of this one"
            f" ({mine.machine or 'unknown'}): this is a copy of that, or has lost its state directory and was rebooted"
        )
    return (
        f"node {mine.node} is the machine with machine-id {known.machine}, and this one's is {mine.machine}:"
        " two machines under one name would end each other's leases"
    )


def remedy(node: str) -> str:
    """Return what an operator does about a refusal."""
    return (
        "give this machine a name of its own (`podberth store use ... --node NAME`); if it replaces the other, which is"
        f" off, say so on another node: podberth fence {node}"
    )
