"""Environments that no runtime should send, but may."""

from __future__ import annotations

from tests.unit.hostile.row import MIB, Row, args, conf, env_of, environment

POD = "IgnoreUnknown=1;K8S_POD_NAMESPACE=bank;K8S_POD_NAME=web-0"

_COMMANDS = {
    "in lower case": "add",
    "with a space behind": "ADD ",
    "of no version": "UPDATE",
    "with a NUL": "ADD\0",
    "that is an attribute": "__class__",
    "of a megabyte": "A" * MIB,
    "not of UTF-8": "\udcff",
    "that is two": "ADD,DEL",
}
_CONTAINERS = {
    "out of the directory": "../../etc/passwd",
    "two dots": "..",
    "one dot": ".",
    "with a slash": "a/b",
    "with a backslash": "a\\b",
    "beginning with a dash": "-rf",
    "beginning with an underscore": "_a",
    "with a space": "a b",
    "with a line break": "a\nb",
    "with a NUL": "a\0b",
    "with an accent": "caf\u00e9",
    "of other digits": "\u0661\u0662",
    "not of UTF-8": "\udcff\udcfe",
    "of a megabyte": "a" * MIB,
    "of 254 characters": "a" * 254,
    "with a shell's words": "$(reboot)",
    "with a colon": "docker:1",
}
_IFNAMES = {
    "of 16 characters": "abcdefghijklmnop",
    "of 16 bytes in 8 characters": "\u00e9" * 8,
    "of a megabyte": "e" * MIB,
    "one dot": ".",
    "two dots": "..",
    "with a slash": "a/b",
    "out of the directory": "../eth0",
    "with a colon": "eth0:1",
    "with a space": "eth 0",
    "with a tab": "eth\t0",
    "with a line break": "eth0\n",
    "with a NUL": "eth0\0",
    "with a format": "eth%d",
    "not of UTF-8": "eth\udcff",
    "with a byte the kernel takes for a space": "\u00e0",
    "with a no-break space": "eth\u00a00",
    "with a right-to-left mark": "eth\u200f0",
    "that sysctl has for all interfaces": "all",
    "that sysctl has for new interfaces": "default",
}
_NETNS = {
    "relative": "blue",
    "relative with dots": "../run/netns/blue",
    "with dots inside": "/var/run/netns/../netns/blue",
    "ending in dots": "/var/run/netns/..",
    "with a NUL": "/var/run/netns/\0",
    "with a line break": "/var/run/netns/a\nb",
    "of 5000 characters": "/" + "a" * 5000,
    "of a megabyte": "/" + "a" * MIB,
    "not of UTF-8": "/var/run/netns/\udcff",
    "only a space": " ",
    "a URL": "file:///var/run/netns/blue",
}
_POD_NAMES = {
    "out of the directory": "../kube-system",
    "with a slash": "bank/web",
    "two dots": "..",
    "with dots inside": "a..b",
    "of 254 characters": "a" * 254,
    "with a NUL": "a\0b",
    "with a line break": "a\nb",
    "not of UTF-8": "\udcff",
    "with a space": "a b",
    "beginning with a dash": "-a",
    "with a quote": "a'--",
    "with another equals sign": "a=b",
}
_MACS = {
    "too short": "02:00",
    "multicast": "01:00:5e:00:00:01",
    "broadcast": "ff:ff:ff:ff:ff:ff",
    "zero": "00:00:00:00:00:00",
    "not hexadecimal": "02:00:00:00:00:gg",
    "of Cisco's form": "0200.0000.0011",
    "without separators": "020000000011",
    "of 8 bytes": "02:00:00:00:00:11:22:33",
    "of other digits": "0\u0662:00:00:00:00:11",
}
_IPS = {
    "out of bounds": "10.20.0.256",
    "of three parts": "10.20.0",
    "a name": "localhost",
    "a number": "169082891",
    "octal": "010.20.0.11",
    "mapped into IPv6": "::ffff:10.20.0.11",
    "with a zone": "fe80::1%eth0",
    "with a prefix out of bounds": "10.20.0.11/33",
    "with half a prefix": "10.20.0.11/",
    "with a signed prefix": "10.20.0.11/+24",
    "good and then bad": "10.20.0.11,bogus",
    "with a comma behind": "10.20.0.11,",
    "of a thousand colons": ":" * 1000,
}

ROWS: tuple[Row, ...] = (
    *(environment(f"CNI_COMMAND {name}", "CNI_COMMAND", verb=text) for name, text in _COMMANDS.items()),
    *(environment(f"CNI_CONTAINERID {name}", "CNI_CONTAINERID", CNI_CONTAINERID=t) for name, t in _CONTAINERS.items()),
    *(environment(f"CNI_IFNAME {name}", "CNI_IFNAME", CNI_IFNAME=text) for name, text in _IFNAMES.items()),
    *(environment(f"CNI_NETNS {name}", "CNI_NETNS", CNI_NETNS=text) for name, text in _NETNS.items()),
    *(
        environment(f"{variable} {how} for {verb}", variable, {variable: text}, verb=verb, says=f"required for {verb}")
        for how, text in {"missing": None, "empty": ""}.items()
        for verb, variable in (
            ("ADD", "CNI_CONTAINERID"),
            ("ADD", "CNI_IFNAME"),
            ("ADD", "CNI_NETNS"),
            ("DEL", "CNI_CONTAINERID"),
            ("DEL", "CNI_IFNAME"),
            ("CHECK", "CNI_CONTAINERID"),
            ("CHECK", "CNI_IFNAME"),
            ("CHECK", "CNI_NETNS"),
        )
    ),
    environment(
        "everything missing",
        "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME",
        CNI_CONTAINERID=None,
        CNI_NETNS=None,
        CNI_IFNAME=None,
    ),
    environment("CNI_IFNAME with a slash for DEL", "CNI_IFNAME", verb="DEL", CNI_IFNAME="a/b"),
    environment("CNI_CONTAINERID out of the directory for DEL", "CNI_CONTAINERID", verb="DEL", CNI_CONTAINERID="../a"),
    environment(
        "CNI_CONTAINERID out of the directory for CHECK", "CNI_CONTAINERID", verb="CHECK", CNI_CONTAINERID=".."
    ),
    environment("CNI_IFNAME of 16 characters for CHECK", "CNI_IFNAME", verb="CHECK", CNI_IFNAME="a" * 16),
    environment("CNI_NETNS relative for CHECK", "CNI_NETNS", verb="CHECK", CNI_NETNS="blue"),
    environment("CNI_NETNS that is not there", "CNI_NETNS", code=8, CNI_NETNS="/var/run/netns/absent"),
    environment("CNI_NETNS that is the plugin's own", "CNI_NETNS", code=8, CNI_NETNS="/proc/self/ns/net"),
    environment(
        "CNI_NETNS that is the plugin's own, half allowed",
        "CNI_NETNS",
        code=8,
        CNI_NETNS="/proc/self/ns/net",
        CNI_NETNS_OVERRIDE="yes",
    ),
    environment("CNI_PATH with a NUL", "CNI_PATH", CNI_PATH="/opt\0"),
    environment("CNI_PATH of a megabyte", "CNI_PATH", CNI_PATH="/opt:" * 200_000),
    environment("CNI_PATH not of UTF-8", "CNI_PATH", CNI_PATH="/opt/\udcff"),
    args("an unknown key", "", "FOO=BAR", says="unknown key FOO"),
    args("an unknown key, not to be ignored", "", "FOO=BAR;IgnoreUnknown=0", says="unknown key FOO"),
    args("a known key in lower case", "", "k8s_pod_name=web-0", says="unknown key"),
    args("a hundred unknown keys", "", ";".join(f"K{i}=1" for i in range(100)), says="and 92 more"),
    args("an unknown key of 60,000 characters", "", "F" * 60_000 + "=1", says="(60000 characters)"),
    args("no pairs", "", "web-0"),
    args("commas between pairs", "IgnoreUnknown", "IgnoreUnknown=1,K8S_POD_NAME"),
    args("a key without a name", "", "=web-0", says="unknown key ''"),
    args("a key of a NUL", "", "\0=1", says=r"unknown key '\x00'"),
    args("a key with a line break", "", "A\nB=1", says=r"unknown key 'A\nB'"),
    args("a key of JSON", "", '{"K8S_POD_NAME": "web-0"}'),
    args("a key not of ASCII", "", "caf\u00e9=1", says=r"unknown key 'caf\xe9'"),
    args("two pods' names", "", f"{POD};K8S_POD_NAME=mysql-0", says="K8S_POD_NAME is 'web-0' and 'mysql-0'"),
    args("two namespaces", "", f"{POD};K8S_POD_NAMESPACE=shop", says="K8S_POD_NAMESPACE is 'bank' and 'shop'"),
    args("two UIDs", "", f"K8S_POD_UID=a;{POD};K8S_POD_UID=b", says="K8S_POD_UID is 'a' and 'b'"),
    args("a key of two words", "", "A B=1", says="unknown key 'A B'"),
    args("a megabyte", "", "IgnoreUnknown=1;A=" + "a" * MIB, says="at most 65536 characters"),
    args("a word for a flag", "IgnoreUnknown", "IgnoreUnknown=maybe;FOO=BAR"),
    args("a number for a flag", "IgnoreUnknown", "IgnoreUnknown=2;FOO=BAR"),
    *(
        Row(
            name=f"CNI_ARGS: a pod {how}",
            code=102,
            env=env_of("ADD", CNI_ARGS=text),
            stdin=conf(undeclared="refuse"),
            says=says,
        )
        for how, text, says in (
            ("with a namespace and no name", "K8S_POD_NAMESPACE=bank", "the caller named no pod"),
            ("with a name and no namespace", "K8S_POD_NAME=web-0", "named the pod web-0 without a namespace"),
            ("with an empty namespace", "K8S_POD_NAME=web-0;K8S_POD_NAMESPACE=", "the pod web-0 without a namespace"),
        )
    ),
    *(
        args(f"namespace {how}", "K8S_POD_NAMESPACE", f"K8S_POD_NAMESPACE={t};K8S_POD_NAME=web-0")
        for how, t in _POD_NAMES.items()
    ),
    *(args(f"name {how}", "K8S_POD_NAME", f"K8S_POD_NAMESPACE=bank;K8S_POD_NAME={t}") for how, t in _POD_NAMES.items()),
    args("a UID with a slash", "K8S_POD_UID", f"{POD};K8S_POD_UID=../x"),
    args("a UID of 300 characters", "K8S_POD_UID", f"{POD};K8S_POD_UID={'a' * 300}"),
    args("a sandbox with a slash", "K8S_POD_INFRA_CONTAINER_ID", f"{POD};K8S_POD_INFRA_CONTAINER_ID=a/b"),
    *(args(f"MAC {how}", "MAC", f"{POD};MAC={text}") for how, text in _MACS.items()),
    *(args(f"IP {how}", "IP", f"{POD};IP={text}") for how, text in _IPS.items()),
)
