"""The size of an account as pages show it: what was asked and allowed, and the figures that led there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.money import number
from app.web import format as fmt


@dataclass(frozen=True, slots=True)
class SizeRow:
    """A figure, formatted, with where it is from and when it was read."""

    name: str
    value: str
    source: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SizeView:
    words: str
    asked: str
    allowed: str
    capped_by: str
    margin: str
    margin_source: str
    free: str
    funds_at: datetime | None
    rows: Sequence[SizeRow]
    notes: Sequence[str]

    @property
    def is_less(self) -> bool:
        return self.asked != self.allowed


def size_view(record: dict[str, Any] | None, currency: str) -> SizeView | None:
    if not record:
        return None
    return SizeView(
        words=record["words"],
        asked=lots_words(record["asked"]),
        allowed=lots_words(record["allowed"]),
        capped_by=record["capped_by"],
        margin=fmt.money(number(record["margin"]), currency),
        margin_source=record["margin_source"],
        free=fmt.money(number(record["free"]), currency),
        funds_at=_moment(record["funds_at"]),
        rows=[_row(row, currency) for row in record["rows"]],
        notes=record["notes"],
    )


def lots_words(lots: Sequence[int]) -> str:
    """One number where all legs have the same, else one each: "2 : 4"."""
    return str(lots[0]) if len(set(lots)) == 1 else " : ".join(map(str, lots))


def _row(row: dict[str, Any], currency: str) -> SizeRow:
    value = number(row["value"])
    said = {
        "money": lambda: fmt.money(value, currency),
        "percent": lambda: f"{fmt.quantity(value)} %",
        "times": lambda: f"× {fmt.quantity(value)}",
    }
    return SizeRow(row["name"], said[row["unit"]](), row["source"], _moment(row["at"]))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
