"""The sanitized shim under random peers, environments and inputs, and its reader of answers alone."""

from __future__ import annotations

import json
import random
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from podberth.agent import frame
from tests.netns.kubelet import BUILT
from tests.netns.shim.conftest import SANITIZED
from tests.netns.shim.peer import Shim, answering
from tests.sizes import seed, size
from tests.waiting import PATIENCE
from tools.build_shim import SOURCE, WARNINGS

if TYPE_CHECKING:
    import socket

# A budget: how much of it there is to try. By exec it is a thousand calls a minute, in one process a million answers.
BY_EXEC, IN_PROCESS = size(4, 40), size(2, 20)  # seconds


def answer(chance: random.Random) -> bytes:
    """Return an answer, often with something wrong about it."""
    body = chance.randbytes(chance.choice((0, 1, 11, 12, 4096, 70_000)))
    whole = frame.ANSWER_HEADER.pack(b"pbA1", chance.choice((0, 1, 7, 255)), len(body)) + body
    match chance.randrange(6):
        case 0:
            return whole
        case 1:
            return whole[: chance.randrange(len(whole) + 1)]
        case 2:
            header = frame.ANSWER_HEADER.pack(b"pbA1", chance.getrandbits(32), chance.getrandbits(32))
            return header + body
        case 3:
            flipped = bytearray(whole)
            flipped[chance.randrange(min(len(whole), 12))] ^= 1 << chance.randrange(8)
            return bytes(flipped)
        case 4:
            return chance.randbytes(chance.randrange(40))
        case _:
            return whole + body


def environment(chance: random.Random) -> dict[str, str]:
    """Return variables of all lengths, names that nearly are CNI's among them."""
    letters = "=;/\\\"'%\n\x01\x7f ABCxyz0.ü"
    names = ("CNI_NETNS", "CNI_ARGS", "CNI_", "CNI", "TRACEPARENT", "TRACESTATE", "CNI_" + "X" * 300)
    chosen = chance.sample(names, chance.randrange(len(names)))
    made = {name: "".join(chance.choices(letters, k=chance.choice((0, 1, 50, 5000)))) for name in chosen}
    if chance.random() < 0.1:
        made["PODBERTH_SOCKET"] = "/nowhere/" + "".join(chance.choices(letters, k=chance.choice((0, 1, 50, 5000))))
    return made


def refused(done: subprocess.CompletedProcess[bytes]) -> bool:
    """Whether the shim answered with an error object of its own, and as it has to."""
    if not done.stdout.startswith(b'{"cniVersion"'):
        return False
    error = json.loads(done.stdout)
    assert error.keys() == {"cniVersion", "code", "msg", "details"}
    return done.returncode == 1 and error["code"] in (4, 7, 11)


def passed_on(done: subprocess.CompletedProcess[bytes], told: bytes) -> bool:
    """Whether the shim printed and returned what a peer told it."""
    if len(told) < frame.ANSWER_HEADER.size:
        return False
    magic, code, length = frame.ANSWER_HEADER.unpack_from(told)
    body = told[frame.ANSWER_HEADER.size :][:length]
    return (magic, code, length, body) == (b"pbA1", done.returncode, len(done.stdout), done.stdout)


def test_random_peers_and_environments_find_nothing_to_report(sanitized: Path, tmp_path: Path) -> None:
    number = seed(random.SystemRandom().getrandbits(32))
    chance = random.Random(number)
    shim, end, runs = Shim(sanitized, tmp_path), time.monotonic() + BY_EXEC, 0
    told, manner = b"", random.Random()

    def respond(to: socket.socket) -> None:
        way = manner  # the next run has another
        if way.random() < 0.8:
            to.settimeout(PATIENCE)
            to.recv(way.choice((1, 8, 5000, 1 << 21)))
        rest = told
        while rest:
            cut = way.choice((1, 7, 12, 65536))
            to.sendall(rest[:cut])
            rest = rest[cut:]

    with answering(tmp_path / "s", respond):
        while time.monotonic() < end:
            told, manner = answer(chance), random.Random(chance.getrandbits(32))
            stdin = chance.randbytes(chance.choice((0, 1, 4095, 4096, 4097, 300_000, 1 << 20)))
            done = shim.run(environment(chance), stdin)
            about = f"seed {number}, run {runs}: {done}"[:2000]
            assert done.stderr == b"", about
            assert refused(done) or passed_on(done, told), about
            runs += 1
    assert runs > 0


def test_damaged_answers_in_pieces_are_read_as_a_second_reading_has_them(tmp_path: Path) -> None:
    number = seed(random.SystemRandom().getrandbits(32))
    harness, binary = Path(__file__).with_name("answers.c"), tmp_path / "answers"
    built = [*SANITIZED, *WARNINGS, f"-I{SOURCE.parent}", str(harness), "-o", str(binary)]
    subprocess.run(["gcc", *built], check=True)
    done = subprocess.run([binary, str(number), str(IN_PROCESS)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"seed {number}"
    assert int(done.stdout) > 0


def test_the_shim_is_small_and_needs_nothing() -> None:
    shown = subprocess.run(["readelf", "-l", BUILT / "podberth"], capture_output=True, text=True, check=True)
    assert "INTERP" not in shown.stdout
    assert "GNU_RELRO" in shown.stdout
    assert (BUILT / "podberth").stat().st_size <= 40_000
