"""What a trade costs beside its price: brokerage, taxes and exchange fees of an Indian discount broker.

Rates are fractions of turnover as published by the exchanges and a large discount broker for 2025; brokerage is a flat
twenty rupees an order or 0.03 percent, whichever is lower, nothing on delivery, and always flat on options.
Amounts are rupees, rounded to the paisa.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.paper.contracts import Contract

PAISA = Decimal("0.01")
FLAT = Decimal(20)
BROKERAGE = Decimal("0.0003")
SEBI = Decimal("0.000001")
GST = Decimal("0.18")


@dataclass(frozen=True, slots=True)
class Tariff:
    """Transaction tax on buys and sells, exchange fee, stamp duty on buys; all fractions of turnover."""

    tax_buy: Decimal
    tax_sell: Decimal
    exchange: Decimal
    stamp: Decimal


def _tariff(buy: str, sell: str, exchange: str, stamp: str) -> Tariff:
    return Tariff(Decimal(buy), Decimal(sell), Decimal(exchange), Decimal(stamp))


TARIFFS = {
    "delivery": _tariff("0.001", "0.001", "0.0000297", "0.00015"),
    "intraday": _tariff("0", "0.00025", "0.0000297", "0.00003"),
    "future": _tariff("0", "0.0002", "0.0000173", "0.00002"),
    "option": _tariff("0", "0.001", "0.0003503", "0.00003"),
}


def segment(contract: Contract, product: str) -> str:
    if contract.kind in ("CE", "PE"):
        return "option"
    if contract.kind == "FUT":
        return "future"
    return "delivery" if product == "CNC" else "intraday"


def brokerage(kind: str, turnover: Decimal) -> Decimal:
    """Of one whole order, however many fills it took."""
    if kind == "delivery" or not turnover:
        return Decimal(0)
    return FLAT if kind == "option" else min(FLAT, turnover * BROKERAGE)


def charges(contract: Contract, product: str, side: int, before: Decimal, turnover: Decimal) -> Decimal:
    """Cost of a fill of `turnover` rupees, in an order that had already turned over `before`."""
    kind = segment(contract, product)
    tariff = TARIFFS[kind]
    fee = brokerage(kind, before + turnover) - brokerage(kind, before)
    exchange = turnover * tariff.exchange
    sebi = turnover * SEBI
    tax = turnover * (tariff.tax_buy if side > 0 else tariff.tax_sell)
    stamp = turnover * tariff.stamp if side > 0 else Decimal(0)
    total = fee + exchange + sebi + tax + stamp + (fee + exchange + sebi) * GST
    return total.quantize(PAISA, ROUND_HALF_UP)
