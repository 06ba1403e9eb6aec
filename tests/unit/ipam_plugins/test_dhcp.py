"""`dhcp`: what options of a lease mean for a result, and what its plugin may load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import podberth
from podberth.cni.result import Dns
from podberth.ipam_plugins.dhcp_lease import options

SOURCE = Path(podberth.__file__).parents[1]


def said(text: str) -> bytes:
    return bytes.fromhex(text)


@given(st.dictionaries(st.integers(1, 254), st.binary(max_size=300), max_size=20))
def test_any_options_mean_something_or_nothing(found: dict[int, bytes]) -> None:
    options.prefix(found)
    options.routes(found, 0)
    options.dns(found)


@given(st.binary(max_size=600))
def test_any_search_list_comes_to_an_end(content: bytes) -> None:
    assert len(options.dns({options.SEARCH: content}).search) <= 64


@pytest.mark.parametrize(
    ("mask", "length"),
    [("ffffff00", 24), ("ffffffff", 32), ("00000000", 0), ("ff00ff00", None), ("ffff", None), ("", None)],
)
def test_a_mask_is_a_prefix_or_none(mask: str, length: int | None) -> None:
    assert options.prefix({options.MASK: said(mask)}) == length


def test_routes_are_the_classless_ones_alone_or_all_others() -> None:
    static = {options.ROUTERS: said("0a090001"), options.STATIC_ROUTES: said("0a0700010a090002e00000010a090003")}
    classless = said("100a070a090002000a09000320c000020100000000")

    def words(found: dict[int, bytes], priority: int = 0) -> list[str]:
        every = options.routes(found, priority)
        return [f"{each.dst} {each.gw} {each.scope} {each.priority} {each.mtu}" for each in every]

    assert words(static) == ["10.0.0.0/8 10.9.0.2 None None None", "0.0.0.0/0 10.9.0.1 None None None"]
    assert words({**static, options.CLASSLESS_ROUTES: classless, options.MTU: said("0578")}, 7) == [
        "10.7.0.0/16 10.9.0.2 None 7 1400", "0.0.0.0/0 10.9.0.3 None 7 1400", "192.0.2.1/32 0.0.0.0 253 7 1400",
    ]  # fmt: skip
    assert words({**static, options.CLASSLESS_ROUTES: said("21")}) == words(static)
    assert words({}) == []


def test_a_search_list_is_compressed_as_in_dns() -> None:
    names = b"\x02db\x07example\x00" + b"\x01x\xc0\x03"
    assert options.dns({options.SEARCH: names}).search == ("db.example", "x.example")
    for wrong in (b"\xc0\x00", b"\x01x\xc0\x09", b"\x40", b"\x05ab", b"\x03a b\x00"):
        assert options.dns({options.SEARCH: wrong}) == Dns()


def test_a_name_that_is_none_is_left_out() -> None:
    assert options.dns({options.DOMAIN: b"db.example\0"}).domain == "db.example"
    assert options.dns({options.DOMAIN: b"a\nnameserver 10.0.0.1"}).domain == ""


@pytest.mark.parametrize(("text", "code"), [("routers", 3), ("121", 121), ("host-name", 12)])
def test_an_option_has_a_name_or_a_number(text: str, code: int) -> None:
    assert options.option(text) == code


@pytest.mark.parametrize("raw", ["", "0", "255", "256", "-1", "router", 3, None, "1e1"])
def test_another_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        options.option(raw)


def test_a_call_loads_nothing_of_the_daemon() -> None:
    code = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import podberth.entry, podberth.ipam_plugins.dhcp\n"
    code += "print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-ISc", code], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "podberth.ipam_plugins.dhcp_lease.asking" in loaded
    assert not {name for name in loaded if name.startswith("podberth.dhcp")}
    assert not loaded & {"socket", "threading", "typing", "contextlib", "dataclasses", "hashlib", "pathlib"}
