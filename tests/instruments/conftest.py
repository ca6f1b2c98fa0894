"""A database with the room's tables, and contracts as a venue would list them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.instruments.service import InstrumentService
from app.instruments.symbols import Contract, build
from app.venues.types import ContractReport, Symbol

NOW = datetime(2026, 11, 19, 6, 0, tzinfo=UTC)  # a Thursday, 11:30 in India


@pytest.fixture
def instruments(db) -> InstrumentService:
    return InstrumentService(db)


@dataclass
class ListedBy:
    """A venue reduced to its lists."""

    lists: dict[str, list[ContractReport]]

    def contracts(self, exchange: str) -> list[ContractReport]:
        return self.lists.get(exchange, [])


def option(name: str, expiry: date, strike: str, kind: str, exchange: str = "NFO", lot: str = "65"):
    symbol = build(Contract(name, kind, expiry, Decimal(strike)))
    return ContractReport(Symbol(exchange, symbol), name, kind, Decimal(lot), Decimal("0.05"), expiry, Decimal(strike))


def future(name: str, expiry: date, exchange: str = "NFO", lot: str = "65"):
    symbol = build(Contract(name, "FUT", expiry))
    return ContractReport(Symbol(exchange, symbol), name, "FUT", Decimal(lot), Decimal("0.1"), expiry)


def equity(name: str, exchange: str = "NSE"):
    return ContractReport(Symbol(exchange, name), name, "EQ", Decimal(1), Decimal("0.05"))


def chain(name: str, expiry: date, first: int, last: int, step: int):
    return [option(name, expiry, str(strike), kind) for strike in range(first, last + 1, step) for kind in ("CE", "PE")]
