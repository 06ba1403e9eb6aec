"""What effects on routes of several tables have in common: which tables are in use, and in what order routes go in."""

from __future__ import annotations

import errno

from podberth.linux.netlink import routes, rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.linux.netlink.socket import Rtnl


GONE = (errno.ESRCH, errno.ENOENT, errno.ENODEV)
# A route can't be put back on a link that is down, or has lost its address since: then it has no use for it.
USELESS = (*GONE, errno.EEXIST, errno.EINVAL, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH)
MAIN_TABLES = frozenset((253, 254, 255))  # default, main, local


def tables_in_use(socket: Rtnl) -> set[int]:
    """Return the tables that a rule leads to, or that a route is in."""
    used = set()
    for version in (4, 6):
        used |= {rules.parse(body).table for body in socket.dump(rules.GET, rules.every(version))}
        used |= {routes.table_of(body) for body in socket.dump(routes.GET, routes.every(version))}
    return used


def in_order(bodies: Iterable[bytes]) -> list[bytes]:
    """Return routes that lead to gateways before those by them."""
    return sorted(bodies, key=lambda body: routes.parse(body)[1].gw is not None)
