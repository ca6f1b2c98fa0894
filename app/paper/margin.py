"""Money a set of positions binds, in the shape OpenAlgo reports it: span, exposure, total.

Live manner: shorts and futures 10 percent span and 2 percent exposure of the notional, long options their
premium, delivery its full value, intraday equity a fifth. A short option covered by a long one of the same
underlying, expiry and type needs half the span: modest beside a real clearing house, but in the same
direction. Simulator manner (analyze): leverage only, 10 for futures, 5 for intraday equity, 1 for options
(premium) and delivery.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from app.paper.contracts import Contract

SPAN = Decimal("0.10")
EXPOSURE = Decimal("0.02")
INTRADAY = Decimal("0.20")
HEDGED = Decimal("0.5")
ZERO = Decimal(0)


class Line(NamedTuple):
    """A net position: signed quantity, what it cost (rupees, positive), and the price of its underlying."""

    contract: Contract
    product: str
    quantity: int
    value: Decimal
    underlying: Decimal

    @property
    def option(self) -> bool:
        return self.contract.kind in ("CE", "PE")


@dataclass(frozen=True, slots=True)
class Margin:
    span: Decimal
    exposure: Decimal

    @property
    def total(self) -> Decimal:
        return self.span + self.exposure


Rule = Callable[[list[Line]], Margin]


def live(lines: list[Line]) -> Margin:
    cover = _cover(lines)
    span = exposure = ZERO
    for line in lines:
        line_span, line_exposure = _line(line, cover)
        span += line_span
        exposure += line_exposure
    return Margin(span, exposure)


def _cover(lines: Iterable[Line]) -> dict[tuple[object, ...], int]:
    """Long option units that can hedge shorts, per underlying, expiry and type."""
    cover: dict[tuple[object, ...], int] = defaultdict(int)
    for line in lines:
        if line.option and line.quantity > 0:
            cover[_family(line.contract)] += line.quantity
    return cover


def _family(contract: Contract) -> tuple[object, ...]:
    return (contract.name, contract.expiry, contract.kind)


def _line(line: Line, cover: dict[tuple[object, ...], int]) -> tuple[Decimal, Decimal]:
    if line.contract.kind == "EQ":
        return _equity(line), ZERO
    if line.option and line.quantity >= 0:
        return line.value, ZERO
    units = abs(line.quantity)
    notional = line.underlying * units
    span = notional * SPAN
    if line.option:
        family = _family(line.contract)
        hedged = min(units, cover.get(family, 0))
        if hedged:
            cover[family] -= hedged
            span -= line.underlying * hedged * SPAN * HEDGED
    return span, notional * EXPOSURE


def _equity(line: Line) -> Decimal:
    """Delivery pays in full; a delivery sale out of holdings frees its proceeds."""
    if line.product == "CNC":
        return line.value if line.quantity >= 0 else -line.value
    return line.value * INTRADAY


def analyze(lines: list[Line]) -> Margin:
    return Margin(sum((line.value / _leverage(line) for line in lines), ZERO), ZERO)


def _leverage(line: Line) -> Decimal:
    if line.contract.kind == "FUT":
        return Decimal(10)
    if line.contract.kind == "EQ" and line.product == "MIS":
        return Decimal(5)
    return Decimal(-1) if line.product == "CNC" and line.quantity < 0 else Decimal(1)
