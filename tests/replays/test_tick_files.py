"""Ticks on record: exact, in their order, and whole whatever happens to whoever writes them."""

import signal
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal

import pytest

from app.core.errors import Denied
from app.replays.tick_files import SMALL, TickFolder, is_readable
from app.venues.types import Quote
from config import ROOT
from tests.replays.tapes import CALL, OPENS, PUT, quote
from tests.waiting import until

WRITES_ON = """
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from app.replays.tick_files import TickFolder
from app.venues.types import Quote, Symbol
folder = TickFolder(Path(sys.argv[1]))
while True:
    folder.write([Quote(Symbol("NFO", "X"), Decimal(100 + n), datetime.now(UTC)) for n in range(200)])
"""


def read(folder: TickFolder) -> list[Quote]:
    return [one for _, batch in folder.batches() for one in batch]


def test_what_was_written_is_read_again_exactly_and_in_its_order(tmp_path):
    folder = TickFolder(tmp_path / "day")
    first = Quote(CALL, Decimal("100.05"), OPENS, Decimal("100"), None, volume=Decimal(0), open_interest=Decimal("7.5"))
    second = Quote(PUT, Decimal("0.0000000001"), OPENS + timedelta(microseconds=1))
    folder.write([first])
    folder.write([second, first])
    assert read(folder) == [first, second, first]
    assert folder.rows == 3
    assert folder.size > 0


def test_only_the_symbols_that_are_asked_for_are_read(tmp_path):
    folder = TickFolder(tmp_path)
    folder.write([quote(CALL, 100, 0), quote(PUT, 90, 0), quote(CALL, 101, 1)])
    ((seen, found),) = folder.batches({CALL.name})
    assert (seen, [one.last for one in found]) == (3, [100, 101])


def test_what_is_finer_than_ten_decimals_is_rounded_and_nothing_is_lost(tmp_path):
    folder = TickFolder(tmp_path)
    folder.write([Quote(CALL, Decimal("1.00000000005"), OPENS)])
    assert read(folder)[0].last == Decimal("1.0000000000")


def test_small_files_are_put_together_and_the_fingerprint_stays(tmp_path):
    folder = TickFolder(tmp_path)
    for number in range(SMALL + 1):
        folder.write([quote(CALL, 100 + number, number)])
    before, mark = read(folder), folder.fingerprint()
    folder.tidy()
    assert len(folder.parts) == 1
    assert read(folder) == before
    assert folder.fingerprint() == mark
    folder.write([quote(CALL, 1, SMALL + 1)])
    assert [part.first for part in folder.parts] == [1, SMALL + 2]
    assert folder.fingerprint() != mark


def test_files_that_a_crash_left_beside_the_one_they_are_in_are_passed_over_and_taken_away(tmp_path):
    folder = TickFolder(tmp_path)
    for number in range(SMALL):
        folder.write([quote(CALL, 100 + number, number)])
    first = folder.parts[0].path
    kept = first.read_bytes()
    folder.tidy()
    first.write_bytes(kept)
    (tmp_path / "000099.part").write_bytes(b"half of a file")
    assert len(read(folder)) == SMALL
    folder.tidy()
    assert [path.name for path in tmp_path.iterdir()] == [f"000001-{SMALL:06d}.parquet"]


def test_a_writer_that_is_killed_leaves_every_batch_before_it_readable(tmp_path):
    folder = TickFolder(tmp_path / "day")
    writer = subprocess.Popen([sys.executable, "-c", WRITES_ON, str(folder.path)], cwd=ROOT)
    until(lambda: len(folder.parts) >= 5, 60)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert all(is_readable(part.path) for part in folder.parts)
    assert len(read(folder)) == 200 * len(folder.parts)


def test_a_file_that_is_damaged_says_so_in_a_sentence(tmp_path):
    folder = TickFolder(tmp_path)
    folder.write([quote(CALL, 100, 0)])
    path = folder.parts[0].path
    path.write_bytes(path.read_bytes()[:-20])
    assert not is_readable(path)
    with pytest.raises(Denied, match=r"The recorded file 000001.parquet can't be read"):
        list(folder.batches())
