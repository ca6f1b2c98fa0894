"""What of a day is used up before an order, and whether one more order still fits. Pure: values in, a sentence out.

What works is counted as if it filled, on the side that makes it worse; exits that work take nothing away. Exposure is
quantity times the newest price, in the account's currency; where a price in it is old it is not known, and nothing
that would add to it passes. What makes a position smaller passes all limits.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from app.core.money import ZERO, plain
from app.risk.day_rules import HUNDRED, WORDS, Limited
from app.venues.types import Symbol

Place = tuple[str, Symbol]  # account and contract
PriceOf = Callable[[Symbol], Decimal | None]  # young enough for a decision; None where there is none
CENTS = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class OneMore:
    """An order that is asked for: signed units, its limit price if it has one, and in how many orders it goes. Of new
    terms for an order that works only value, quantity and price are asked."""

    account_id: str
    symbol: Symbol
    quantity: Decimal
    price: Decimal | None = None
    orders: int = 1
    is_change: bool = False
    is_by_hand: bool = False

    @property
    def place(self) -> Place:
        return self.account_id, self.symbol


@dataclass(slots=True)
class SoFar:
    """Of one owner's accounts: signed units held, units that entries may still buy and sell, and counts by account."""

    held: dict[Place, Decimal] = field(default_factory=dict)
    buys: dict[Place, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    sells: dict[Place, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # by limit, by account

    def add(self, more: OneMore, times: int = 1) -> None:
        """One that was let through; `times` -1 takes it back."""
        side = self.buys if more.quantity > 0 else self.sells
        side[more.place] = side.get(more.place, ZERO) + times * abs(more.quantity)
        for name, count in (("open_orders", more.orders), ("orders_per_minute", more.orders), ("entries", 1)):
            self.counts[name][more.account_id] += times * count

    def worst(self, place: Place, more: Decimal = ZERO) -> Decimal:
        """The most units that may come to be held there, either way, with so many more."""
        held = self.held.get(place, ZERO)
        bought = held + self.buys.get(place, ZERO) + max(more, ZERO)
        sold = held - self.sells.get(place, ZERO) + min(more, ZERO)
        return max(abs(held), abs(bought), abs(sold))

    def places(self, account_ids: Collection[str]) -> set[Place]:
        return {place for place in (*self.held, *self.buys, *self.sells) if place[0] in account_ids}

    def lessens(self, more: OneMore) -> bool:
        """Whether it can only make what is held smaller."""
        held = self.held.get(more.place, ZERO)
        if held * more.quantity >= 0:
            return False
        against = self.sells if more.quantity < 0 else self.buys
        return abs(more.quantity) + against.get(more.place, ZERO) <= abs(held)

    def count(self, name: str, account_ids: Collection[str]) -> int:
        found = self.counts.get(name, Counter())
        return sum(found[account_id] for account_id in account_ids)


@dataclass(frozen=True, slots=True)
class World:
    """What is asked of prices and names: the underlying of a contract."""

    price_of: PriceOf
    names: Mapping[Symbol, str]

    def underlying(self, symbol: Symbol) -> str:
        return self.names.get(symbol, symbol.name)


def worth(so_far: SoFar, places: Collection[Place], world: World, more: OneMore | None = None) -> Decimal | Symbol:
    """The exposure of these places, or the contract whose price is not known."""
    total = ZERO
    for place in sorted(places, key=str):
        units = so_far.worst(place, more.quantity if more is not None and more.place == place else ZERO)
        price = world.price_of(place[1]) if units else ZERO
        if price is None:
            return place[1]
        total += units * price
    return total


def among(name: str, places: Collection[Place], symbol: Symbol, world: World) -> set[Place]:
    """Those that an exposure of this kind adds up for an order in a contract."""
    if name == "symbol_exposure":
        return {place for place in places if place[1] == symbol}
    if name == "underlying_exposure":
        return {place for place in places if world.underlying(place[1]) == world.underlying(symbol)}
    return set(places)


def why_not(one: Limited, more: OneMore, so_far: SoFar, world: World) -> str | None:
    """The sentence that names the limit, its threshold, the value and whose it is; None when the order fits."""
    if more.is_by_hand and so_far.lessens(more):
        return None
    found = next(_faults(one, more, so_far, world), None)
    return f"{one.name}: {found} Nothing was sent." if found else None


def _faults(one: Limited, more: OneMore, so_far: SoFar, world: World) -> Iterator[str]:
    yield from _of_the_order(one, more, world)
    if more.is_change:
        return
    for name, most in one.rules.counts.items():
        orders = 1 if name == "entries" else more.orders
        count = so_far.count(name, one.account_ids) + orders
        if count > most:
            yield f"{WORDS[name]} may be {most} and would be {count}."
    yield from _exposures(one, more, so_far, world)


def _of_the_order(one: Limited, more: OneMore, world: World) -> Iterator[str]:
    rules, units, name = one.rules, abs(more.quantity), more.symbol.name
    if rules.order_quantity is not None and units > rules.order_quantity:
        yield f"max order quantity is {plain(rules.order_quantity)} and this order of {name} has {plain(units)}."
    if rules.order_value is None and rules.price_band is None:
        return
    last = world.price_of(more.symbol)
    price = more.price if more.price is not None else last
    if rules.order_value is not None:
        if price is None:
            yield f"there is no fresh price of {name}, so max order value {plain(rules.order_value)} can't be kept."
        elif units * price > rules.order_value:
            comes = f"this order of {name} comes to {_money(units * price)}"
            yield f"max order value is {plain(rules.order_value)} and {comes}."
    if rules.price_band is not None and more.price is not None:
        yield from _out_of_band(rules.price_band, more.price, last, name)


def _out_of_band(band: Decimal, price: Decimal, last: Decimal | None, name: str) -> Iterator[str]:
    if last is None:
        yield f"there is no fresh price of {name}, so its price band of {plain(band)} % can't be kept."
    elif abs(price - last) * HUNDRED > band * last:
        away = (abs(price - last) * HUNDRED / last).quantize(CENTS)
        yield f"price band is {plain(band)} % and {plain(price)} for {name} is {plain(away)} % from {plain(last)}."


def _exposures(one: Limited, more: OneMore, so_far: SoFar, world: World) -> Iterator[str]:
    known = so_far.places(one.account_ids) | {more.place}
    for name, most in one.rules.exposures.items():
        limit, places = most.amount(one.equity), among(name, known, more.symbol, world)
        of = {"symbol_exposure": f" ({more.symbol.name})", "underlying_exposure": f" ({world.underlying(more.symbol)})"}
        title = f"{WORDS[name]}{of.get(name, '')}"
        if limit is None:
            yield f"{title} may be {most.words} and the equity of the day is not known yet."
            continue
        after = worth(so_far, places, world, more)
        if isinstance(after, Symbol):
            yield f"there is no fresh price of {after.name}, so its {title} of at most {_money(limit)} can't be kept."
        elif after > limit and after > _before(so_far, places, world):
            yield f"{title} may be {_money(limit)} and would be {_money(after)}."


def _before(so_far: SoFar, places: Collection[Place], world: World) -> Decimal:
    found = worth(so_far, places, world)
    return found if isinstance(found, Decimal) else ZERO


def used(one: Limited, so_far: SoFar, world: World) -> dict[str, Decimal | None]:
    """By limit what is used now: of exposures per symbol and underlying the largest; None where it is not known."""
    found: dict[str, Decimal | None] = {name: Decimal(so_far.count(name, one.account_ids)) for name in one.rules.counts}
    known = so_far.places(one.account_ids)
    for name in one.rules.exposures:
        groups = {frozenset(among(name, known, place[1], world)) for place in known}
        values = [worth(so_far, group, world) for group in groups]
        amounts = [value for value in values if isinstance(value, Decimal)]
        found[name] = max(amounts, default=ZERO) if len(amounts) == len(values) else None
    return found


def _money(value: Decimal) -> str:
    return plain(value.quantize(CENTS))
