"""What a set of documents would change (`Changes`, decided by `admission`), and what came of it."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.pod import PodRef
    from podberth.net.ops import Address
    from podberth.policy.documents import Document


@value
class Declared:
    """One address that a PodNetwork declares for an interface of a pod or a Deployment: it becomes a reservation."""

    address: Address
    pool: str
    pod: PodRef
    ifname: str


@value
class Changes:
    """Everything an apply has to do. `unchanged` documents may still have a new source to be recorded."""

    created: tuple[Document, ...]
    changed: tuple[Document, ...]
    unchanged: tuple[Document, ...]
    deleted: tuple[Document, ...]
    release: tuple[Declared, ...]
    reserve: tuple[Declared, ...]

    def applied(self) -> Applied:
        """Return the same in names, for people."""
        return Applied(
            created=tuple(map(str, self.created)),
            changed=tuple(map(str, self.changed)),
            unchanged=tuple(map(str, self.unchanged)),
            deleted=tuple(map(str, self.deleted)),
            reserved=tuple(declared.address for declared in self.reserve),
            released=tuple(declared.address for declared in self.release),
        )


@value
class Applied:
    """Documents by name ('PodNetwork db/mysql'), and the addresses whose declared reservation began or ended."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    reserved: tuple[Address, ...] = ()
    released: tuple[Address, ...] = ()


@value
class Waiting:
    """What was declared and is not in force. `kept`: what was in force before under that name still is."""

    document: str
    source: str
    reason: str
    kept: bool

    def __str__(self) -> str:
        stays = "what was in force before stays" if self.kept else "nothing of that name is in force"
        return f"{self.reason}; {stays}"


@value
class Followed:
    """A directory of documents as it was last seen. `failure`: why it is not in force, empty if it is."""

    fingerprint: str
    failure: str = ""
