"""The price lists that charges are estimated by, as shipped: each rate with its first day and its source."""

import csv
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from app.portfolio.charges import Charges, Dealt, Rate, charges

LISTED = Path(__file__).with_name("data") / "charges.csv"


@cache
def shipped_rates() -> tuple[Rate, ...]:
    with LISTED.open(newline="", encoding="utf-8") as file:
        return tuple(_rate(row) for row in csv.DictReader(file))


def estimate(dealt: Dealt) -> Charges | None:
    """By the shipped rates."""
    return charges(dealt, shipped_rates())


def _rate(row: dict[str, str]) -> Rate:
    return Rate(
        component=row["component"],
        segment=row["segment"],
        exchange=row["exchange"],
        side=row["side"],
        percent=Decimal(row["percent"]),
        flat=Decimal(row["flat"]) if row["flat"] else None,
        most=Decimal(row["most"]) if row["most"] else None,
        effective=date.fromisoformat(row["effective"]),
        source=row["source"],
    )
