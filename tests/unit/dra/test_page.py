"""The documents of docs/dra.md are ones that the driver reads, and its names are the code's."""

from __future__ import annotations

import re
from typing import Any

import yaml

from podberth.cni.fields import Fields
from podberth.dra.claim import FROM_CLASS, parse_parameters
from podberth.dra.driver import DRIVER
from podberth.policy.documents import parse_document
from tests.checkout import ROOT

PAGE = (ROOT / "docs/dra.md").read_text()
RIGHTS = (ROOT / "deploy/overlays/dra/component/rights.yaml").read_text()


def documents() -> dict[str, Any]:
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    return {each["kind"]: each for each in found}


def test_the_class_of_the_page_has_parameters_that_a_class_may_have() -> None:
    (config,) = documents()["DeviceClass"]["spec"]["config"]

    assert config["opaque"]["driver"] == DRIVER
    found = parse_parameters(Fields(config["opaque"]["parameters"]), FROM_CLASS)
    assert found.network == {"undeclared": "refuse"}


def test_the_request_of_the_page_is_called_as_the_interface_that_is_declared() -> None:
    made = documents()
    (request,) = made["ResourceClaimTemplate"]["spec"]["spec"]["devices"]["requests"]
    (attachment,) = made["PodNetwork"]["spec"]["attachments"]

    assert request["name"] == attachment["ifname"]
    assert request["exactly"]["deviceClassName"] == made["DeviceClass"]["metadata"]["name"]


def test_the_declaration_of_the_page_is_one() -> None:
    assert str(parse_document(documents()["PodNetwork"], "docs/dra.md")) == "PodNetwork payments/mysql"


def test_the_rights_are_for_the_driver_by_its_name() -> None:
    rules = next(yaml.safe_load_all(RIGHTS))["rules"]
    (own,) = [each for each in rules if each["resources"] == ["resourceclaims/driver"]]

    assert own["resourceNames"] == [DRIVER]
