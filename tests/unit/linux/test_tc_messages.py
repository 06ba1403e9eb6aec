"""Traffic control messages: byte for byte by the kernel's headers, as pyroute2 reads them, and the sizes of buckets."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.tcmsg import tcmsg

from podberth.linux.netlink import codec, tc

TBF = tc.Tbf(rate=2_500_000, limit=206_920, buffer=512_000)
rates = st.integers(1, 1_000_000)
u32 = st.integers(0, 2**32 - 1)


def test_token_bucket_is_what_the_kernels_headers_lay_out() -> None:
    assert tc.tbf(7, TBF) == bytes.fromhex(
        "00 000000 07000000 00006270 ffffffff 00000000"  # tcmsg: index 7, handle 7062:, parent root
        "0800 0100 74626600"  # TCA_KIND "tbf"
        "2c00 0280"  # TCA_OPTIONS
        "2800 0100"  # TCA_TBF_PARMS
        "00 01 0000 0000 0000 a0252600"  # rate: link layer Ethernet, 2,500,000 bytes/s
        "00 00 0000 0000 0000 00000000"  # no peak rate
        "48280300 00d00700 00000000"  # limit, buffer, mtu
    )


def test_token_bucket_reads_the_same_in_pyroute2() -> None:
    seen = by_pyroute2(tc.tbf(7, TBF))
    assert (seen["index"], seen["handle"], seen["parent"]) == (7, 0x70620000, 0xFFFFFFFF)
    assert seen.get_attr("TCA_KIND") == "tbf"
    parameters = seen.get_attr("TCA_OPTIONS").get_attr("TCA_TBF_PARMS")
    found = {name: parameters[name] for name in ("rate", "limit", "buffer", "mtu", "peak", "rate_overhead", "rate_mpu")}
    assert found == {
        "rate": 2_500_000,
        "limit": 206_920,
        "buffer": 512_000,
        "mtu": 0,
        "peak": 0,
        "rate_overhead": 0,
        "rate_mpu": 0,
    }


def test_redirection_is_what_the_kernels_headers_lay_out() -> None:
    assert tc.redirect(7, 9) == bytes.fromhex(
        "00 000000 07000000 00000000 0000ffff 0003 6270"  # tcmsg: index 7, parent ffff:, every protocol, priority
        "0800 0100 75333200"  # TCA_KIND "u32"
        "6000 0280"  # TCA_OPTIONS
        "2400 0500"  # TCA_U32_SEL
        "01 00 01 00 0000 0000 0000 0000 00000000"  # terminal, one key
        "00000000 00000000 00000000 00000000"  # which looks at nothing
        "3800 0780 3400 0180"  # TCA_U32_ACT, the first action
        "0b00 0100 6d697272656400 00"  # TCA_ACT_KIND "mirred"
        "2400 0280 2000 0200"  # TCA_ACT_OPTIONS, TCA_MIRRED_PARMS
        "00000000 00000000 04000000 00000000 00000000"  # stolen
        "01000000 09000000"  # redirect to what link 9 sends
    )


def test_redirection_reads_the_same_in_pyroute2() -> None:
    seen = by_pyroute2(tc.redirect(7, 9))
    assert (seen["index"], seen["parent"], seen["info"]) == (7, 0xFFFF0000, 28770 << 16 | 0x0300)
    assert seen.get_attr("TCA_KIND") == "u32"
    options = seen.get_attr("TCA_OPTIONS")
    assert options.get_attr("TCA_U32_SEL")["flags"] == 1
    assert [dict(key)["key_mask"] for key in options.get_attr("TCA_U32_SEL")["keys"]] == [0]
    action = options.get_attr("TCA_U32_ACT").get_attr("TCA_ACT_PRIO_1")
    assert action.get_attr("TCA_ACT_KIND") == "mirred"
    parameters = action.get_attr("TCA_ACT_OPTIONS").get_attr("TCA_MIRRED_PARMS")
    assert (parameters["action"], parameters["eaction"], parameters["ifindex"]) == (4, 1, 9)


def test_ingress_qdisc_has_the_handle_and_parent_that_are_reserved_for_it() -> None:
    seen = by_pyroute2(tc.ingress(7))
    assert (seen["index"], seen["handle"], seen["parent"]) == (7, 0xFFFF0000, 0xFFFFFFF1)
    assert seen.get_attr("TCA_KIND") == "ingress"


@given(st.integers(1, 2**31 - 1), st.builds(tc.Tbf, rate=st.integers(1, 2**64 - 1), limit=u32, buffer=u32))
def test_a_bucket_is_read_as_it_was_written(index: int, bucket: tc.Tbf) -> None:
    found = tc.parse_qdisc(tc.tbf(index, bucket))
    assert found == tc.Qdisc(index=index, handle=tc.HANDLE, parent=0xFFFFFFFF, kind="tbf", tbf=bucket)
    assert found.ours
    assert found.is_root


@given(st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))
def test_a_redirection_is_read_as_it_was_written(index: int, to: int) -> None:
    found = tc.parse_filter(tc.redirect(index, to))
    assert found == tc.Filter(index=index, priority=tc.MARK, kind="u32", redirect=to)
    assert found.ours


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("00000000 00000000 00000000 3800", "ffff0000 08000000 00000000 3800", id="some frames only"),
        pytest.param("01000000 09000000", "02000000 09000000", id="mirrored"),
        pytest.param("6d6972726564", "6d6972726565", id="another action"),
        pytest.param("2400 0280 2000 0200", "2400 0280 2000 0900", id="no parameters"),
        pytest.param("3800 0780", "3800 0980", id="no action"),
    ],
)
def test_a_filter_that_does_something_else_is_no_redirection(old: str, new: str) -> None:
    body = tc.redirect(7, 9)
    assert body.count(bytes.fromhex(old)) == 1
    assert tc.parse_filter(body.replace(bytes.fromhex(old), bytes.fromhex(new))).redirect is None


def test_a_qdisc_of_another_handle_or_kind_is_not_ours() -> None:
    header = struct.pack("=BxxxiIII", 0, 7, 0x00010000, 0xFFFFFFFF, 0)
    assert not tc.parse_qdisc(header + codec.text(1, "tbf")).ours
    header = struct.pack("=BxxxiIII", 0, 7, tc.HANDLE, 0xFFFFFFFF, 0)
    assert not tc.parse_qdisc(header + codec.text(1, "fq")).ours
    assert tc.parse_qdisc(header + codec.text(1, "fq")).tbf is None


@given(rates)
def test_a_bucket_fits_the_kernels_fields(mbit: int) -> None:
    bucket = tc.bucket(mbit)
    assert bucket.rate * 8 == mbit * 1_000_000
    assert 0 < bucket.limit < 2**32
    assert 0 < bucket.buffer * tc.TICK_NS < 2**32  # sch_tbf.c clips the nanoseconds of a bucket to 32 bits


@given(rates)
def test_a_bucket_holds_a_segmented_frame_and_what_a_timer_tick_brings(mbit: int) -> None:
    bucket = tc.bucket(mbit)
    burst = bucket.buffer * tc.TICK_NS * bucket.rate // 1_000_000_000  # as sch_tbf.c, psched_ns_t2l
    assert burst >= 65536 + 45 * 66  # 64 KiB in segments of 1448 bytes, 66 bytes of headers each
    assert burst >= bucket.rate // 100
    assert bucket.limit >= min(burst, 2**32 - 1)


def test_a_frame_waits_for_fifty_milliseconds_at_most() -> None:
    bucket = tc.bucket(100)
    assert bucket.limit - 125_000 == 12_500_000 * 50 // 1000


def by_pyroute2(body: bytes) -> Any:
    header = struct.pack("=IHHII", 16 + len(body), 36, 0, 0, 0)
    seen: Any = tcmsg(header + body)
    seen.decode()
    return seen
