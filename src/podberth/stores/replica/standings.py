"""What bundles declare and is not in force as they say it: for those who tell an operator, or the namespace."""

from __future__ import annotations

from podberth.policy.podnetwork import PodNetwork
from podberth.policy.standing import SILENT, UNREAD, Standing
from podberth.policy.texts import parsed
from podberth.stores.replica.court import Court
from podberth.stores.replica.said import OBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

KEPT = "; the last text that passed stays in force"


def standings(connection: Connection) -> tuple[Standing, ...]:
    """Return what bundles declare and may not, or can't be read, in order of their names."""
    court = Court(connection)
    rows = connection.execute("SELECT bundle, source, why FROM unread").fetchall()
    unread = [
        Standing(bundle=bundle, document=source, in_force=False, reason=why, remedy=UNREAD)
        for bundle, source, why in rows
    ]
    rows = connection.execute("SELECT name, silent FROM bundles WHERE silent <> ''").fetchall()
    unread += [
        Standing(bundle=name, document=f"ConfigMap {name}", in_force=False, reason=why, silent=True, remedy=SILENT)
        for name, why in rows
    ]
    query = "SELECT kind, namespace, name, bundle, source, tenant, before, body FROM sayings WHERE tenant <> ''"
    beyond = []
    for *row, tenant, before, body in connection.execute(query).fetchall():
        bundle, source = row[3:]
        document = parsed(body, source)
        excess = court.excess(document, tenant) if before else court.refusal(document, tenant, tuple(row))
        if excess is not None:
            said = str(document) if bundle == OBJECT else bundle
            read = document.body if isinstance(document.body, PodNetwork) else None
            kept = "" if before or court.last_good(tenant, tuple(row)) is None else KEPT
            beyond.append(
                Standing(
                    bundle=said, document=str(document), in_force=bool(before), reason=excess.message + kept,
                    remedy=excess.details, body=read,
                )
            )  # fmt: skip
    return tuple(sorted((*unread, *beyond), key=lambda one: (one.bundle, one.document)))
