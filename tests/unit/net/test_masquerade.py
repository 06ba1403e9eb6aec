"""What an address is masqueraded by: names that nft can read, that say whose it is, and that no other has."""

from __future__ import annotations

import re
from ipaddress import ip_interface, ip_network
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.pod import Attachment
from podberth.net import masquerade, ops
from podberth.net.endpoint import Endpoint
from podberth.net.pod_side import link_name
from podberth.net.settings import Settings

if TYPE_CHECKING:
    from podberth.net.ops import Network

IDENTIFIER = re.compile(r"[a-zA-Z_.][a-zA-Z0-9/\\_.-]*\Z")  # as nft(8) takes a name
identifiers = st.from_regex(r"\A[a-zA-Z0-9][a-zA-Z0-9_.-]{0,252}\Z")
subnets = st.one_of(
    st.builds(lambda a, p: ip_network((a, p), strict=False), st.ip_addresses(v=4), st.integers(8, 32)),
    st.builds(lambda a, p: ip_network((a, p), strict=False), st.ip_addresses(v=6), st.integers(64, 128)),
)
ATTACHMENT = Attachment(network="banknet", container_id="c0ffee", ifname="eth0")


def test_each_address_is_in_the_set_of_its_network_and_subnet_with_its_owner() -> None:
    end = Endpoint(
        attachment=ATTACHMENT,
        netns="/run/netns/a",
        addresses=(ip_interface("10.20.0.11/24"), ip_interface("fd00:20::11/64")),
        gateways=(None, None),
        settings=Settings(),
    )
    said = f"{link_name('pb', ATTACHMENT)} banknet/c0ffee/eth0"
    assert tuple(masquerade.masquerading(end)) == (
        ops.Masquerade(group="masq-banknet-10.20.0.0/24", address=ip_interface("10.20.0.11/24"), comment=said),
        ops.Masquerade(group="masq-banknet-fd00-20--/64", address=ip_interface("fd00:20::11/64"), comment=said),
    )


@given(identifiers, subnets)
def test_a_group_is_a_name_for_nft_that_says_network_and_subnet(network: str, subnet: Network) -> None:
    found = masquerade.group(network, subnet)
    assert IDENTIFIER.match(found)
    assert len(found) <= masquerade.LONGEST
    assert found.endswith(str(subnet).replace(":", "-"))
    assert found.startswith(f"masq-{network[:40]}")


def test_networks_whose_long_names_begin_alike_have_groups_of_their_own() -> None:
    subnet = ip_network("fd00:1234:5678:9abc::/64")
    assert masquerade.group("n" * 252 + "a", subnet) != masquerade.group("n" * 252 + "b", subnet)


@given(identifiers, identifiers, st.text(min_size=1, max_size=15))
def test_a_comment_is_one_word_for_nft_and_short_enough(network: str, container_id: str, ifname: str) -> None:
    found = masquerade.comment(Attachment(network=network, container_id=container_id, ifname=ifname))
    assert len(found) <= masquerade.LONGEST
    assert found.isascii()
    assert found.isprintable()
    assert '"' not in found


def test_attachments_whose_comments_are_cut_can_still_be_told_apart() -> None:
    one, other = (Attachment(network="n" * 200, container_id=name, ifname="eth0") for name in ("a", "b"))
    assert masquerade.comment(one) != masquerade.comment(other)
