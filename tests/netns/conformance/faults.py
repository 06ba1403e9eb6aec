"""For every check a fault that it has to find: lines of Python that become part of faulty.template.

The first pattern that fits a check's name is its fault. `KIND` says which of the plugins the fault is put into.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

KINDS = {
    "result-has-addresses": "ipam",
    "result-ipam-lists-no-interfaces": "ipam",
    "result-loopback-is-up": "loopback",
    "check-of-loopback-down": "loopback",
    "chain-*": "chained",
}


def answers(verb: str, change: str) -> str:
    """The plugin says something else after it did its work."""
    return f"if verb == {verb!r}:\n    status, said = inner()\n    {change}\n    tell(status, said)\n"


def says(change: str) -> str:
    """An ADD has another result."""
    return answers("ADD", f"if status == 0: {change}")


def its_own(change: str) -> str:
    """An ADD says something else of the container's interface."""
    return says(f"[one.update({change}) for one in said['interfaces'] if one.get('sandbox')]")


def refuses(verb: str, when: str = "True") -> str:
    """A call that should succeed is refused."""
    return f"if verb == {verb!r} and ({when}):\n    refuse()\n"


def skips(verb: str, when: str = "True") -> str:
    """A call succeeds, and nothing was done."""
    return f"if verb == {verb!r} and ({when}):\n    nothing()\n"


def after(verb: str, damage: str) -> str:
    """A call does its work, and some damage."""
    return answers(verb, damage)


def before(verb: str, damage: str) -> str:
    """A call does some damage, and its work then."""
    return f"if verb == {verb!r}:\n    {damage}\n"


SPEAKS = "said['supportedVersions']"

FAULTS = (
    ("version-succeeds", refuses("VERSION")),
    ("version-is-json", answers("VERSION", "sys.stdout.write('version: ')")),
    ("version-lists-strings", answers("VERSION", f"{SPEAKS} = [1, 0]")),
    ("version-lists-something", answers("VERSION", f"{SPEAKS} = []")),
    ("version-numbers", answers("VERSION", f"{SPEAKS} += ['1.1']")),
    ("version-once-each", answers("VERSION", f"{SPEAKS} *= 2")),
    ("version-released", answers("VERSION", f"{SPEAKS} += ['9.9.9']")),
    ("version-of-the-configuration", answers("VERSION", f"{SPEAKS}.remove('1.1.0')")),
    ("version-says-its-own", answers("VERSION", "del said['cniVersion']")),
    ("version-exactly-two-keys", answers("VERSION", "said['vendor'] = 'x'")),
    ("version-dummies", refuses("VERSION", "container == 'dummy'")),
    ("version-alone", refuses("VERSION", "'CNI_PATH' not in env")),
    ("version-only-cni-version", refuses("VERSION", "'name' not in conf")),
    ("version-again", answers("VERSION", f"{SPEAKS} += [f'0.0.{{os.getpid()}}']")),
    ("version-changes-nothing", before("VERSION", "litter()")),
    ("version-asked-at-*", answers("VERSION", f"del {SPEAKS}")),
    ("add-at-*", refuses("ADD")),
    ("result-of-*", says("said.update(ip4='x', ips='x')")),
    ("result-says-*", says("said['cniVersion'] = '0.0.1'")),
    ("family-key-at-0.[12].0", says("said['ips'] = []")),
    ("family-key-at-*", says("said['ip4'] = {}")),
    ("add-makes-the-interface", "if verb == 'ADD':\n    succeed()\n"),
    ("add-takes-any-name", answers("ADD", "inside('link', 'set', ifname, 'down', 'name', 'eth9')")),
    ("add-two-interfaces", after("ADD", "if ifname != 'eth0': inside('link', 'delete', 'eth0')")),
    ("add-two-containers", after("ADD", "for name in others(): inside('link', 'delete', 'eth0', at=name)")),
    ("add-keeps-loopback", after("ADD", "inside('addr', 'flush', 'dev', 'lo')")),
    ("add-at-another-path", refuses("ADD", "not netns.startswith('/run/')")),
    ("add-silent-stderr-apart", answers("ADD", "sys.stdout.write('done: ')")),
    ("add-unknown-keys", refuses("ADD", "'com.example/unheard-of' in conf")),
    ("add-unknown-args-key", refuses("ADD", "'COM_EXAMPLE' in env['CNI_ARGS']")),
    ("add-args-in-any-order", refuses("ADD", "not env['CNI_ARGS'].startswith('IgnoreUnknown')")),
    ("add-unknown-variables", refuses("ADD", "'CNI_UNHEARD_OF' in env")),
    ("add-unknown-capability", refuses("ADD", "'runtimeConfig' in conf")),
    ("add-pretty-printed", refuses("ADD", "b'\\n' in stdin")),
    ("add-longest-id", refuses("ADD", "'_' in container")),
    ("add-again-after-del", before("DEL", "mark(container)") + refuses("ADD", "marked(container)")),
    ("result-names-the-interface", its_own("name='eth9'")),
    ("result-names-the-sandbox", its_own("sandbox='/run/netns/other'")),
    ("result-mac", its_own("mac='02:00:00:00:00:01'")),
    ("result-mtu", its_own("mtu=1")),
    ("result-node-interfaces-exist", says("said['interfaces'].append({'name': 'nowhere'})")),
    ("result-addresses-are-set", after("ADD", "inside('addr', 'flush', 'dev', 'eth0', 'scope', 'global')")),
    ("result-interface-indices", says("said['ips'][0]['interface'] = 99")),
    (
        "result-addresses-belong-to-the-container",
        says("said['interfaces'].insert(0, {'name': 'lo'}); said['ips'][0]['interface'] = 0"),
    ),
    ("result-prefix-lengths", says("said['ips'][0]['address'] = '10.98.0.9'")),
    ("result-has-addresses", says("said['ips'] = []")),
    ("result-ipam-lists-no-interfaces", says("said['interfaces'] = [{'name': 'eth0'}]")),
    ("result-gateways", says("said['ips'][0]['gateway'] = 'fd00::1'")),
    ("result-routes", says("said['routes'] = [{'dst': '10.0.0.0/8', 'gw': 'fd00::1'}]")),
    ("result-dns", says("said['dns'] = {'nameservers': '10.0.0.53'}")),
    ("result-interface-is-up", after("ADD", "inside('link', 'set', 'eth0', 'down')")),
    ("result-loopback-is-up", after("ADD", "inside('link', 'set', 'lo', 'down')")),
    ("chain-keeps-interfaces", says("said['interfaces'] = []")),
    ("chain-keeps-addresses", says("said['ips'] = []")),
    ("chain-*", "if verb == 'ADD':\n    succeed()\n"),
    ("refuses-a-name-that-is-taken", "if verb == 'ADD':\n    succeed()\n"),
    ("keeps-a-name-that-is-taken", before("ADD", "inside('link', 'delete', ifname)")),
    ("refuses-*-unless-spoken", refuses("ADD")),
    ("refuses-*", "if verb not in ('VERSION', 'DEL'):\n    succeed()\n"),
    ("error-says-the-version", answers("ADD", "if status: del said['cniVersion']")),
    ("error-keys", answers("ADD", "if status: said['trace'] = 'x'")),
    ("error-details", answers("ADD", "if status: said['details'] = 5")),
    ("error-of-*", "if verb not in ('VERSION', 'DEL'):\n    sys.stdout.write('failed')\n    sys.exit(1)\n"),
    ("nothing-after-*", "if verb not in ('VERSION', 'DEL'):\n    litter()\n"),
    ("del-at-*", refuses("DEL")),
    ("del-says-nothing", answers("DEL", "said = {}")),
    ("del-takes-the-interface", skips("DEL")),
    ("del-leaves-the-node-as-it-was", before("DEL", "litter()")),
    ("del-twice", refuses("DEL", "marked(container)") + before("DEL", "mark(container)")),
    ("del-four-times", refuses("DEL", "not netns")),
    ("del-of-nothing", before("ADD", "mark(container)") + refuses("DEL", "not marked(container)")),
    ("del-of-another-interface", refuses("DEL", "ifname == 'net9'")),
    ("del-keeps-the-other-interface", after("DEL", "inside('link', 'delete', 'eth0')")),
    ("del-keeps-the-other-container", after("DEL", "for name in others(): inside('link', 'delete', 'eth0', at=name)")),
    ("del-without-netns", refuses("DEL", "not netns")),
    ("del-after-the-namespace", refuses("DEL", "not os.path.exists(netns)")),
    ("del-after-the-namespace-leaves-nothing", before("DEL", "os.path.exists(netns) or litter()")),
    ("del-without-result", skips("DEL", "'prevResult' not in conf")),
    ("del-frees-the-address", before("DEL", "mark(container)") + refuses("ADD", "marked(container)")),
    ("del-after-a-failed-add", refuses("DEL", "not os.path.exists(netns)")),
    ("del-keeps-foreign-interface", after("DEL", "inside('link', 'delete', 'net7')")),
    ("del-leaves-the-namespace", after("DEL", "ip('netns', 'delete', os.path.basename(netns))")),
    ("del-refuses-*", skips("DEL")),
    ("check-succeeds", refuses("CHECK")),
    ("check-says-nothing", answers("CHECK", "said = {}")),
    ("check-twice", after("CHECK", "inside('addr', 'add', '10.1.1.1/32', 'dev', 'lo')")),
    ("check-*", skips("CHECK")),
    ("gc-succeeds", refuses("GC")),
    ("gc-says-nothing", answers("GC", "said = {}")),
    ("gc-twice", refuses("GC", "marked('gc')") + before("GC", "mark('gc')")),
    ("gc-keeps-*", after("GC", "for name in others(): inside('link', 'delete', 'eth0', at=name)")),
    ("gc-then-del", before("GC", "mark('gc')") + refuses("DEL", "marked('gc')")),
    ("gc-of-a-container-that-is-gone", before("GC", "litter()")),
    ("gc-unknown-attachments", refuses("GC", "conf['cni.dev/valid-attachments']")),
    ("gc-null-list", refuses("GC", "conf['cni.dev/valid-attachments'] is None")),
    ("gc-*", skips("GC")),
    ("status-succeeds", refuses("STATUS")),
    ("status-says-nothing", answers("STATUS", "said = {}")),
    ("status-alone", refuses("STATUS", "'CNI_ARGS' not in env and 'PATH' not in env")),
    ("status-changes-nothing", before("STATUS", "litter()")),
    ("status-*", skips("STATUS")),
    (
        "at-once-succeeds",
        refuses("ADD", "marked('busy')") + before("ADD", "mark('busy'); time.sleep(1); os.unlink(MARKS + '/busy')"),
    ),
    ("at-once-distinct-addresses", says("said['ips'][0]['address'] = '10.98.0.9/24'")),
    ("at-once-distinct-macs", after("ADD", "inside('link', 'set', 'eth0', 'address', '02:00:00:00:00:09')")),
    ("at-once-del", before("DEL", "litter()")),
    ("over-and-over", before("DEL", "litter()")),
    ("over-and-over-inside", after("DEL", "inside('addr', 'add', '10.1.1.1/32', 'dev', 'lo')")),
    ("two-networks", refuses("ADD", "conf['name'].endswith('-b')")),
)


def fault_of(check: str) -> str:
    """Return the lines for a check; LookupError if nobody thought of how it can fail."""
    return next(fault for pattern, fault in FAULTS if fnmatchcase(check, pattern))


def kind_of(check: str) -> str:
    """Return the kind of plugin that a check is about."""
    return next((kind for pattern, kind in KINDS.items() if fnmatchcase(check, pattern)), "interface")
