"""Values as a CSV file: what is on record goes out, and a corrected file comes back as overrides, all of it or nothing.

The columns of a file that comes in are those of the shipped data; others are ignored, so that an exported file can
be corrected and sent back. A row that says what counts on its day anyway changes nothing.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.instruments.checks import Asked, clean
from app.instruments.models import FactKind
from app.instruments.overrides import Known, judge
from app.instruments.rulings import Ruling, Rulings

COLUMNS = ("kind", "exchange", "subject", "value", "effective_from", "source")
MOST_ROWS = 2_000
MOST_CHANGES = 500  # so that their writing holds nobody up
MOST_BYTES = 700_000
STARTS_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class Wrong:
    """`line` counts from 1, the headings being line 1."""

    line: int
    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Change:
    """`before` is "" where nothing counted."""

    line: int
    asked: Asked
    before: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would do; nothing at all while something in it is wrong."""

    changes: Sequence[Change]
    same: int
    wrong: Sequence[Wrong]

    @property
    def new(self) -> int:
        return sum(not change.before for change in self.changes)

    @property
    def changed(self) -> int:
        return len(self.changes) - self.new

    @property
    def can_be_applied(self) -> bool:
        return bool(self.changes) and not self.wrong


def plan(text: str, reason: str, known: Known) -> Plan:
    """Judge each line against what counts on its day once the lines of earlier days are in force."""
    lines, wrong = _read(text, reason)
    rulings, changes, same = known.rulings.copy(), [], 0
    for line, asked in sorted(lines, key=lambda each: each[1].effective_from or date.min):
        faults = judge(asked, known)
        wrong += [Wrong(line, name, sentence) for name, sentence in faults.items()]
        if faults or asked.effective_from is None:
            continue
        before = counting(rulings, asked)
        if before == asked.value:
            same += 1
            continue
        changes.append(Change(line, asked, before))
        rulings.add(_as_ruling(asked, line))
    if len(changes) > MOST_CHANGES:
        wrong.append(Wrong(1, "file", f"It would change {len(changes)} values, {MOST_CHANGES} are the most at once."))
    return Plan(sorted(changes, key=lambda one: one.line), same, sorted(wrong, key=lambda one: one.line))


def counting(rulings: Rulings, asked: Asked) -> str:
    """What counts on its day, as a file spells it; "" for nothing."""
    day = asked.effective_from or date.min
    is_day = asked.kind == FactKind.DAY
    found = rulings.day(asked.exchange, day) if is_day else rulings.holding(asked.kind, *asked.place, day)
    return found.value if found and found.subject == asked.subject else ""


def all_rows(rulings: Rulings) -> list[Ruling]:
    """Everything on record, the shipped days among it, in the order of a file."""
    return sorted(rulings.all, key=_in_file)


def _in_file(one: Ruling) -> tuple[str, str, str, date, str]:
    return one.kind, one.exchange, one.subject, one.effective_from, one.override_id


def _read(text: str, reason: str) -> tuple[list[tuple[int, Asked]], list[Wrong]]:
    """The lines of a file, and what keeps it from being read."""
    if len(text) > MOST_BYTES:
        return [], [Wrong(1, "file", "The file is too long: send it in parts.")]
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff").replace("\0", "")), strict=True)
    lines: list[tuple[int, Asked]] = []
    try:
        headings = [heading.strip().lower() for heading in next(reader, [])]
        missing = [name for name in COLUMNS if name not in headings]
        if missing:
            return [], [Wrong(1, "headings", f"The first line must name {', '.join(missing)}.")]
        for cells in reader:
            if len(lines) >= MOST_ROWS:
                return [], [Wrong(reader.line_num, "file", f"{MOST_ROWS} lines at most: send it in parts.")]
            if any(cell.strip() for cell in cells):
                lines.append((reader.line_num, _line(dict(zip(headings, cells, strict=False)), reason)))
    except csv.Error as error:
        return [], [Wrong(reader.line_num, "file", f"This is no CSV: {error}.")]
    return (lines, []) if lines else ([], [Wrong(1, "file", "The file has no lines after the headings.")])


def _line(cells: dict[str, str], reason: str) -> Asked:
    kind, exchange, subject, value, day, source = (_unquoted(cells.get(name, "")) for name in COLUMNS)
    return clean(kind, exchange, subject, value, day, source, reason)


def _unquoted(cell: str) -> str:
    """Without the mark that keeps a spreadsheet from running a cell."""
    return cell[1:] if cell.startswith("'") and cell[1:2] in STARTS_FORMULA else cell


def _as_ruling(asked: Asked, line: int) -> Ruling:
    day = asked.effective_from or date.min
    return Ruling(asked.kind, asked.exchange, asked.subject, asked.value, day, asked.source, override_id=str(line))
