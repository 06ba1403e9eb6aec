"""An operation that is larger than one step of the cluster's store, and still all or nothing.

Every address that it changes is marked first, with what it makes of it (`ipam.address_record.Mark`); what counts stays
as it was, and nobody else changes a marked address. The mark of one address, the primary, is the operation's own
object: one compare-and-swap of it says committed, and then all marks count. After that each mark is made the record.

A command may be killed anywhere. What is marked and not committed is undone, the primary first; what is committed is
carried through. The primary is the last that is: a mark whose primary has none is one of an operation given up.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, Refused
from podberth.cni.value import replace, value
from podberth.ipam.address_record import AddressRecord, Mark
from podberth.ipam.owner import is_deployment
from podberth.stores.replica.marks import OVER
from podberth.stores.replica.shared import AddressWrite, Busy, DocumentWrite, Proposal, Seen, Stale, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from podberth.cni.pod import PodRef
    from podberth.net.ops import Address
    from podberth.stores.replica.shared import Cluster, DocumentText, Key

    Take = Callable[[Seen], object]
    There = dict[Key, tuple[DocumentText, int]]

PART = 24  # addresses of one step
WEIGHT = 110  # keys of one step in etcd: a record, and two for each event
ATTEMPTS = 20  # at one step that others do at the same time
ENOUGH = 200  # characters of who does what


@value
class Operating:
    """An operation under way: its name, its own object's address, and all of its addresses."""

    operation: str
    primary: Address
    addresses: tuple[Address, ...]
    documents: tuple[Key, ...] = ()


def perform(
    cluster: Cluster, proposal: Proposal, by: str, take: Take, told: Callable[[int], object] = lambda _: None
) -> None:
    """Make the change that is proposed, all of it or nothing; Stale if it relied on what has changed.

    `take` gets what is written, as it is. `told` gets how many addresses more are marked. Unknown if nobody can be
    asked whether it was committed.
    """
    whole, there = _begun(cluster, proposal)
    try:
        primary = _mark_all(cluster, proposal, whole, there, by, take, told)
        committed = cluster.commit(_decision(cluster, proposal, primary))
    except Stale as stale:
        give_up(cluster, whole, take)
        raise Stale(_without(stale.seen, whole.operation)) from stale
    except Unknown:
        if give_up(cluster, whole, take):
            raise Stale(Seen()) from None
        committed = cluster.read((whole.primary,), ())
    except CniError:
        _tried(lambda: give_up(cluster, whole, take))
        raise
    take(committed)
    # It counts. Whoever comes upon a mark that is left carries it through.
    _tried(lambda: carry_through(cluster, whole, take))


def settle(cluster: Cluster, mark: Mark, take: Take, *, abandon: bool) -> bool:
    """End an operation that somebody else has begun; say whether it was committed.

    Busy if it is neither committed nor given up, without `abandon`: with it, it is given up.
    """
    found = _primary(cluster, mark.operation, mark.primary)
    if found is not None and not _committed(found[0]) and not abandon:
        raise unfinished(mark)
    whole = _all_of(cluster, mark)
    if give_up(cluster, whole, take):
        return False
    carry_through(cluster, whole, take)
    return True


def carry_over(cluster: Cluster, mark: Mark, take: Take) -> None:
    """Make the record of an address of what its mark, which is committed, says."""
    if mark.record.address == mark.primary:
        settle(cluster, mark, take, abandon=False)
    else:
        _each(cluster, mark.operation, (mark.record.address,), take, _rolled)


def give_up(cluster: Cluster, whole: Operating, take: Take) -> bool:
    """Undo an operation that is not committed, its primary first; False if it is. Busy if others are always faster."""

    def undone(record: AddressRecord, revision: int) -> AddressWrite:
        assert record.mark is not None, "only marked records come here"
        kept, back = record.mark.record.reservation, cluster.beyond(record)
        return AddressWrite(
            record=replace(record, mark=None), revision=revision, events=(), reserved_before=kept, undone=back
        )

    for _ in range(ATTEMPTS):
        found = _primary(cluster, whole.operation, whole.primary)
        if found is None:
            break
        if _committed(found[0]):
            return False
        try:
            take(cluster.commit(_writing((undone(*found),))))
        except Stale:
            continue
    else:  # whether it is committed is not known: nothing of it may be undone
        raise Busy(f"operation {whole.operation} is being ended by others too", "do it again")
    _each(cluster, whole.operation, _secondaries(whole), take, undone)
    _documents(cluster, whole, take, over=False)
    return True


def carry_through(cluster: Cluster, whole: Operating, take: Take) -> None:
    """Make all marks of a committed operation the records, the primary's last."""
    _each(cluster, whole.operation, _secondaries(whole), take, _rolled)
    _documents(cluster, whole, take, over=True)
    _each(cluster, whole.operation, (whole.primary,), take, _rolled)


def unfinished(mark: Mark) -> Busy:
    """Return the refusal of who wants an address that an operation has marked."""
    return Busy(
        f"{mark.record.address} is a part of operation {mark.operation} ({mark.by}), which is not committed yet",
        "it is over in a moment, or undone within a minute if its command was killed: try again;"
        " `podberth store operations` lists it",
    )


def carries(cluster: Cluster, proposal: Proposal) -> bool:
    """Say whether an operation can make the change: of documents that are marked all have to be new."""
    if not proposal.addresses:
        return False
    return _inline(cluster, proposal) or all(each.text.body and not each.revision for each in proposal.documents)


def _begun(cluster: Cluster, proposal: Proposal) -> tuple[Operating, There]:
    """Return the operation that is to be, and what is there of its documents, which is all that it may write over.

    Refused if one that is there already can't be marked.

    Stale if one is there that was not known of.
    """
    staged = () if _inline(cluster, proposal) else proposal.documents
    there = _there(cluster, staged)
    for write in staged:
        known = there.get(write.text.key)
        left = known is not None and known[0].operation and not known[0].operation.endswith(OVER)
        if known is not None and known[0].body and not left and not write.revision:
            raise Stale(Seen(documents=(known,)))
        if not write.text.body or (known is not None and known[0].body and not left):
            raise Refused(
                f"{' '.join(filter(None, write.text.key))} is there already, and would become another",
                "`podberth apply` the documents first, then do this again",
            )
        if left and known is not None:
            _require_over(cluster, known[0])
    whole = Operating(
        operation=secrets.token_hex(6),
        primary=proposal.addresses[0].record.address,
        addresses=tuple(write.record.address for write in proposal.addresses),
        documents=tuple(write.text.key for write in staged),
    )
    return whole, there


def _there(cluster: Cluster, writes: Sequence[DocumentWrite]) -> There:
    found = cluster.read((), tuple(write.text.key for write in writes)).documents
    return {text.key: (text, revision) for text, revision in found}


def _require_over(cluster: Cluster, text: DocumentText) -> None:
    """Raise Busy if the operation that has marked a document is not given up: no address has its mark any more."""
    for seen in cluster.load():
        for record, _ in seen.records:
            if _is_of(record, text.operation) and record.mark is not None:
                raise unfinished(record.mark)


def _inline(cluster: Cluster, proposal: Proposal) -> bool:
    """Say whether all documents are written with the word that commits; else they are marked too."""
    return len(proposal.documents) + len(proposal.approved) <= cluster.documents_at_once


def _mark_all(
    cluster: Cluster, proposal: Proposal, whole: Operating, there: There, by: str, take: Take,
    told: Callable[[int], object],
) -> tuple[AddressRecord, int]:  # fmt: skip
    """Mark everything; return the primary's record, and its revision."""
    primary: tuple[AddressRecord, int] | None = None
    pods: set[PodRef] = set()
    for part in _parts(proposal.addresses):
        marked = _marked(cluster, part, whole, by)
        named = dict.fromkeys(_for_pods(part))
        step = replace(
            _writing(marked),
            pods=tuple(pod for pod in named if pod not in pods),
            pools=proposal.pools,
            relied=proposal.relied,
            position=proposal.position,
            minimum=proposal.minimum,
            holds=((whole.primary, primary[1]),) if primary is not None else (),
        )
        seen = cluster.commit(step)
        take(seen)
        told(len(part))
        pods.update(named)
        primary = primary or next(one for one in seen.records if one[0].address == whole.primary)
    assert primary is not None, "an operation has an address"
    if whole.documents:
        texts = tuple(
            DocumentWrite(
                text=replace(write.text, operation=whole.operation),
                revision=there[write.text.key][1] if write.text.key in there else write.revision,
            )
            for write in proposal.documents
        )
        for at in range(0, len(texts), PART):
            take(cluster.commit(replace(_writing(()), documents=texts[at : at + PART])))
    return primary


def _marked(cluster: Cluster, part: Sequence[AddressWrite], whole: Operating, by: str) -> tuple[AddressWrite, ...]:
    """Return the writes that mark the addresses of a part. Stale if one is not as it was known."""
    seen = cluster.read(tuple(write.record.address for write in part), ())
    there = {record.address: (record, revision) for record, revision in seen.records}
    found = []
    for write in part:
        address = write.record.address
        nothing = AddressRecord(address=address, pool=write.record.pool, seq=0, time=0)
        before, revision = there.get(address, (nothing, 0))
        if revision != write.revision:
            raise Stale(seen)
        mark = Mark(
            operation=whole.operation,
            primary=whole.primary,
            by=by[:ENOUGH],
            record=replace(write.record, operation=whole.operation),
            addresses=len(whole.addresses),
            documents=len(whole.documents),
        )
        found.append(replace(write, record=replace(before, mark=mark)))
    return tuple(found)


def _decision(cluster: Cluster, proposal: Proposal, primary: tuple[AddressRecord, int]) -> Proposal:
    """Return the step that commits the operation: with it, all that it relies on is as it was."""
    record, revision = primary
    assert record.mark is not None, "it was marked"
    word = replace(record, mark=replace(record.mark, committed=True))
    inline = _inline(cluster, proposal)
    return replace(
        _writing((AddressWrite(record=word, revision=revision, events=(), reserved_before=record.reservation),)),
        documents=proposal.documents if inline else (),
        approved=proposal.approved if inline else (),
        pools=proposal.pools,
        relied=proposal.relied,
        declares=proposal.declares,
        position=proposal.position,
        minimum=proposal.minimum,
    )


def _each(
    cluster: Cluster,
    operation: str,
    addresses: Sequence[Address],
    take: Take,
    made: Callable[[AddressRecord, int], AddressWrite],
) -> None:
    """Write what is `made` of the records that have the operation's mark."""
    for at in range(0, len(addresses), PART):
        for _ in range(ATTEMPTS):
            seen = cluster.read(tuple(addresses[at : at + PART]), ())
            take(seen)
            left = [one for one in seen.records if one[0].mark is not None and one[0].mark.operation == operation]
            try:
                if left:
                    take(cluster.commit(_writing(tuple(made(*one) for one in left))))
            except Stale:
                continue
            break
        else:
            raise Busy(f"operation {operation} is being ended by others too", "do it again")


def _rolled(record: AddressRecord, revision: int) -> AddressWrite:
    mark = record.mark
    assert mark is not None, "only marked records come here"
    return AddressWrite(record=mark.record, revision=revision, events=(), reserved_before=record.reservation)


def _documents(cluster: Cluster, whole: Operating, take: Take, *, over: bool) -> None:
    """Have the operation's documents stand for themselves, or not be there."""
    for key in whole.documents:
        for text, revision in cluster.read((), (key,)).documents:
            if text.operation != whole.operation:
                continue
            made = replace(text, operation=text.operation + OVER) if over else replace(text, body="", operation="")
            try:
                take(cluster.commit(replace(_writing(()), documents=(DocumentWrite(text=made, revision=revision),))))
            except Stale:
                continue  # somebody else does the same


def _all_of(cluster: Cluster, mark: Mark) -> Operating:
    """Return all that the operation has marked, as the store has it now."""
    addresses: list[Address] = []
    documents: list[Key] = []
    for seen in cluster.load():
        addresses += [record.address for record, _ in seen.records if _is_of(record, mark.operation)]
        documents += [text.key for text, _ in seen.documents if text.operation == mark.operation]
    return Operating(
        operation=mark.operation, primary=mark.primary, addresses=tuple(addresses), documents=tuple(documents)
    )


def _primary(cluster: Cluster, operation: str, primary: Address) -> tuple[AddressRecord, int] | None:
    """Return the operation's own object; None if it is over."""
    return next((one for one in cluster.read((primary,), ()).records if _is_of(one[0], operation)), None)


def _is_of(record: AddressRecord, operation: str) -> bool:
    return record.mark is not None and record.mark.operation == operation


def _committed(record: AddressRecord) -> bool:
    return record.mark is not None and record.mark.committed


def _secondaries(whole: Operating) -> tuple[Address, ...]:
    return tuple(address for address in whole.addresses if address != whole.primary)


def _writing(writes: tuple[AddressWrite, ...]) -> Proposal:
    return Proposal(addresses=writes, documents=(), pods=(), pools=(), declares=False, position="", minimum=None)


def _for_pods(part: Iterable[AddressWrite]) -> Iterator[PodRef]:
    """Yield the pods for whose names something is reserved anew."""
    for write in part:
        kept = write.record.reservation
        if kept is not None and write.reserved_before is None and not is_deployment(kept.pod):
            yield kept.pod


def _parts(writes: Sequence[AddressWrite]) -> Iterator[tuple[AddressWrite, ...]]:
    """Divide what is marked into steps that every store takes; the primary comes first, alone."""
    part: list[AddressWrite] = []
    weight = 0
    for write in writes:
        more = 2 + 2 * len(write.events)
        if part and (weight + more > WEIGHT or len(part) == PART or part[0] is writes[0]):
            yield tuple(part)
            part, weight = [], 0
        part.append(write)
        weight += more
    yield tuple(part)


def _without(seen: Seen, operation: str) -> Seen:
    """Return what was seen, without the marks of an operation that is over."""
    return replace(seen, records=tuple(one for one in seen.records if not _is_of(one[0], operation)))


def _tried(step: Callable[[], object]) -> None:
    try:
        step()
    except CniError:
        pass  # whoever comes upon a mark that is left does it
