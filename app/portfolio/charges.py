"""What an order costs beside its price on an Indian exchange: an estimate from published rates, by the day it filled.

Brokerage, transaction tax (STT, CTT), the exchange's fee, SEBI's fee, stamp duty and GST. A contract note rounds some
of them otherwise, and brokers differ in brokerage: what is reckoned here is shown as an estimate, always.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from app.core.money import ZERO
from app.instruments.symbols import OPTIONS, parse

PAISA = Decimal("0.01")
PER_CENT = Decimal(100)
PER_ORDER = ("brokerage", "tax", "exchange", "sebi", "stamp")
DERIVATIVES = {"NFO": "", "BFO": "", "CDS": "currency_", "BCD": "currency_", "MCX": "commodity_"}
SHARES = ("NSE", "BSE")


@dataclass(frozen=True, slots=True)
class Rate:
    """`percent` of turnover (GST: of the fees), or `flat` rupees an order; never above `most`. "" stands for any."""

    component: str
    segment: str
    exchange: str
    side: str
    percent: Decimal
    flat: Decimal | None
    most: Decimal | None
    effective: date
    source: str


@dataclass(frozen=True, slots=True)
class Dealt:
    """What an order filled; `turnover` is quantity times average price, in rupees."""

    exchange: str
    symbol: str
    product: str
    side: str
    turnover: Decimal
    on: date


@dataclass(frozen=True, slots=True)
class Charges:
    """Rupees, each rounded to the paisa."""

    brokerage: Decimal = ZERO
    tax: Decimal = ZERO
    exchange: Decimal = ZERO
    sebi: Decimal = ZERO
    stamp: Decimal = ZERO
    gst: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return sum((getattr(self, field.name) for field in fields(self)), ZERO)


def segment_of(exchange: str, symbol: str, product: str) -> str | None:
    """The row of a price list an order falls under; None where the desk knows no list."""
    if exchange in SHARES:
        return "delivery" if product == "CNC" else "intraday"
    if exchange not in DERIVATIVES:
        return None
    contract = parse(symbol)
    if contract is None:
        return None
    return DERIVATIVES[exchange] + ("option" if contract.kind in OPTIONS else "future")


def charges(dealt: Dealt, rates: Iterable[Rate]) -> Charges | None:
    """None where no rates are known for what was dealt, or for that day."""
    segment = segment_of(dealt.exchange, dealt.symbol, dealt.product)
    if segment is None:
        return None
    found = {rate.component: rate for rate in in_force(dealt, segment, rates)}
    if not {"brokerage", "exchange", "sebi", "gst"} <= found.keys():
        return None
    parts = {
        name: _amount(found.get(name), dealt.turnover) for name in ("brokerage", "tax", "exchange", "sebi", "stamp")
    }
    fees = parts["brokerage"] + parts["exchange"] + parts["sebi"]
    return Charges(**{name: _paise(amount) for name, amount in parts.items()}, gst=_paise(_amount(found["gst"], fees)))


def in_force(dealt: Dealt, segment: str, rates: Iterable[Rate]) -> Sequence[Rate]:
    """Of each component the newest that was in force on the day."""
    newest: dict[str, Rate] = {}
    for rate in rates:
        holds = (
            rate.segment in ("", segment)
            and rate.exchange in ("", dealt.exchange)
            and rate.side in ("", dealt.side)
            and rate.effective <= dealt.on
        )
        if holds and (rate.component not in newest or newest[rate.component].effective < rate.effective):
            newest[rate.component] = rate
    return list(newest.values())


def _amount(rate: Rate | None, base: Decimal) -> Decimal:
    if rate is None or not base:
        return ZERO
    amount = rate.flat if rate.flat is not None else base * rate.percent / PER_CENT
    return amount if rate.most is None else min(amount, rate.most)


def _paise(amount: Decimal) -> Decimal:
    return amount.quantize(PAISA, ROUND_HALF_UP)
