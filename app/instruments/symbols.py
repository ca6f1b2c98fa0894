"""How Indian contracts are spelled: base + DDMMMYY + `FUT`, or base + DDMMMYY + strike + `CE`/`PE`.

`parse` and `build` are inverses of each other. Equities and indices are their plain name and have nothing
to parse.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

FUTURE = "FUT"
CALL = "CE"
PUT = "PE"
OPTIONS = (CALL, PUT)

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTH = "|".join(MONTHS)
_CONTRACT = re.compile(
    rf"(?P<name>[A-Z0-9&_-]+?)(?P<day>[0-9]{{2}})(?P<month>{_MONTH})(?P<year>[0-9]{{2}})"
    r"(?:FUT|(?P<strike>[0-9]+(?:\.[0-9]+)?)(?P<right>CE|PE))"
)
_DATE = re.compile(rf"(?P<day>[0-9]{{1,2}})-?(?P<month>{_MONTH})-?(?P<year>[0-9]{{4}}|[0-9]{{2}})")


@dataclass(frozen=True, slots=True)
class Contract:
    """A future (`strike` is None) or an option, as its symbol says it."""

    name: str
    kind: str
    expiry: date
    strike: Decimal | None = None


def parse(symbol: str) -> Contract | None:
    """The contract a symbol spells, or None when it spells none (an equity, an index, a typing error)."""
    found = _CONTRACT.fullmatch(symbol.strip().upper())
    expiry = _date(found) if found else None
    if found is None or expiry is None:
        return None
    strike = Decimal(found["strike"]) if found["strike"] else None
    return Contract(found["name"], found["right"] or FUTURE, expiry, strike)


def build(contract: Contract) -> str:
    """`NIFTY24NOV2626050CE`; a fractional strike keeps its decimals, a whole one has none."""
    stem = f"{contract.name}{spell_date(contract.expiry)}"
    if contract.kind == FUTURE:
        return f"{stem}{FUTURE}"
    if contract.strike is None:
        raise ValueError(f"an option of {contract.name} needs a strike")
    return f"{stem}{spell_strike(contract.strike)}{contract.kind}"


def parse_date(text: str) -> date | None:
    """Any of the three spellings: `24NOV26`, `24-NOV-26`, `24-Nov-2026`; also ISO `2026-11-24`."""
    cleaned = text.strip().upper()
    found = _DATE.fullmatch(cleaned)
    if found:
        return _date(found)
    try:
        return date.fromisoformat(cleaned)
    except ValueError:
        return None


def spell_date(day: date) -> str:
    """`24NOV26`, whatever the machine's language."""
    return f"{day.day:02d}{MONTHS[day.month - 1]}{day.year % 100:02d}"


def spell_strike(strike: Decimal) -> str:
    text = format(strike, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _date(found: re.Match[str]) -> date | None:
    year = int(found["year"])
    try:
        return date(year if year > 99 else 2000 + year, MONTHS.index(found["month"]) + 1, int(found["day"]))
    except ValueError:
        return None
