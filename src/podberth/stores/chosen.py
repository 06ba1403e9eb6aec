"""Which store a state directory stands for: its own, or a cluster's. The file `store.json` in it says so.

    {"store": "kubernetes", "node": "worker-3", "kubernetes": {"kubeconfig": "/etc/podberth/kubeconfig"}}
    {"store": "etcd", "node": "worker-3", "whenAway": "lastKnown", "etcd": {"endpoints": [...]}}

Without the file it is SQLite, in the directory. What the node did to its own network is kept in the directory always.
"""

from __future__ import annotations

import os

from podberth.cni import parsers, strictjson
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.value import value

FILE = "store.json"
SQLITE, ETCD, KUBERNETES = "sqlite", "etcd", "kubernetes"
REFUSE, LAST_KNOWN = "refuse", "lastKnown"
NAMESPACE = "podberth-system"
REQUIRED, NONE = "required", "none"  # whether machines of a Kubernetes cluster's ledger are its Nodes
_KEYS = ("store", "node", "whenAway", "cluster", ETCD, KUBERNETES)
_MOST = 64 * 1024  # bytes


@value
class Kubernetes:
    """Where the API server is; '' is found as kubectl finds it. `namespace`: where podberth's own objects are.

    `nodes`: whether this machine has to be a Node of the cluster, or is none.
    """

    kubeconfig: str = ""
    context: str = ""
    namespace: str = NAMESPACE
    nodes: str = REQUIRED


@value
class Chosen:
    """`node` is how leases name this node; `when_away` what an ADD does while the cluster's store can't be reached.

    `cluster`: of several that share the ledger, '' for the one that was there first.
    `etcd` is the object of that name, read by whoever connects.
    """

    store: str = SQLITE
    node: str = ""
    when_away: str = REFUSE
    etcd: Fields | None = None
    kubernetes: Kubernetes = Kubernetes()
    cluster: str = ""


def path_of(directory: str) -> str:
    """Return where a state directory says which store it stands for."""
    return os.path.join(directory, FILE)


def chosen(directory: str) -> Chosen:
    """Return what the directory says. InvalidConfig names the file and the field."""
    path = path_of(directory)
    try:
        with open(path, "rb") as stream:
            data = stream.read(_MOST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return Chosen(node=os.uname().nodename)
    except OSError as wrong:
        raise InvalidConfig(
            f"{path}: can't be read: {wrong.strerror}", "run as root, or name another --state"
        ) from None
    return read(data, path)


def read(data: bytes, path: str) -> Chosen:
    """Read the file's bytes: whoever writes them asks this first. InvalidConfig names the file and the field."""
    return parse(Fields(strictjson.loads(data, path, InvalidConfig, most=_MOST), path))


def parse(fields: Fields) -> Chosen:
    """Read the document; its error names the field."""
    fields.only(_KEYS)
    store = fields.required("store", parsers.choice(SQLITE, ETCD, KUBERNETES))
    for other in (ETCD, KUBERNETES):
        if other != store and fields.raw.get(other) is not None:
            raise fields.fail(other, f"says nothing here: the store is {store}")
    if store != ETCD and fields.raw.get("cluster") is not None:
        raise fields.fail("cluster", f"says nothing here: the store is {store}")
    etcd = fields.child(ETCD)
    if store == ETCD and etcd is None:
        raise fields.fail(ETCD, "required field is missing")
    if etcd is not None:
        from podberth.stores.etcd.settings import Settings

        Settings.parse(etcd)
    return Chosen(
        store=store,
        node=fields.get("node", parsers.identifier, os.uname().nodename),
        when_away=fields.get("whenAway", parsers.choice(REFUSE, LAST_KNOWN), REFUSE),
        etcd=etcd,
        kubernetes=_kubernetes(fields.child(KUBERNETES)),
        cluster=fields.get("cluster", parsers.label, ""),
    )


def _kubernetes(fields: Fields | None) -> Kubernetes:
    if fields is None:
        return Kubernetes()
    fields.only(("kubeconfig", "context", "namespace", "nodes"))
    return Kubernetes(
        kubeconfig=fields.get("kubeconfig", parsers.absolute_path, ""),
        context=fields.get("context", parsers.text, ""),
        namespace=fields.get("namespace", parsers.name, NAMESPACE),
        nodes=fields.get("nodes", parsers.choice(REQUIRED, NONE), REQUIRED),
    )
