"""What an override must be, told field by field, before anything is written."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.core.money import number, plain
from app.instruments.models import FactKind
from app.instruments.rulings import EVERY, NONE, parse_day, parse_span
from app.instruments.trading_days import parse_hours

EXCHANGE_WIDE = (FactKind.SESSION, FactKind.PRE_OPEN, FactKind.CLOSING_AUCTION, FactKind.DAY)
SIZES = (FactKind.LOT_SIZE, FactKind.TICK, FactKind.FREEZE_QUANTITY)
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
MOST = 1_000_000_000
LONGEST_VALUE, LONGEST_TEXT = 160, 500
WORDS = {
    FactKind.LOT_SIZE: "lot size",
    FactKind.TICK: "tick",
    FactKind.FREEZE_QUANTITY: "freeze quantity",
    FactKind.SESSION: "weekly session",
    FactKind.PRE_OPEN: "pre-open",
    FactKind.CLOSING_AUCTION: "closing auction",
    FactKind.SPOT: "where the spot price is",
    FactKind.PRICE_BAND: "price band (circuit limits)",
    FactKind.DAY: "one day",
}
_WEEKLY = re.compile(r"[a-z]{3}(-[a-z]{3})? [0-9:]+-[0-9:]+")
_SPOT = re.compile(r"[A-Z0-9_]{1,32}:(\*|[A-Z0-9&._-]{1,64})")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to count from a day on, cleaned but not checked; `effective_from` None: unreadable."""

    kind: str
    exchange: str
    subject: str
    value: str
    effective_from: date | None
    source: str
    reason: str

    @property
    def place(self) -> tuple[str, str]:
        return self.exchange, self.subject


def clean(kind: str, exchange: str, subject: str, value: str, day: str, source: str, reason: str) -> Asked:
    """From what was typed; a kind that counts for a whole exchange has `*` as its subject."""
    kind, exchange = kind.strip().lower(), exchange.strip().upper()
    subject = subject.strip().upper() or (EVERY if kind in EXCHANGE_WIDE else "")
    value = " ".join(value.split())
    if kind in (*SIZES, FactKind.PRICE_BAND) and (size := number(value)) is not None:
        value = plain(size) if -20 < size.adjusted() < 12 else value  # no text of a million noughts
    return Asked(kind, exchange, subject, value, read_date(day), source.strip(), reason.strip())


def read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def problems(asked: Asked, exchanges: set[str]) -> dict[str, str]:
    """A sentence for each field that is wrong; `exchanges` are those the desk knows."""
    found = {
        "kind": "" if asked.kind in tuple(FactKind) else f"Choose one of {', '.join(FactKind)}.",
        "exchange": _exchange(asked.exchange, exchanges),
        "subject": _subject(asked),
        "value": _value(asked) if asked.kind in tuple(FactKind) else "",
        "effective_from": _day(asked.effective_from),
        "source": _text(asked.source, "Say where this value is written: a circular, a broker's page, a call."),
        "reason": _text(asked.reason, "Say why: everyone sees it beside the value."),
    }
    return {name: sentence for name, sentence in found.items() if sentence}


def _exchange(exchange: str, exchanges: set[str]) -> str:
    if exchange in exchanges:
        return ""
    return f"The desk knows no such exchange. It knows {', '.join(sorted(exchanges))}."


def _subject(asked: Asked) -> str:
    if asked.kind in EXCHANGE_WIDE:
        return "" if asked.subject == EVERY else "This counts for a whole exchange: leave it empty, or write *."
    if asked.kind in SIZES and asked.subject == EVERY:
        return "Name one underlying or one symbol."
    is_name = 0 < len(asked.subject) <= 64 and asked.subject.isascii() and asked.subject.isprintable()
    return "" if is_name else "Name the underlying or the symbol it is about."


def _value(asked: Asked) -> str:
    if len(asked.value) > LONGEST_VALUE:
        return f"{LONGEST_VALUE} characters at most."
    if asked.kind in SIZES:
        return _size(asked)
    if asked.kind == FactKind.PRICE_BAND:
        return _band(asked.value)
    if asked.kind == FactKind.SPOT:
        return "" if _SPOT.fullmatch(asked.value) else "Write it as NSE_INDEX:NIFTY."
    if asked.kind == FactKind.DAY:
        return _odd_day(asked.value)
    return _hours(asked)


def _size(asked: Asked) -> str:
    size = number(asked.value)
    if size is None or not 0 < size < MOST:
        return "Say a number above zero and below a thousand million."
    if asked.kind != FactKind.TICK and asked.exchange != "CRYPTO" and size != size.to_integral_value():
        return "Say a whole number of units."
    return "" if size == size.quantize(Decimal("0.00000001")) else "Eight decimals at most."


def _band(value: str) -> str:
    percent = number(value)
    if percent is None or not 0 < percent <= 100:
        return "Say the percent above and below the previous close: above 0, at most 100."
    return "" if percent == percent.quantize(Decimal("0.01")) else "Two decimals at most."


def _hours(asked: Asked) -> str:
    if asked.value == ("always" if asked.kind == FactKind.SESSION else NONE):
        return ""
    try:
        if not _WEEKLY.fullmatch(asked.value):
            raise ValueError(asked.value)
        hours = parse_hours(asked.value)
        parse_span(asked.value.partition(" ")[2])
    except ValueError:
        other = "always" if asked.kind == FactKind.SESSION else NONE
        return f"Write it as mon-fri 09:15-15:30, or {other}."
    return "" if hours.days else "The days run backwards: write mon-fri."


def _odd_day(value: str) -> str:
    try:
        day = parse_day(value)
    except ValueError:
        return "Write closed and the holiday's name, 18:15-19:15 and the session's name, settlement …, or ordinary."
    return "" if day.name or value == "ordinary" else "Name the day, as in: closed Diwali."


def _day(day: date | None) -> str:
    if day is None:
        return "Write the day as 2026-12-01."
    return "" if FIRST_DAY <= day <= LAST_DAY else "That day is too far away."


def _text(text: str, missing: str) -> str:
    if not text:
        return missing
    return "" if len(text) <= LONGEST_TEXT else f"{LONGEST_TEXT} characters at most."
