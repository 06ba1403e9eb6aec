"""A file that is written whole is the old one or the new one, whoever writes it and wherever one was killed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from podberth.process.whole import write_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_has_its_content_and_mode_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "f"
    for content, mode in ((b"old", 0o600), (b"new", 0o755)):
        assert write_whole(str(file), content, mode)
        assert (file.read_bytes(), file.stat().st_mode & 0o7777) == (content, mode)
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_there_stays_if_none_is_to_be_replaced(tmp_path: Path) -> None:
    file = tmp_path / "f"
    assert write_whole(str(file), b"first", 0o600, replacing=False)
    assert not write_whole(str(file), b"second", 0o600, replacing=False)
    assert file.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("replacing", [True, False])
def test_what_a_killed_writer_left_gives_the_file_neither_content_nor_mode_nor_place(
    tmp_path: Path, replacing: bool
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"theirs")
    folder = tmp_path / "folder"
    folder.mkdir()
    for left in ("file", "link"):
        new, file = folder / f".{left}.podberth-new", folder / left
        if left == "link":
            new.symlink_to(elsewhere)
        else:
            new.write_bytes(b"a half that is longer than the whole")
            new.chmod(0o666)
        assert write_whole(str(file), b"whole", 0o600, replacing=replacing)
        assert not file.is_symlink()
        assert (file.read_bytes(), file.stat().st_mode & 0o7777) == (b"whole", 0o600)
    assert elsewhere.read_bytes() == b"theirs"


def test_of_writers_at_the_same_time_one_is_first_and_no_file_is_half(tmp_path: Path) -> None:
    contents = [bytes([65 + number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(len(contents)) as pool:
        first = list(pool.map(lambda one: write_whole(str(tmp_path / "f"), one, 0o600, replacing=False), contents))
        assert first.count(True) == 1
        assert (tmp_path / "f").read_bytes() == contents[first.index(True)]
        assert all(pool.map(lambda one: write_whole(str(tmp_path / "f"), one, 0o600), contents))
    assert (tmp_path / "f").read_bytes() in contents


def test_a_file_that_can_t_be_written_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    (tmp_path / ".f.podberth-new").mkdir()
    with pytest.raises(OSError, match="podberth-new"):
        write_whole(str(file), b"new", 0o600)
    assert file.read_bytes() == b"old"
