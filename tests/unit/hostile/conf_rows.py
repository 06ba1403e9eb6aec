"""Network configurations: the protocol's own keys, the plugin's, and the `ipam` section under another plugin."""

from __future__ import annotations

from tests.unit.hostile.row import ABSENT, MIB, VALID, Json, Row, network, under_bridge

_NOT_A_STRING: Json = {"a number": 5, "true": True, "a list": ["x"], "an object": {"x": 1}, "a fraction": 1.5}
_NAMES: Json = {
    "out of the directory": "../../etc/cni/net.d/x",
    "with a slash": "a/b",
    "two dots": "..",
    "hidden": ".bank",
    "a space": " ",
    "of a megabyte, nearly": "n" * (MIB - 500),
    "of 254 characters": "n" * 254,
    "with a NUL": "bank\0net",
    "with a line break": "bank\nnet",
    "of half a surrogate": "\ud800",
    "with a bell": "bank\a",
    "with an accent": "r\u00e9seau",
    "empty": "",
    **_NOT_A_STRING,
}
_TYPES: Json = {
    "out of the directory": "../bridge",
    "an absolute path": "/bin/sh",
    "with a backslash": "..\\bridge",
    "one dot": ".",
    "two dots": "..",
    "with a NUL": "podberth\0",
    "with a line break": "podberth\n",
    "of 256 characters": "p" * 256,
    "of half a surrogate": "\udfff",
    "empty": "",
    **_NOT_A_STRING,
}
_VERSIONS = (
    "2.0.0",
    "1.2.0",
    "1.1",
    "1",
    "0.0.0",
    "0.5.0",
    "v1.1.0",
    "1.1.0-rc1",
    " 1.1.0",
    "01.1.0",
    "1.1.\u0660",
    "latest",
    "9" * 1000,
)
_OF_BONDS: Json = {
    "members": (1, 9, -1, "2", True, 2.5, [2]),
    "miimon": (60_001, -1, "1e3", "9" * 5000, "\u0661", True, [100], "100ms"),
    "failOverMac": (3, -1, True, "1", "follow", "on", ["active"]),
    "mode": ("bridge", 1, "ACTIVE-BACKUP", "active-backup\0", ["802.3ad"]),
    "xmitHashPolicy": ("layer2", "layer7", 1),
}
_PATHS: Json = {
    "relative": "var/lib/podberth",
    "with dots": "/var/lib/../../etc",
    "ending in dots": "/var/..",
    "with a NUL": "/var/lib\0",
    "with a line break": "/var/lib\n",
    "of 5000 characters": "/" + "d" * 5000,
    "of half a surrogate": "/var/\ud800",
    **_NOT_A_STRING,
}
_LINKS: Json = {
    "of 16 characters": "abcdefghijklmnop",
    "with a slash": "../eth0",
    "two dots": "..",
    "with a colon": "br:0",
    "with a space": "br 0",
    "with a NUL": "br0\0",
    "with a format": "br%d",
    "that sysctl has for all": "all",
    **_NOT_A_STRING,
}
_POOLS: Json = {
    "out of the directory": "../db",
    "in capitals": "DB",
    "with a space": "my db",
    "of 300 characters": "d" * 300,
    "with SQL": "db'; DROP TABLE leases; --",
    "with a pattern": "d%",
    **_NOT_A_STRING,
}
_NOT_AN_OBJECT: Json = {"a list": [], "a string": "x", "a number": 1, "true": True}
_NOT_A_LIST: Json = {"an object": {}, "a string": "10.20.0.15", "a number": 1, "true": True}

ROWS: tuple[Row, ...] = (
    *(network(f"name {how}", "name", name=text) for how, text in _NAMES.items()),
    network("name missing", "name", name=ABSENT),
    network("name null", "name", name=None),
    *(network(f"type {how}", "type", type=text) for how, text in _TYPES.items()),
    network("type missing", "type", type=ABSENT),
    network("type null", "type", type=None),
    *(network(f"cniVersion {v[:12]}", "cniVersion", cniVersion=v, code=1, says="supported") for v in _VERSIONS),
    *(network(f"cniVersion {how}", "cniVersion", cniVersion=text) for how, text in _NOT_A_STRING.items()),
    network("cniVersion with a NUL", "cniVersion", cniVersion="1.1.0\0"),
    network("cniVersion of half a megabyte", "cniVersion", cniVersion="1" * (MIB // 2)),
    *(network(f"stateDir {how}", "stateDir", stateDir=text) for how, text in _PATHS.items()),
    *(network(f"policyDir {how}", "policyDir", policyDir=text) for how, text in _PATHS.items()),
    *(network(f"pool {how}", "pool", pool=text) for how, text in _POOLS.items()),
    network("pool that there is not", "pool", pool="nowhere", says="there is no pool 'nowhere'"),
    network("pools beside pool", "pools", pools=["db"]),
    *(network(f"pools {text!r}", "pools", pool=ABSENT, pools=text) for text in ({"db": 1}, "db", 1, True)),
    *(network(f"pools with one {how}", "pools", pool=ABSENT, pools=["db", text]) for how, text in _POOLS.items()),
    network("pools with one twice", "pools", pool=ABSENT, pools=["db", "db"]),
    network("17 pools", "pools", pool=ABSENT, pools=[f"db{n}" for n in range(17)]),
    network("pools that there are not", "pool", pool=ABSENT, pools=["nowhere", "db"], says="no pool 'nowhere'"),
    network("pool missing", "pool", pool=ABSENT, says="nothing names the pool"),
    *(
        network(f"device {how}", "device", device=text)
        for how, text in {**_NOT_A_STRING, "unknown": "tun", "in capitals": "BRIDGE"}.items()
    ),
    *(network(f"bridge {how}", "bridge", bridge=text) for how, text in _LINKS.items()),
    *(network(f"parent {how}", "parent", device="macvlan", parent=text) for how, text in _LINKS.items()),
    network("parent missing for macvlan", "parent", device="macvlan"),
    network("parent empty for macvlan", "parent", device="macvlan", parent=""),
    network("parent missing for ipvlan", "parent", device="ipvlan"),
    network("parent of a bridge", "parent", parent="eth0"),
    network("mode of a bridge", "mode", mode="bridge"),
    network("bridge of a macvlan", "bridge", device="macvlan", parent="eth0", bridge="br0"),
    network("hairpin of an ipvlan", "hairpin", device="ipvlan", parent="eth0", hairpin=True),
    network("mode of ipvlan for macvlan", "mode", device="macvlan", parent="eth0", mode="l2"),
    network("mode of macvlan for ipvlan", "mode", device="ipvlan", parent="eth0", mode="vepa"),
    network("mode a number", "mode", device="ipvlan", parent="eth0", mode=2),
    *(
        network(f"hairpin {how}", "hairpin", hairpin=x)
        for how, x in {"yes": "yes", "1": 1, "a list": [True], "True": "True"}.items()
    ),
    *(
        network(f"{key} {how}", key, {key: x})
        for key in ("ipMasq", "isGateway", "isDefaultGateway")
        for how, x in {"yes": "yes", "1": 1, "a list": [True], "True": "True", "an object": {}}.items()
    ),
    *(
        network(f"{key} of a {device}", key, {key: said}, device=device, parent="eth0", code=2, says=repr(device))
        for key in ("ipMasq", "isGateway", "isDefaultGateway")
        for device, said in (("macvlan", True), ("ipvlan", "true"), ("sriov", True))
    ),
    network("ipMasq of a macvlan, and no boolean", "ipMasq", device="macvlan", parent="eth0", ipMasq="yes"),
    network("isGateway without a gateway in the pool", "isGateway", pool="dual", isGateway=True, says="10.70.0.0/24"),
    *(
        network(f"{key} of a {device}", key, {key: said}, device=device, says=repr(device))
        for key, said in (("members", 2), ("miimon", "100"), ("failOverMac", 1), ("xmitHashPolicy", "layer2"))
        for device in ("bridge", "sriov")
    ),
    *(
        network(f"{key} of a bond {said!s:.20}", key, {key: said}, device="bond")
        for key, wrong in _OF_BONDS.items()
        for said in wrong
    ),
    network("a bond of one function", "deviceID", device="bond", deviceID="0000:03:02.1", says="1 of the 2 functions"),
    network(
        "a bond of one function twice",
        "deviceID",
        device="bond",
        deviceID="0000:03:02.1,0000:03:02.1",
        says="each once",
    ),
    network(
        "two functions for one interface",
        "deviceID",
        device="sriov",
        deviceID="0000:03:02.1,0000:03:02.2",
        says="names 2 functions",
    ),
    network(
        "nine functions",
        "deviceID",
        device="bond",
        deviceID=",".join(f"0000:03:02.{n}" for n in range(9)),
        says="at most 8",
    ),
    network("bridge of a bond", "bridge", device="bond", bridge="br0"),
    network("isGateway in a VLAN", "isGateway", isGateway=True, vlan={"id": 100}, code=2, says="VLAN 100"),
    *(
        network(f"sticky {how}", "sticky", sticky=x)
        for how, x in {"yes": "yes", "0": 0, "an object": {}, "FALSE": "FALSE"}.items()
    ),
    *(
        network(f"undeclared {how}", "undeclared", undeclared=x)
        for how, x in {"unknown": "deny", "true": True, "a list": ["refuse"]}.items()
    ),
    *(network(f"capabilities {how}", "capabilities", capabilities=x) for how, x in _NOT_AN_OBJECT.items()),
    network("a capability of a word", "capabilities.ips", capabilities={"ips": "maybe"}),
    network("a capability of a number", "capabilities.ips", capabilities={"ips": 1}),
    *(network(f"args {how}", "args", args=x) for how, x in _NOT_AN_OBJECT.items()),
    *(network(f"args.cni {how}", "args.cni", args={"cni": x}) for how, x in _NOT_AN_OBJECT.items()),
    *(network(f"args.cni.ips {how}", "args.cni.ips", args={"cni": {"ips": x}}) for how, x in _NOT_A_LIST.items()),
    network("args.cni.ips out of bounds", "args.cni.ips[1]", args={"cni": {"ips": ["10.20.0.15", "10.20.0.999"]}}),
    network("args.cni.ips null", "args.cni.ips[0]", args={"cni": {"ips": [None]}}),
    network("args.cni.ips of 65", "args.cni.ips", args={"cni": {"ips": ["10.20.0.15"] * 65}}, says="at most 64"),
    *(network(f"runtimeConfig {how}", "runtimeConfig", runtimeConfig=x) for how, x in _NOT_AN_OBJECT.items()),
    *(network(f"ipam {how}", "ipam", ipam=x) for how, x in _NOT_AN_OBJECT.items()),
    *(network(f"ipam.type {how}", "ipam.type", ipam={"type": x}) for how, x in _TYPES.items() if x != ""),
    network("ipam.type of 257 characters", "ipam.type", ipam={"type": "p" * 257}),
    network("ipam of another type", "ipam.type", ipam={"type": "host-local"}, code=2, says="'host-local'"),
    network("pool inside ipam", "ipam.pool", pool=ABSENT, ipam={"type": "podberth", "pool": "db"}),
    network("pool inside and outside ipam", "ipam.pool", ipam={"type": "podberth", "pool": "dual"}),
    *(under_bridge(how, "ipam", ipam=x) for how, x in _NOT_AN_OBJECT.items()),
    *(under_bridge(f"pool {how}", "ipam.pool", pool=x) for how, x in _POOLS.items()),
    *(under_bridge(f"stateDir {how}", "ipam.stateDir", stateDir=x) for how, x in _PATHS.items()),
    under_bridge("type missing", "ipam.type", type=ABSENT),
    under_bridge("of another type", "ipam.type", type="host-local"),
    network("another type without ipam", "ipam", type="bridge"),
    network("a parent that there is not", "parent", device="macvlan", parent="eth9", code=11, says="no link eth9"),
    network("a priority that a bridge can't carry", "vlan.priority", vlan={"id": 5, "priority": 3}, code=2),
    under_bridge("pool that there is not", "pool", pool="nowhere"),
    under_bridge("sticky of a number", "ipam.sticky", sticky=1),
    under_bridge("undeclared unknown", "ipam.undeclared", undeclared="maybe"),
    under_bridge("policyDir relative", "ipam.policyDir", policyDir="policies"),
    under_bridge("MTU of a string", "ipam.mtu", mtu="1500"),
    under_bridge("VLAN out of bounds", "ipam.vlan.id", vlan={"id": 4095}),
    under_bridge("routes of an object", "ipam.routes", routes={"dst": "0.0.0.0/0"}),
    network("CHECK of 0.3.1", "cniVersion", cniVersion="0.3.1", verb="CHECK", code=1, says="came with 0.4.0"),
    network("CHECK without a version", "cniVersion", cniVersion=ABSENT, verb="CHECK", code=1, says="came with 0.4.0"),
    network("GC of 1.0.0", "cniVersion", {VALID: []}, cniVersion="1.0.0", verb="GC", code=1, says="came with 1.1.0"),
    network("STATUS of 0.4.0", "cniVersion", cniVersion="0.4.0", verb="STATUS", code=1, says="came with 1.1.0"),
)
