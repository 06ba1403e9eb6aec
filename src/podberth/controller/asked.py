"""What a review asks for, in podberth's words: documents to come into force, documents to go, a reservation. Pure.

An object of which nothing changes that podberth reads is let through as it is: also one that was wrong from before the
webhook was there has to lose its finalizers, get its labels, and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.fields import few
from podberth.cni.value import value
from podberth.netpolicy.document import parse
from podberth.netpolicy.standing import text_of
from podberth.policy import bundle, settings_map
from podberth.policy.address_reservation import parse_reservation
from podberth.policy.budget import Amount
from podberth.policy.documents import parse_document
from podberth.policy.permit import TENANT, WEBHOOK, Speaking, permit, role_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from podberth.controller.review import Review
    from podberth.policy.address_reservation import AddressReservation
    from podberth.policy.documents import Document

    Key = tuple[str, str, str]

API_VERSION = "podberth.io/v1alpha1"
KINDS = ("Pool", "PodNetwork")
POLICY = "MultiNetworkPolicy"
NOTHING = Amount()


@value
class Asked:
    """`deleted` are keys of documents: kind, namespace, name. `ended` is a reservation as it was before.

    `of_map`: a ConfigMap is what changes. `tenant`: the namespace that declares the documents, '' if the operator does;
    then `bundle` is the ConfigMap ('db/web'). `digests` are the documents', in order.
    """

    documents: tuple[Document, ...] = ()
    of_map: bool = False
    tenant: str = ""
    bundle: str = ""
    digests: tuple[str, ...] = ()
    deleted: tuple[Key, ...] = ()
    reserved: AddressReservation | None = None
    ended: AddressReservation | None = None

    @property
    def nothing(self) -> bool:
        """Whether nothing changes that podberth reads."""
        return self == Asked(of_map=self.of_map)


def asked(
    review: Review, home: str, earlier: Callable[[], frozenset[str]] = frozenset, others: Amount = NOTHING
) -> Asked:
    """Return what comes into force and what goes; `home` is podberth's namespace. InvalidConfig names the field.

    `earlier` has digests of what namespaces declared before they had limits; it is asked where one is exceeded.
    `others`: what the other ConfigMaps of the namespace come to.
    """
    if review.kind in KINDS:
        return _of_document(review)
    if review.kind == "AddressReservation":
        return _of_reservation(review)
    if review.kind == POLICY:
        _check_policy(review)
    if review.kind == "ConfigMap":
        return _of_map(review, home, earlier, others)
    return Asked()


def _of_document(review: Review) -> Asked:
    if review.new is None:
        return Asked(deleted=((review.kind, review.namespace, review.name),))
    if _same(review, "spec"):
        return Asked()
    return Asked(documents=(parse_document(_raw(review, review.new), f"kubernetes: {review}", str(review)),))


def _of_reservation(review: Review) -> Asked:
    if review.new is None or _same(review, "spec"):
        return Asked()  # what it reserved goes back to the pool; a pod that has it keeps it
    wanted = parse_reservation(_raw(review, review.new), str(review))
    try:
        before = parse_reservation(_raw(review, review.old), str(review)) if review.old is not None else None
    except InvalidConfig:
        before = None
    return Asked(reserved=wanted, ended=before)


def _check_policy(review: Review) -> None:
    """Raise InvalidConfig for what can't be read of a policy's text, if that is what changes."""
    old, new = (text_of({**one, "metadata": one.get("metadata") or {}}) for one in (review.old or {}, review.new or {}))
    if review.new is None or (review.old is not None and (old["spec"], _for(old)) == (new["spec"], _for(new))):
        return
    named = {"namespace": review.namespace, "name": review.name}
    mistakes = parse({**new, "metadata": {**new["metadata"], **named}}).mistakes
    if mistakes:
        raise InvalidConfig("; ".join(few(mistakes)), "correct that; what was in force stays so")


def _for(text: Mapping[str, Any]) -> object:
    return text["metadata"]["annotations"]


def _of_map(review: Review, home: str, earlier: Callable[[], frozenset[str]], others: Amount) -> Asked:
    if review.new is not None and (review.namespace, review.name) == (home, settings_map.NAME):
        complaint = settings_map.read(review.new).complaint
        if complaint:
            raise InvalidConfig(f"{settings_map.source(home)}: {complaint}", "correct that; what was in force stays so")
    before, now = bundle.texts(review.old), bundle.texts(review.new)
    if before == now:
        return Asked()
    tenant = review.namespace if role_of(review.namespace, home) == TENANT else ""
    parts, _ = bundle.weighed(review.namespace, review.name, now, earlier if tenant else None, others)
    complaints = [complaint for part in parts for complaint in part.complaints]
    if complaints:
        raise InvalidConfig("; ".join(complaints), "correct that; what was in force stays so")
    declarations = [declaration for part in parts for declaration in part.declarations]
    for one in declarations if tenant else ():
        refusal = permit(tenant, TENANT, WEBHOOK, Speaking(document=one.document))
        if refusal is not None:
            raise InvalidConfig(f"{one.document.source}: {refusal.message}", refusal.details)
    documents = tuple(one.document for one in declarations)
    keys = {document.key for document in documents}
    return Asked(
        documents=documents,
        deleted=tuple(key for key in _keys(review, before, tenant, earlier) if key not in keys),
        of_map=True,
        tenant=tenant if documents else "",
        bundle=f"{review.namespace}/{review.name}" if tenant and documents else "",
        digests=tuple(one.digest for one in declarations),
    )


def _keys(
    review: Review, texts: Mapping[str, object], tenant: str, earlier: Callable[[], frozenset[str]]
) -> tuple[Key, ...]:
    """Return what the ConfigMap has declared before; what could not be read was never in force."""

    def known() -> frozenset[str]:
        try:
            return earlier()
        except CniError:
            return frozenset()  # a declaration that harms has to go also while that can't be asked

    parts = bundle.read(review.namespace, review.name, texts, known if tenant else None)
    documents = [declaration.document for part in parts for declaration in part.declarations]
    return tuple(
        document.key
        for document in documents
        if not tenant or permit(tenant, TENANT, WEBHOOK, Speaking(document=document)) is None
    )


def _raw(review: Review, found: Mapping[str, Any]) -> dict[str, object]:
    """Return the object without what the API server keeps in it."""
    metadata = {"name": review.name, **({"namespace": review.namespace} if review.namespace else {})}
    return {"apiVersion": API_VERSION, "kind": review.kind, "metadata": metadata, "spec": found.get("spec")}


def _same(review: Review, part: str) -> bool:
    return review.new is not None and review.old is not None and review.new.get(part) == review.old.get(part)
