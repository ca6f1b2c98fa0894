"""Files that hold secrets."""

import multiprocessing
from pathlib import Path

import pytest

from app.core.private_files import create_once, readable_by_others


def test_the_file_is_its_owners_alone_from_the_first_moment(tmp_path):
    path = tmp_path / "deep" / "secret"
    create_once(path, "words")
    assert path.read_text() == "words"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not readable_by_others(path)


def test_what_is_there_stays_and_no_draft_is_left(tmp_path):
    path = tmp_path / "secret"
    create_once(path, "first")
    create_once(path, "second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_file_open_to_others_is_noticed(tmp_path, mode):
    path = tmp_path / "secret"
    create_once(path, "words")
    path.chmod(mode)
    assert readable_by_others(path)


def test_of_processes_that_start_together_all_read_the_same(tmp_path):
    path = tmp_path / "secret"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        read = pool.map(_create, [(str(path), str(number)) for number in range(8)])
    assert len(set(read)) == 1
    assert list(tmp_path.iterdir()) == [path]


def _create(given: tuple[str, str]) -> str:
    path = Path(given[0])
    create_once(path, given[1] * 100)
    return path.read_text()
