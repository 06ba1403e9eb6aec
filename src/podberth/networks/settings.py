"""The keys of a meta plugin's configuration: those of Multus (multus-cni 4.3, docs/configuration.md), as they are."""

from __future__ import annotations

from podberth.cni import netlist, parsers
from podberth.cni.errors import CniError
from podberth.cni.fields import shown
from podberth.cni.keys import BOOLEAN, LIST, TEXT, Key
from podberth.cni.value import value
from podberth.net.requests import ANY, Rule
from podberth.net.seen import ChainAt, Lines
from podberth.net.settings import Standalone
from podberth.networks.selection import REQUESTS
from podberth.networks.spelling import spelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.fields import Fields
    from podberth.cni.netlist import NetworkList
    from podberth.cni.parsers import Network

MOST = 64  # networks, or namespaces, in one list
_TEXT = parsers.string(min=0, max=4096)
_PATTERN = parsers.string(max=512)
CONF_DIR = Key(
    name="confDir", kind=TEXT, read=parsers.absolute_path, default="/etc/cni/multus/net.d",
    what="The folder of the node's own networks.",
)  # fmt: skip
CNI_DIR = Key(
    name="cniDir", kind=TEXT, read=parsers.absolute_path, default="/var/lib/cni/multus",
    what="The folder where results are remembered, and where Multus has remembered pods' networks.",
)  # fmt: skip
BIN_DIR = Key(
    name="binDir", kind=TEXT, read=parsers.absolute_path, default="/opt/cni/bin",
    what="Where plugins are looked for, before the folders of CNI_PATH.",
)  # fmt: skip
KUBECONFIG = Key(
    name="kubeconfig", kind=TEXT, read=parsers.absolute_path, default="",
    what="Which API server is asked; without it pods have the cluster's networks alone.",
)  # fmt: skip
CLUSTER = Key(
    name="clusterNetwork", kind=TEXT, read=_TEXT, default="",
    what="The first network of each pod: a definition in multusNamespace, a network of confDir, a folder or a file.",
)  # fmt: skip
DEFAULTS = Key(
    name="defaultNetworks", kind=LIST, read=parsers.members, default=(),
    what="More networks of each pod, named as clusterNetwork, but for those of systemNamespaces.",
)  # fmt: skip
DELEGATES = Key(
    name="delegates", kind=LIST, read=parsers.members, default=(),
    what="The networks of each pod, written out; in the place of clusterNetwork.",
)  # fmt: skip
NAMESPACE = Key(
    name="multusNamespace", kind=TEXT, read=parsers.label, default="kube-system",
    what="The namespace of definitions that clusterNetwork and defaultNetworks name.",
)  # fmt: skip
SYSTEM = Key(
    name="systemNamespaces", kind=LIST, read=parsers.members, default=("kube-system",),
    what="Namespaces whose pods have none of defaultNetworks, and no network-status.",
)  # fmt: skip
ISOLATION = Key(
    name="namespaceIsolation", kind=BOOLEAN, read=parsers.boolean, default=False,
    what="A pod selects definitions of its own namespace only, and of globalNamespaces.",
)  # fmt: skip
GLOBAL = Key(
    name="globalNamespaces", kind=TEXT, read=_TEXT, default="default",
    what="Namespaces whose definitions any pod may select, with commas between them.",
)  # fmt: skip
DEFINING = Key(
    name="definitionNamespaces", kind=LIST, read=parsers.members, default=("*",),
    what="Namespaces whose definitions count, as patterns: their authors are trusted like root.",
)  # fmt: skip
READINESS = Key(
    name="readinessindicatorfile", kind=TEXT, read=_TEXT, default="",
    what="A file that the cluster's network makes once it is ready: before, no pod is served.",
)  # fmt: skip
AUXILIARY = Key(
    name="auxiliaryCNIChainName", kind=TEXT, read=parsers.identifier, default="",
    what="A folder beside clusterNetwork, which is a path then: its plugins are called last for each pod.",
)  # fmt: skip
ALLOW = Key(
    name="allow", kind=LIST, read=parsers.members, default=(),
    what="Rules: which namespaces' pods may ask for which keys of which definitions. Without rules: all for all.",
)  # fmt: skip
POLICIES = Key(
    name="networkPolicies", kind=BOOLEAN, read=parsers.boolean, default=False,
    what="MultiNetworkPolicies are kept on networks of definitions; pods of such networks wait until they are known.",
)  # fmt: skip
BY_STATUS = Key(
    name="peersByStatus", kind=LIST, read=parsers.members, default=(),
    what="Networks of addresses that count for policies by a peer's network-status alone: of other plugins' legs.",
)  # fmt: skip
# Read by Multus alone: an agent needs none of it, and a node changes over with its file as it is.
WITHOUT_EFFECT = (
    *("logFile", "logLevel", "logToStderr", "logOptions", "retryDeleteOnError", "chrootDir"),
    *("socketDir", "daemonSocketDir", "metricsPort", "perNodeCertificate", "cniConfigDir", "multusConfigFile"),
    *("multusAutoconfigDir", "forceCNIVersion", "capabilities", "multusMasterCNI", "overrideNetworkName"),
    *("connectionLimit", "enablePprof"),
)
KEYS = (
    *(CLUSTER, DEFAULTS, DELEGATES, CONF_DIR, CNI_DIR, BIN_DIR, KUBECONFIG, NAMESPACE, SYSTEM, ISOLATION, GLOBAL),
    *(DEFINING, READINESS, AUXILIARY, ALLOW, POLICIES, BY_STATUS),
)  # fmt: skip


@value
class Settings(Standalone):
    """A meta plugin's configuration.

    `cluster`, `defaults`: how the cluster's networks are named, the first of them first. `delegates`: those that are
    written out, in their place. `defining`: namespaces whose definitions count, as patterns. `rules`: what a pod's
    annotation may ask for; without any, all of it. `auxiliary`: the name of a chain of plugins beside the cluster's
    network, '' for none. `by_status`: of which networks an address counts for policies by a peer's network-status.
    """

    cluster: str = ""
    defaults: tuple[str, ...] = ()
    delegates: tuple[NetworkList, ...] = ()
    conf_dir: str = ""
    cni_dir: str = ""
    bin_dir: str = ""
    kubeconfig: str = ""
    namespace: str = ""
    system: tuple[str, ...] = ()
    isolated: bool = False
    shared: tuple[str, ...] = ()
    defining: tuple[str, ...] = DEFINING.default
    readiness: str = ""
    auxiliary: str = ""
    rules: tuple[Rule, ...] = ()
    policies: bool = False
    by_status: tuple[Network, ...] = ()

    @property
    def chain(self) -> ChainAt:
        """The question for the plugins of the auxiliary chain."""
        return ChainAt(path=f"{self.cluster.rpartition('/')[0]}/{self.auxiliary}")

    @property
    def readiness_file(self) -> Lines:
        """The question for the file that says that the cluster's network is ready."""
        return Lines(path=self.readiness)

    def shows(self, namespace: str) -> bool:
        """Say whether pods of the namespace have a network-status."""
        return bool(self.kubeconfig) and namespace not in self.system


def read(fields: Fields) -> Settings:
    """Read the keys. InvalidConfig names the field at fault: one of `delegates` and `clusterNetwork` has to be said."""
    fields = spelled(fields.from_go(), (key.name for key in KEYS))
    cluster, delegates = CLUSTER.of(fields), fields.children(DELEGATES.name, most=MOST)
    if bool(cluster) == bool(delegates):
        raise fields.fail(
            CLUSTER.name,
            "it and `delegates` are two ways to say the same: expected one of them, got "
            + ("both" if cluster else "neither"),
        )
    return Settings(
        cluster=cluster,
        defaults=fields.each(DEFAULTS.name, _TEXT, most=MOST),
        delegates=tuple(_delegate(each) for each in delegates),
        conf_dir=CONF_DIR.of(fields),
        cni_dir=CNI_DIR.of(fields),
        bin_dir=BIN_DIR.of(fields),
        kubeconfig=KUBECONFIG.of(fields),
        namespace=NAMESPACE.of(fields),
        system=_system(fields),
        isolated=ISOLATION.of(fields),
        shared=tuple(each.strip() for each in str(GLOBAL.of(fields)).split(",") if each.strip()),
        defining=_defining(fields),
        readiness=READINESS.of(fields),
        auxiliary=_auxiliary(fields, cluster),
        rules=tuple(map(_rule, fields.children(ALLOW.name, most=1024))),
        policies=_policies(fields),
        by_status=fields.each(BY_STATUS.name, parsers.ip_prefix, most=MOST),
    )


def kubeconfig_of(kept: Fields) -> str:
    """Return which API server a configuration names that is kept with a pod's record; '' if it names none."""
    found: str = KUBECONFIG.of(spelled(kept.from_go(), (KUBECONFIG.name,)))
    return found


def folders_of(said: Fields) -> tuple[str, str]:
    """Return cniDir and binDir. One that can't be read is its default: no configuration is in the way of a DEL."""
    try:
        fields = spelled(said.from_go(), (CNI_DIR.name, BIN_DIR.name))
    except CniError:
        return CNI_DIR.default, BIN_DIR.default
    return _or_default(CNI_DIR, fields), _or_default(BIN_DIR, fields)


def _or_default(key: Key, fields: Fields) -> str:
    try:
        found: str = key.of(fields)
    except CniError:
        found = key.default
    return found


def _auxiliary(fields: Fields, cluster: str) -> str:
    name: str = AUXILIARY.of(fields)
    if name and "/" not in cluster:
        raise fields.fail(AUXILIARY.name, f"needs clusterNetwork to be a path, got {shown(cluster)}")
    return name


def _policies(fields: Fields) -> bool:
    """Return whether policies are kept: of an API server that has to be named."""
    found: bool = POLICIES.of(fields)
    if found and not KUBECONFIG.of(fields):
        raise fields.fail(POLICIES.name, "expected `kubeconfig` beside it: policies are an API server's")
    return found


def _rule(fields: Fields) -> Rule:
    fields.only(("namespaces", "networks", "requests"))
    return Rule(
        namespaces=_some(fields, "namespaces", _PATTERN),
        networks=_some(fields, "networks", _PATTERN),
        requests=_some(fields, "requests", parsers.choice(ANY, *REQUESTS)),
    )


def _some(fields: Fields, key: str, parser: Callable[[object], str]) -> tuple[str, ...]:
    found = fields.each(key, parser, most=MOST)
    if not found:
        raise fields.fail(key, "expected at least one", 'say ["*"] for all')
    return found


def _defining(fields: Fields) -> tuple[str, ...]:
    """Return whose definitions count; an empty list says that nobody's do, but those of multusNamespace."""
    if fields.raw.get(DEFINING.name) is None:
        return tuple(DEFINING.default)
    return fields.each(DEFINING.name, _PATTERN, most=MOST)


def _system(fields: Fields) -> tuple[str, ...]:
    """Return the namespaces with one network each; an empty list says that there are none."""
    if fields.raw.get(SYSTEM.name) is None:
        return tuple(SYSTEM.default)
    return fields.each(SYSTEM.name, parsers.label, most=MOST)


def _delegate(fields: Fields) -> NetworkList:
    from podberth.cni.strictjson import dumps

    try:
        return netlist.parse(dumps(dict(fields.raw)).encode())
    except CniError as wrong:
        raise type(wrong)(f"{fields.path}.{wrong.message}", wrong.details) from None
