"""A file of values: judged line by line, shown before it counts, all of it or nothing."""

from datetime import date

import pytest

from app.audit.trail import Trail
from app.core.clock import SystemClock
from app.instruments.importing import all_rows, plan
from app.instruments.overrides import Overrides
from app.web.overrides import as_csv

CLOCK = SystemClock()
HEAD = "kind,exchange,subject,value,effective_from,source\n"


@pytest.fixture
def overrides(db, instruments):
    instruments.seed()
    return Overrides(db, CLOCK, Trail(db, CLOCK), instruments.forget)


def test_what_is_taken_out_and_sent_back_changes_nothing(instruments, overrides):
    text = as_csv(all_rows(instruments.rulings(CLOCK.now())))
    found = plan(text, "again", overrides.known())
    assert (found.new, found.changed, found.wrong) == (0, 0, [])
    assert found.same == len(text.splitlines()) - 1 > 200
    assert not found.can_be_applied


def test_a_plan_says_in_numbers_what_will_change(instruments, overrides):
    lines = [
        "lot_size,NFO,NIFTY,70,2026-12-01,circular",  # changes
        "lot_size,NFO,NIFTY,65,2026-01-01,circular",  # is so
        "day,NSE,,closed Mahashivratri,2027-03-08,circular",  # new
        "freeze_quantity,NFO,BANKNIFTY,500,2020-01-01,circular",  # new, and it would stand over all that follows
        "freeze_quantity,NFO,BANKNIFTY,600,2026-02-01,circular",  # which this line puts right
    ]
    found = plan(HEAD + "\n".join(lines), "Circular of 28 Nov", overrides.known())
    assert (found.new, found.changed, found.same) == (2, 2, 1)
    assert [(one.line, one.before, one.asked.value) for one in found.changes] == [
        (2, "65", "70"), (4, "", "closed Mahashivratri"), (5, "", "500"), (6, "500", "600"),
    ]  # fmt: skip
    overrides.set_all((one.asked, one.before) for one in found.changes)
    assert instruments.lot_size("NFO", "NIFTY", date(2026, 12, 1)) == 70
    assert instruments.lot_size("NFO", "NIFTY", date(2026, 11, 30)) == 65
    again = plan(HEAD + "\n".join(lines), "Once more", overrides.known())
    assert (again.changes, again.same) == ([], 5)


@pytest.mark.parametrize("text, line, field", [
    ("", 1, "headings"),
    ("kind,exchange\n", 1, "headings"),
    (HEAD, 1, "file"),
    (HEAD + "lot_size,NFO,NIFTY,many,2026-12-01,x\n", 2, "value"),
    (HEAD + "\n\nlot_size,NFX,NIFTY,65,2026-12-01,x\n", 4, "exchange"),
    (HEAD + "lot_size,NFO,NIFTY,65,01/12/2026,x\n", 2, "effective_from"),
    (HEAD + "lot_size,NFO,NIFTY,65,2026-12-01\n", 2, "source"),
    (HEAD + 'lot_size,NFO,"NIFTY,65\n', 2, "file"),
    (HEAD + "x" * 800_000, 1, "file"),
    (HEAD + "\0\0,,,,,\n💥,💥,💥,💥,💥,💥\n", 3, "kind"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(overrides, text, line, field):
    found = plan(text, "because", overrides.known())
    assert (line, field) in [(one.line, one.field) for one in found.wrong]
    assert not found.can_be_applied


def test_no_cell_of_a_file_runs_in_a_spreadsheet_and_comes_back_whole(overrides, instruments):
    text = HEAD + 'day,NSE,,closed Id,2027-03-10,"\'=HYPERLINK(1)"\n'
    found = plan(text, "-1+1", overrides.known())
    overrides.set_all((one.asked, one.before) for one in found.changes)
    assert overrides.list()[0].source == "=HYPERLINK(1)"
    written = as_csv(all_rows(instruments.rulings(CLOCK.now())))
    assert ",'=HYPERLINK(1)," in written
    assert ",'-1+1," in written
    assert plan(written, "again", overrides.known()).changes == []


def test_a_windows_file_with_a_mark_at_its_beginning_is_read(overrides):
    text = "\ufeff" + (HEAD + "lot_size,NFO,NIFTY,70,2026-12-01,x\n").replace("\n", "\r\n")
    assert plan(text, "r", overrides.known()).changed == 1
