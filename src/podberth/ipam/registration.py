"""Which machine a node's name stands for. Pure.

Leases name their node, and a node ends the leases of its own pods that are gone. Two machines under one name would end
each other's. So a node is its name, the machine-id and the boot-id of its host, and a random key in its state
directory; the cluster's store knows who registered under the name first (docs/identity.md).
"""

from __future__ import annotations

from podberth.cni.value import replace, value

BOOTS = 32  # former boots and keys that are remembered


ASK = 15.0  # seconds between two questions of a node whether it still is the node
OBJECTION = 3 * ASK  # seconds in which a node that lives objects to the claim of another boot
QUESTION = "alive?"  # a claim that begins so is no boot's: somebody asks whether the node lives, and it answers


@value
class Registration:
    """A machine under a node's name. `machine`: its machine-id (machine-id(5)), '' if it is not known here.

    `boot`: the kernel's boot_id (random(4)), `key`: a digest of the key in the state directory, `time`: of the first
    registration with these, ns since the epoch. `claim`: another boot of the machine that wants to be the node.
    `version`: of the node's agent, by its own word; '' if it said none.
    `former`: boots, keys and places that were the node before, or that a living node objected to, the latest last.
    `place`: which file the key is in: its inode, and the change time that no copy has; '' if that is not known.
    """

    node: str
    machine: str
    boot: str
    key: str
    time: int = 0
    claim: str = ""
    former: tuple[str, ...] = ()
    version: str = ""
    place: str = ""


@value
class Proof:
    """Whether a machine is the node. `refusal`: why it is not, '' if it is. `pending`: that may change by itself.

    `absent`: there is no node of the name at all. That is not another machine's doing: what runs here may end.
    """

    refusal: str = ""
    pending: bool = False
    absent: bool = False


@value
class Judgement:
    """What comes of a machine's wish to be a node: its proof, and what is registered from now on, if that changes.

    `notice`: for the log.
    """

    proof: Proof = Proof()
    write: Registration | None = None
    notice: str = ""


def judge(known: Registration | None, mine: Registration, *, fenced: bool, waited: bool = False) -> Judgement:
    """Say whether `mine` is the node that `known` registered. `fenced`: an operator said that nothing runs there.

    `waited`: the claim of this boot has stood for OBJECTION. Unknown is not different: where one side has no
    machine-id, the key decides.
    """
    if known is None:
        return Judgement(write=mine)
    same_machine = "" in (known.machine, mine.machine) or known.machine == mine.machine
    if same_machine and known.key == mine.key:
        return _of_the_key(known, mine, fenced=fenced, waited=waited)
    if same_machine and known.boot == mine.boot != "" and mine.key not in known.former:
        again = replace(mine, machine=mine.machine or known.machine, former=_remembered(known, known.key))
        again = replace(again, version=mine.version or known.version)
        notice = f"node {mine.node} is registered again: its key was lost, machine and boot are the same"
        return Judgement(write=again, notice=notice)
    if fenced:
        return Judgement(write=mine, notice=f"node {mine.node}, which is fenced, is another machine from now on")
    return Judgement(proof=Proof(refusal=_refusal(known, mine, same_machine=same_machine)))


def _of_the_key(known: Registration, mine: Registration, *, fenced: bool, waited: bool) -> Judgement:
    """Judge a machine with the key that is registered: the node, the node after a reboot, or a copy of it."""
    learned = replace(
        known, machine=mine.machine or known.machine, version=mine.version or known.version,
        place=mine.place or known.place,
    )  # fmt: skip
    if mine.boot == known.boot and "" not in (mine.place, known.place) and mine.place != known.place:
        return _of_the_place(known, mine, fenced=fenced)
    if mine.boot in ("", known.boot) and known.claim.startswith(QUESTION):
        notice = f"somebody asked whether node {mine.node} lives, to fence it: it does"
        return Judgement(write=replace(learned, claim=""), notice=notice)
    if mine.boot in ("", known.boot) and known.claim:
        denied = replace(learned, claim="", former=_remembered(known, known.claim))
        notice = f"a copy of node {mine.node}, of boot {known.claim}, wanted to be it while this machine runs"
        return Judgement(write=denied, notice=notice)
    if mine.boot in ("", known.boot):
        return Judgement(write=learned if learned != known else None)
    if mine.boot in known.former:
        return Judgement(
            proof=Proof(
                refusal=f"node {mine.node} runs in boot {known.boot}, and this machine in boot {mine.boot}: one of the"
                " two is a copy of the other, with its machine-id and its key"
            )
        )
    if known.claim == mine.boot and waited:
        return Judgement(write=replace(learned, boot=mine.boot, claim="", former=_remembered(known, known.boot)))
    wait = Proof(
        refusal=f"node {mine.node} was in boot {known.boot} before, and is in boot {mine.boot} unless a machine of that"
        f" boot objects within {OBJECTION:g} s",
        pending=True,
    )
    return Judgement(proof=wait, write=replace(known, claim=mine.boot) if known.claim != mine.boot else None)


def _of_the_place(known: Registration, mine: Registration, *, fenced: bool) -> Judgement:
    """Judge a copy of the state directory beside the one that is registered, in one boot: the later one is the node."""
    if mine.place in known.former and not fenced:
        return Judgement(
            proof=Proof(
                refusal=f"node {mine.node} has a copy of this state directory since then, and its agent runs on that"
                " copy: two agents on one machine can't be one node"
            )
        )
    moved = replace(known, place=mine.place, former=_remembered(known, known.place))
    notice = f"node {mine.node} is a copy of its state directory from now on; an agent on the former one is refused"
    return Judgement(write=moved, notice=notice)


def _remembered(known: Registration, other: str) -> tuple[str, ...]:
    return (*known.former, other)[-BOOTS:]


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


def absent(node: str, *, known: bool) -> Proof:
    """Return the proof of a machine whose name is no Node's. `known`: it was one before, and may be one again."""
    if known:
        why = f"node {node} is no Node of the cluster any more, and others take it for gone"
        return Proof(refusal=f"{why}: nothing new is bound here until it is one again", absent=True, pending=True)
    return Proof(refusal=f"node {node} is no Node of the cluster: others would take its pods for gone", absent=True)


def asked(known: Registration, question: str) -> Registration:
    """Return the registration with a question in it that the node answers, by taking it out, if it lives."""
    return replace(known, claim=question)


_OTHER = (
    "give this machine a name of its own (`podberth store use ... --node NAME`); if it replaces the other, which is"
    " off, say so on another node: `podberth fence {node} --why REASON`"
)


def remedy(node: str, *, none: bool = False) -> str:
    """Return what an operator does about a refusal; `none`: of a name that is no Node's."""
    if none:
        return (
            "name it as Kubernetes does (`kubectl get nodes`): podberth store use kubernetes --node NAME; or say that "
            "this machine is to be none: podberth store use kubernetes --nodes none"
        )
    return _OTHER.format(node=node)
