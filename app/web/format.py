"""Figures as people read them: Decimal and aware time in, text out. static/js/format.js says the same in the browser.

Both are held to tests/data/formats.json. Grouping is done by hand: browsers and systems differ about Indian digits.
A missing value is `–`, never zero. What rounds to zero has no sign. On the screen minus is `−` and blanks don't break;
what goes into a CSV file has the ASCII minus and ISO dates.
"""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

MISSING = "–"
MINUS = "−"
BLANK = "\u00a0"
IST = ZoneInfo("Asia/Kolkata")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SYMBOLS = {"INR": "₹", "USD": "$", "EUR": "€", "GBP": "£"}  # any other currency stands behind its figure
KEPT = 8192  # a page of many accounts writes the same figures again and again
ARROWS = {"up": f"▲{BLANK}+", "down": f"▼{BLANK}{MINUS}", "flat": ""}
LAKH, CRORE = Decimal(100_000), Decimal(10_000_000)
STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def indian(value: Decimal | None, places: int = 2) -> str:
    """12,34,567.89"""
    return MISSING if value is None else _minus(value, places) + _digits(value, places, 2)


def western(value: Decimal | None, places: int = 2) -> str:
    """1,234,567.89"""
    return MISSING if value is None else _minus(value, places) + _digits(value, places, 3)


def money(value: Decimal | None, currency: str = "INR", places: int = 2) -> str:
    """₹12,34,567.89, $1,234.50, 1,234.50 USDT"""
    return MISSING if value is None else _minus(value, places) + _amount(value, currency, places)


def short(value: Decimal | None, currency: str = "INR") -> str:
    """₹12.35 L and ₹4.56 Cr; what is under a lakh, or not in rupees, stays whole."""
    if value is None or currency != "INR" or abs(value) < LAKH:
        return money(value, currency)
    if abs(value / LAKH) < Decimal("99.995"):
        return f"{money(value / LAKH)}{BLANK}L"
    return f"{money(value / CRORE)}{BLANK}Cr"


def signed(value: Decimal | None, currency: str | None = None, places: int = 2) -> str:
    """▲ +₹1,234.50, ▼ −₹1,234.50, ₹0.00; without a currency the bare figure in Indian groups."""
    if value is None:
        return MISSING
    body = _amount(value, currency, places) if currency else _digits(value, places, 2)
    return ARROWS[tone(value, places)] + body


def step(value: Decimal | None, places: int = 2) -> str:
    """+12.30 and −0.05: how far something went, where an arrow has no room."""
    sign = "+" if tone(value, places) == "up" else ""
    return sign + indian(value, places)


def exact(value: Decimal | None) -> str:
    """With just the decimals it has: 13.00, 0.001124, 26,050."""
    return MISSING if value is None else indian(value, max(0, -int(value.as_tuple().exponent)))


def amount(units: Decimal | None) -> str:
    """Many units in a narrow column: 9,750, 84.61 L, 1.20 Cr."""
    if units is None:
        return MISSING
    if abs(units) < LAKH:
        return indian(units, 0)
    is_lakhs = abs(units / LAKH) < Decimal("99.995")
    return f"{indian(units / (LAKH if is_lakhs else CRORE))}{BLANK}{'L' if is_lakhs else 'Cr'}"


def grown(units: Decimal | None) -> str:
    """An amount that came to what was there, or left it: +2.89 L."""
    return ("+" if tone(units, 0) == "up" else "") + amount(units)


def tone(value: Decimal | None, places: int = 2) -> str:
    """up, down or flat, as `signed` shows it: what rounds to zero is flat."""
    rounded = Decimal(0) if value is None else _rounded(value, places)
    return "up" if rounded > 0 else "down" if rounded < 0 else "flat"


def percent(value: Decimal | None, places: int = 2) -> str:
    """+1.25%, −0.40%, 0.00%; the value is in per cent already."""
    if value is None:
        return MISSING
    sign = {"up": "+", "down": MINUS, "flat": ""}[tone(value, places)]
    return f"{sign}{_digits(value, places, 2)}%"


@lru_cache(KEPT)
def quantity(units: Decimal | int | None, lot_size: Decimal | int | None = None) -> str:
    """2 lots · 150; without whole lots of more than one unit just the units, with the decimals they have."""
    if units is None:
        return MISSING
    value = Decimal(units)
    bare = _minus(value, _places(value)) + _digits(value, _places(value), 2)
    if not value or not lot_size or lot_size == 1 or value % lot_size:
        return bare
    lots = value / Decimal(lot_size)
    return f"{indian(lots, 0)}{BLANK}{'lot' if abs(lots) == 1 else 'lots'}{BLANK}·{BLANK}{bare}"


def price(value: Decimal | None, tick: Decimal | None = None, currency: str = "INR") -> str:
    """With the decimals of its tick; in rupees with two at least."""
    if value is None:
        return MISSING
    places = 2 if tick is None else _places(tick)
    if currency == "INR":
        return indian(value, max(2, places))
    return western(value, places)


def age(seconds: Decimal | float | None) -> str:
    """0.4 s, 4 s, 3 min, 2 h, 5 d; always rounded down, so that nothing looks older than it is."""
    if seconds is None:
        return MISSING
    tenths = max(0, int(Decimal(str(seconds)) * 10))
    whole = tenths // 10
    if whole < 1:
        return f"0.{tenths}{BLANK}s"
    for limit, size, unit in ((60, 1, "s"), (3_600, 60, "min"), (86_400, 3_600, "h")):
        if whole < limit:
            return f"{whole // size}{BLANK}{unit}"
    return f"{whole // 86_400}{BLANK}d"


def took(milliseconds: int | None) -> str:
    """0 ms, 412 ms, 3.2 s, 45 s, 3 min 5 s, 2 h 10 min"""
    if milliseconds is None:
        return MISSING
    if milliseconds < 1_000:
        return f"{milliseconds}{BLANK}ms"
    if milliseconds < 10_000:
        return f"{milliseconds // 100 / 10}{BLANK}s"
    seconds = milliseconds // 1_000
    for size, unit, less, least in ((3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            return f"{seconds // size}{BLANK}{unit}{BLANK}{seconds % size // less}{BLANK}{least}"
    return f"{seconds}{BLANK}s"


def clock(at: datetime | None) -> str:
    """14:03:22 in India."""
    return MISSING if at is None else f"{at.astimezone(IST):%H:%M:%S}"


def day(on: datetime | date | None) -> str:
    """24 Dec 2026; a time is the day it is in India."""
    if on is None:
        return MISSING
    local = on.astimezone(IST) if isinstance(on, datetime) else on
    return f"{local.day}{BLANK}{MONTHS[local.month - 1]}{BLANK}{local.year}"


def moment(at: datetime | None) -> str:
    """24 Dec 2026 14:03:22 IST"""
    return MISSING if at is None else f"{day(at)}{BLANK}{clock(at)}{BLANK}IST"


def millis(at: datetime | None) -> int | None:
    """Milliseconds since the epoch, as the browser counts."""
    return None if at is None else int(at.timestamp() * 1000)


def csv(value: Decimal | date | str | int | None) -> str:
    """One CSV cell: plain figures, ISO dates, nothing for nothing, and no text a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(STARTS_FORMULA) else text


def _amount(value: Decimal, currency: str, places: int) -> str:
    """Without sign, with the currency before or behind."""
    digits = _digits(value, places, 2 if currency == "INR" else 3)
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{digits}" if symbol else f"{digits}{BLANK}{currency}"


def _minus(value: Decimal, places: int) -> str:
    return MINUS if _rounded(value, places) < 0 else ""


@lru_cache(KEPT)
def _digits(value: Decimal, places: int, group: int) -> str:
    """The rounded absolute value; the last three digits of the whole part together, those before in `group`s."""
    whole, _, fraction = format(abs(_rounded(value, places)), "f").partition(".")
    head, tail = whole[:-3], whole[-3:]
    parts = [head[max(0, end - group) : end] for end in range(len(head), 0, -group)]
    return ",".join([*reversed(parts), tail]) + (f".{fraction}" if fraction else "")


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(_unit(places), ROUND_HALF_UP)


@cache
def _unit(places: int) -> Decimal:
    """The smallest step with so many decimals."""
    return Decimal(1).scaleb(-places)


def _places(value: Decimal) -> int:
    """Decimals a value is written with, trailing zeros left out: 0.050 -> 2."""
    return max(0, -int(value.normalize().as_tuple().exponent))
