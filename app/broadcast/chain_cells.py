"""The figures of an option chain as live cells, and which of them are news. Values in, values out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.broadcast.cells import Cell, Cells
from app.broadcast.chain_keys import FIELDS, SUM, SUMS, ChainKey

AGE_MS = 5_000  # an unchanged figure is told again when its price is that much younger

Row = dict[str, str | int | None]  # figures as decimal text by name, and "at", the age of their price in ms


@dataclass(frozen=True)
class Figures:
    """By side (`26050CE`), and of the chain as a whole. None is "not known"."""

    sides: Mapping[str, Row]
    sums: Row

    @property
    def at_money(self) -> Decimal | None:
        strike = self.sums["atm"]
        return None if strike is None else Decimal(strike)


def news(before: Figures | None, after: Figures, near: Collection[str]) -> Figures:
    """What is to be told: everything of a side whose price is much younger than was told, else what changed. Of sides
    that are not `near` only what their own quotes changed: they move with the forward too, where nobody looks.
    """
    if before is None:
        return after
    sides = {key: _changed(before.sides.get(key), row, key in near) for key, row in after.sides.items()}
    return Figures({key: row for key, row in sides.items() if row}, _changed(before.sums, after.sums, True))


def told(before: Figures | None, after: Figures, sent: Figures) -> Figures:
    """What browsers know now. An age counts from when it was last told."""
    if before is None:
        return after
    sides = {**before.sides, **{key: after.sides[key] for key in sent.sides}}
    return Figures(sides, after.sums if sent.sums else before.sums)


def chain_cells(key: ChainKey, sent: Figures) -> Cells:
    cells: Cells = {}
    for name, kind in FIELDS.items():
        shelf = key.shelf(name)
        for side, row in sent.sides.items():
            if name in row:
                cells[f"{side}:{shelf}"] = _cell(row[name], kind, row["at"])
    shelf = key.shelf(SUM)
    return cells | {
        f"{name}:{shelf}": _cell(sent.sums[name], kind, sent.sums["at"])
        for name, kind in SUMS.items()
        if name in sent.sums
    }


def _changed(before: Row | None, after: Row, is_near: bool) -> Row:
    if before is None or int(after["at"] or 0) - int(before["at"] or 0) >= AGE_MS:
        return after
    if not is_near and after["at"] == before["at"]:
        return {}
    changed = {name: value for name, value in after.items() if name != "at" and value != before[name]}
    return {**changed, "at": after["at"]} if changed else {}


def _cell(value: str | int | None, kind: str, at: str | int | None) -> Cell:
    return {"v": value, "k": kind, "c": None, "at": at}
