"""What a payoff costs in each account: charges of going in and coming out, and the margin it was estimated to need."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from app.core.money import ZERO
from app.portfolio.charge_rates import estimate
from app.portfolio.charges import Dealt
from app.venues.types import Symbol
from app.web.payoff_positions import Position, Share, Subject
from app.web.payoff_prices import heard


@dataclass(frozen=True, slots=True)
class AccountLine:
    """Charges are estimates in rupees; None where no price list or no price is known."""

    share: Share
    going_in: Decimal | None
    coming_out: Decimal | None

    @property
    def charges(self) -> Decimal | None:
        known = [one for one in (self.going_in, self.coming_out) if one is not None]
        return sum(known, ZERO) if len(known) == 2 else None


def account_lines(subject: Subject, today: date) -> list[AccountLine]:
    if subject.currency != "INR":
        return [AccountLine(share, None, None) for share in subject.shares]
    prices = {one.symbol: heard(one.symbol) for share in subject.shares for one in share.positions}
    now = {symbol: price.value for symbol, price in prices.items() if price}
    return [_line(share, now, today) for share in subject.shares]


def _line(share: Share, now: Mapping[Symbol, Decimal], today: date) -> AccountLine:
    ins = (_charges(one, one.side, one.entry or now.get(one.symbol), today) for one in share.positions)
    outs = (_charges(one, _other(one.side), now.get(one.symbol), today) for one in share.positions)
    return AccountLine(share, _sum(ins), _sum(outs))


def _charges(one: Position, side: str, price: Decimal | None, today: date) -> Decimal | None:
    """Of as many orders as it is split into: brokerage is by the order."""
    if price is None:
        return None
    contract, units = one.contract, abs(one.units)
    most = contract.freeze_quantity or units
    orders = max(1, int((units / most).to_integral_value(ROUND_CEILING)))
    dealt = Dealt(contract.exchange, contract.symbol, one.product, side, price * units / orders, today)
    found = estimate(dealt)
    return None if found is None else found.total * orders


def _other(side: str) -> str:
    return "SELL" if side == "BUY" else "BUY"


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    found: Sequence[Decimal | None] = list(values)
    return None if None in found else sum((value for value in found if value is not None), ZERO)
