"""Which listed contract a leg means: an underlying, an expiry rule, a kind and a strike rule, or an
explicit symbol.

Only what is listed is ever answered: a strike is the n-th listed one from the money, never a computed
number, since strike steps differ by underlying, by expiry and by distance. Every failure is a sentence that
names the leg.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.core.money import number, plain
from app.instruments.expiries import NoExpiry, expiry_for
from app.instruments.symbols import CALL, FUTURE, OPTIONS

_OFFSET = re.compile(r"(?P<side>ITM|OTM)(?P<steps>[1-9][0-9]?)")


class CannotResolve(ValueError):
    """The leg means no listed contract; the text is a sentence that names the leg."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A contract as the venue lists it. `freeze_quantity` None: unknown. Quantities in units, not lots."""

    exchange: str
    symbol: str
    name: str
    kind: str
    lot_size: Decimal
    tick: Decimal
    expiry: date | None = None
    strike: Decimal | None = None
    freeze_quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ContractRule:
    """What a leg asks for. `strike`: `ATM`, `ITM1`…, `OTM1`…, or a listed strike; `symbol` alone overrides
    the rest.
    """

    leg: str
    exchange: str
    underlying: str = ""
    kind: str = ""
    expiry: str = ""
    strike: str = ""
    symbol: str = ""


def resolve(rule: ContractRule, spot: Decimal | None, listed: Sequence[Listed], today: date) -> Listed:
    """The one listed contract that `rule` means with the underlying at `spot` on `today`."""
    if rule.symbol:
        return _explicit(rule, listed)
    family = [
        row for row in listed if (row.name, row.kind, row.exchange) == (rule.underlying, rule.kind, rule.exchange)
    ]
    if not family:
        raise _cannot(rule, f"{rule.underlying} has no {rule.kind} contracts on {rule.exchange}")
    try:
        expiry = expiry_for(rule.expiry, (row.expiry for row in family if row.expiry), today)
    except NoExpiry as error:
        raise _cannot(rule, f"{rule.underlying} {rule.kind}: {error}") from None
    chain = [row for row in family if row.expiry == expiry]
    return chain[0] if rule.kind == FUTURE else _option(rule, spot, chain)


def at_the_money(spot: Decimal, strikes: Iterable[Decimal]) -> Decimal:
    """The strike nearest to spot; of two equally near, the lower."""
    return min(sorted(strikes), key=lambda strike: abs(strike - spot))


def strike_for(rule: str, kind: str, spot: Decimal, strikes: Iterable[Decimal]) -> Decimal | None:
    """The listed strike a rule means; None when the list does not reach that far or the rule makes no sense.

    In the money is below spot for a call and above it for a put.
    """
    ladder = sorted(set(strikes))
    if not ladder:
        return None
    centre = ladder.index(at_the_money(spot, ladder))
    if rule == "ATM":
        return ladder[centre]
    offset = _OFFSET.fullmatch(rule)
    if offset is None:
        wanted = number(rule)
        return wanted if wanted in ladder else None
    upward = (offset["side"] == "OTM") == (kind == CALL)
    place = centre + int(offset["steps"]) * (1 if upward else -1)
    return ladder[place] if 0 <= place < len(ladder) else None


def is_strike_rule(text: str) -> bool:
    """Whether text is `ATM`, `ITM1`..`ITM99`, `OTM1`..`OTM99` or a positive number."""
    value = number(text)
    return text == "ATM" or _OFFSET.fullmatch(text) is not None or (value is not None and value > 0)


def _option(rule: ContractRule, spot: Decimal | None, chain: Sequence[Listed]) -> Listed:
    if rule.kind not in OPTIONS:
        raise _cannot(rule, f"{rule.kind!r} is not a kind of contract")
    fixed = number(rule.strike)
    spot = fixed if fixed is not None else spot
    if spot is None or not spot.is_finite() or spot <= 0:
        raise _cannot(rule, f"there is no price of {rule.underlying}")
    by_strike = {row.strike: row for row in chain if row.strike is not None}
    strike = strike_for(rule.strike, rule.kind, spot, by_strike)
    if strike is None:
        raise _cannot(rule, _why_not(rule, sorted(by_strike), chain[0].expiry))
    return by_strike[strike]


def _why_not(rule: ContractRule, strikes: Sequence[Decimal], expiry: date | None) -> str:
    if not is_strike_rule(rule.strike):
        return f"{rule.strike!r} is not a strike rule: use ATM, ITM1, OTM1 and so on, or a strike"
    when = f"{expiry:%d %b %Y}" if expiry else "that day"
    if not strikes:
        return f"no {rule.kind} strikes of {rule.underlying} are listed for {when}"
    return (
        f"{rule.underlying} {rule.kind} of {when} has no strike {rule.strike}: "
        f"listed are {plain(strikes[0])} to {plain(strikes[-1])}"
    )


def _explicit(rule: ContractRule, listed: Sequence[Listed]) -> Listed:
    for row in listed:
        if (row.exchange, row.symbol) == (rule.exchange, rule.symbol):
            return row
    raise _cannot(rule, f"{rule.symbol} is not listed on {rule.exchange}")


def _cannot(rule: ContractRule, why: str) -> CannotResolve:
    return CannotResolve(f"{rule.leg}: {why}.")
