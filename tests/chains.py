"""An option chain on record: NIFTY of one day, with its index and its future, listed by a venue that is a list."""

from datetime import date, datetime
from decimal import Decimal

from app.instruments.service import InstrumentService
from app.venues.types import ContractReport, Symbol

DAY = date(2026, 11, 24)
LATER = date(2026, 12, 1)
MIDDLE = 26000


class Lister:
    """The part of a venue that lists contracts."""

    def __init__(self, rows: list[ContractReport]) -> None:
        self._rows = rows

    def contracts(self, exchange: str) -> list[ContractReport]:
        return [row for row in self._rows if row.symbol.exchange == exchange]


def option(strike: int, kind: str, day: date = DAY) -> ContractReport:
    symbol = Symbol("NFO", f"NIFTY{day:%d%b%y}{strike}{kind}".upper())
    return ContractReport(symbol, "NIFTY", kind, Decimal(65), Decimal("0.05"), day, Decimal(strike), Decimal(1800))


def list_chain(instruments: InstrumentService, now: datetime, steps: int = 40, days: tuple[date, ...] = (DAY,)) -> None:
    """`steps` strikes of 50 points on each side of 26,000."""
    strikes = range(MIDDLE - 50 * steps, MIDDLE + 50 * steps + 1, 50)
    future = ContractReport(Symbol("NFO", "NIFTY24NOV26FUT"), "NIFTY", "FUT", Decimal(65), Decimal("0.1"), DAY)
    index = ContractReport(Symbol("NSE_INDEX", "NIFTY"), "NIFTY", "INDEX", Decimal(1), Decimal("0.05"))
    options = [option(strike, kind, day) for day in days for strike in strikes for kind in ("CE", "PE")]
    instruments.seed()
    instruments.sync(Lister([index, future, *options]), ("NFO", "NSE_INDEX"), now, "openalgo", "tests")
