"""The corpus of callers is what the programs send; pods live by the calls of Multus and podman beside containerd's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime import callers
from tests.runtime.conftest import DOCUMENTS
from tests.runtime.containerd import BUILT
from tests.runtime.podman import podman
from tests.runtime.recording import shape
from tests.runtime.site import Site, site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.runtime.containerd import Containerd

# In place of podberth: it calls podberth with CNI_ARGS as another caller has them, of the pod that containerd named.
IN_OTHER_WORDS = """\
#!/bin/sh
uid=$(echo "$CNI_ARGS" | tr ';' '\\n' | sed -n 's/^K8S_POD_UID=//p')
test -z "$CNI_ARGS" || export CNI_ARGS="{args}"
exec {plugin}
"""


@pytest.fixture
def newest(newest_containerd: Containerd, tmp_path: Path) -> Iterator[Site]:
    plugin = newest_containerd.root / "bin" / "podberth"
    usual = plugin.read_text()
    with site(newest_containerd, tmp_path, DOCUMENTS) as made:
        yield made
    plugin.write_text(usual)


@pytest.mark.parametrize("caller", ["multus-thin", "multus-thick", "podman-4.3"])
def test_a_pod_lives_by_the_calls_of_another_caller(newest: Site, caller: str) -> None:
    calls = callers.golden(caller)["calls"]
    args = next(call["env"]["CNI_ARGS"] for call in calls if call["env"]["CNI_COMMAND"] == "ADD")
    args = args.replace("@container@", "$CNI_CONTAINERID").replace("@uid@", "$uid")
    newest.use(podNamespace="bank", undeclared="refuse")
    plugin = newest.containerd.root / "bin" / "podberth"
    plugin.write_text(IN_OTHER_WORDS.format(args=args, plugin=BUILT / "podberth"))

    pod = newest.run(callers.POD)
    assert newest.address(pod) == "10.50.0.41"
    assert newest.containerd.network_condition() == (True, "")
    newest.remove(pod)
    assert newest.left_behind() == []


def test_the_corpus_has_what_containerd_sends(bank: Site) -> None:
    release = ".".join(callers.program(bank.containerd.release).split()[1].split(".")[:2])
    wanted = callers.golden(f"containerd-{release}")["calls"]
    found = shape(callers.of_containerd(bank))
    assert [one for one in shape(wanted) if one not in found] == []
    assert bank.left_behind() == []


def test_the_corpus_has_what_podman_sends() -> None:
    with podman(DOCUMENTS) as on:
        assert shape(callers.of_podman(on)) == shape(callers.golden("podman-4.3")["calls"])
