"""GC, CHECK, STATUS and DEL: what each of them must refuse; and a store that is none."""

from __future__ import annotations

from tests.unit.hostile.row import MIB, STATE, VALID, Json, Row, environment, network

_OLDER = "cni.dev/attachments"
_ENTRIES: Json = {
    "a string": "c0ffee",
    "null": None,
    "a list": ["c0ffee", "eth0"],
    "true": True,
}
_CONTAINERS: Json = {
    "out of the directory": "../a",
    "a number": 12345,
    "empty": "",
    "null": None,
    "a list": [],
    "of 1000": "a" * 1000,
    "with a NUL": "a\0",
    "of a surrogate": "\ud800",
}
_IFNAMES: Json = {"of 16": "a" * 16, "with a slash": "a/b", "two dots": "..", "a number": 0, "empty": "", "null": None}


def _gc(name: str, at: str, valid: object, key: str = VALID) -> Row:
    return network(f"{key} {name}", at, {key: valid}, verb="GC")


def _at(key: str, rest: str = "") -> str:
    return f"['{key}']{rest}"


ROWS: tuple[Row, ...] = (
    network("no list of valid attachments", VALID, verb="GC", says="required for GC"),
    *(
        _gc(how, _at(key), x, key)
        for key in (VALID, _OLDER)
        for how, x in {
            "an object": {},
            "a string": "c0ffee",
            "true": True,
            "a number": 0,
            "empty text": "",
        }.items()
    ),
    *(_gc(f"entry {how}", _at(VALID, "[1]"), [{"containerID": "a", "ifname": "b"}, x]) for how, x in _ENTRIES.items()),
    _gc("entry empty", _at(VALID, "[0].containerID"), [{}]),
    _gc("entry in another spelling", _at(VALID, "[0].containerID"), [{"containerId": "a", "ifname": "eth0"}]),
    _gc("entry without ifname", _at(VALID, "[0].ifname"), [{"containerID": "a"}]),
    *(
        _gc(f"containerID {how}", _at(VALID, "[0].containerID"), [{"containerID": x, "ifname": "eth0"}])
        for how, x in _CONTAINERS.items()
    ),
    *(
        _gc(f"ifname {how}", _at(VALID, "[0].ifname"), [{"containerID": "a", "ifname": x}])
        for how, x in _IFNAMES.items()
    ),
    network("wrong in the newer spelling", _at(VALID, "[0]"), {VALID: [1], _OLDER: []}, verb="GC"),
    _gc("of 70,000", _at(VALID), [1] * 70_000),
    network("name missing", "name", {VALID: []}, name=None, verb="GC"),
    network("name with a slash", "name", {VALID: []}, name="../a", verb="GC"),
    network("stateDir relative", "stateDir", {VALID: []}, stateDir="state", verb="GC"),
    network("stateDir relative", "stateDir", stateDir="state", verb="DEL"),
    network("stateDir a list", "stateDir", stateDir=[STATE], verb="CHECK"),
    network("stateDir with a NUL", "stateDir", stateDir="/var\0", verb="STATUS"),
    network("type a list", "type", type=["podberth"], verb="DEL"),
    network("name of a megabyte, nearly", "name", name="n" * (MIB - 500), verb="DEL"),
    network("cniVersion unknown", "cniVersion", cniVersion="3.0.0", verb="DEL", code=1),
    network("cniVersion unknown", "cniVersion", cniVersion="3.0.0", verb="STATUS", code=1),
    network("ipam a list", "ipam", ipam=[], verb="CHECK"),
    network("runtimeConfig a string", "runtimeConfig", runtimeConfig="x", verb="CHECK"),
    network("an attachment that there is not", "banknet/c0ffee/eth0", verb="CHECK", code=3),
    environment("CHECK: CNI_ARGS unknown", "CNI_ARGS", verb="CHECK", CNI_ARGS="FOO=1"),
    environment("STATUS: CNI_PATH with a NUL", "CNI_PATH", verb="STATUS", CNI_PATH="/opt\0"),
    network("podNamespace with a capital", "podNamespace", podNamespace="Bank", verb="STATUS"),
    network("MTU a string", "mtu", mtu="1500", verb="STATUS"),
    network("device unknown", "device", device="tun", verb="STATUS"),
    network("pool with nothing to give", "", pool="full", code=100, says="pool full"),
    environment("an attachment that is there already", "CNI_CONTAINERID, CNI_IFNAME", CNI_CONTAINERID="holder"),
    *(
        network(f"stateDir {how}", "", stateDir=f"{STATE}/{path}", verb=verb, code=104)
        for verb in ("ADD", "DEL", "CHECK", "STATUS")
        for how, path in {"a file": "a-file", "below a file": "a-file/x", "with a store of garbage": "garbage"}.items()
    ),
    network("stateDir a file", "", {VALID: []}, stateDir=f"{STATE}/a-file", verb="GC", code=104),
)

_BESIDE: dict[str, Json] = {
    "MTU a string": {"mtu": "1500"},
    "VLAN of a word": {"vlan": "blue"},
    "device unknown": {"device": "tun"},
    "ipam a list": {"ipam": []},
    "ipam of another type": {"ipam": {"type": "host-local"}},
    "runtimeConfig a string": {"runtimeConfig": "x"},
    "capabilities a list": {"capabilities": []},
    "args a number": {"args": 5},
    "dns a list": {"dns": []},
    "prevResult a string": {"prevResult": "x"},
    "prevResult of an unknown version": {"prevResult": {"cniVersion": "9.9.9"}},
    "pool that there is not": {"pool": "nowhere"},
    "pool a list": {"pool": []},
    "policyDir relative": {"policyDir": "policies"},
}
# What is wrong beside the attachment's identity does not keep a DEL from succeeding: its ADD was refused.
FORGIVEN: tuple[Row, ...] = (
    *(network(name, "", changes, verb="DEL", code=0) for name, changes in _BESIDE.items()),
    environment("DEL: CNI_NETNS relative", "", verb="DEL", code=0, CNI_NETNS="blue"),
    environment("DEL: CNI_NETNS of a NUL", "", verb="DEL", code=0, CNI_NETNS="/\0"),
    environment("DEL: CNI_NETNS empty", "", verb="DEL", code=0, CNI_NETNS=""),
    environment("DEL: CNI_ARGS unknown", "", verb="DEL", code=0, CNI_ARGS="FOO=1"),
    environment("DEL: CNI_ARGS of a pod's name with a slash", "", verb="DEL", code=0, CNI_ARGS="K8S_POD_NAME=a/b"),
    environment("DEL: CNI_PATH of a NUL", "", verb="DEL", code=0, CNI_PATH="\0"),
)
