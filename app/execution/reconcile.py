"""Finding out what became of orders whose answer was lost, from evidence alone.

Pure: what we sent, what the venue's book shows, and the clock go in; verdicts come out. Invariants: a venue order is
adopted at most once; nothing is concluded from a book that was read before the send; while an equal order is still
being sent no verdict is given, since a match could be either; orders of one intent are interchangeable, others are not.
Some venues show another price, type or time than was sent, so nothing is LOST while the book shows a new order that
only differs by these: a person decides. Running it twice gives the same verdicts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.venues.types import OrderReport, PriceType

CLOCK_SKEW = timedelta(seconds=10)  # venues stamp whole seconds by a clock of their own
FRESH_BOOK = timedelta(seconds=30)  # older knowledge of the book cannot rule out an order of somebody else


@dataclass(frozen=True, slots=True)
class Doubtful:
    """An order of ours that may or may not be at the venue."""

    order_id: str
    intent_id: str
    exchange: str
    symbol: str
    side: str
    quantity: Decimal
    price_type: str
    product: str
    price: Decimal | None
    trigger_price: Decimal | None
    sent_at: datetime
    seen_mark: int
    book_read_at: datetime | None
    lookups: int  # whole books read after the send so far, this one included
    is_sending: bool = False
    made: tuple[Decimal, ...] = ()  # of a pair that the broker shows no more: the limits of what may have come of it
    doubted_at: datetime | None = None  # where it was not in doubt from the send on


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order in the venue's book that nobody owns; `seq` tells when we first saw it."""

    report: OrderReport
    seq: int


@dataclass(frozen=True, slots=True)
class Adopt:
    order_id: str
    report: OrderReport


@dataclass(frozen=True, slots=True)
class Lost:
    order_id: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    order_id: str
    venue_order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    order_id: str


Verdict = Adopt | Lost | Ambiguous | Wait
Asked = tuple[str, str, str, Decimal, str]
Key = tuple[str, str, str, Decimal, str, str, Decimal | None, Decimal | None]


def judge(
    doubtful: Sequence[Doubtful],
    candidates: Iterable[Candidate],
    now: datetime,
    lookups: int,
    window: timedelta,
) -> list[Verdict]:
    """One verdict per doubtful order that is not still being sent, in the given order.

    `lookups` whole books and `window` since the send must both have passed without the order before it is LOST.
    """
    candidates = list(candidates)
    by_key: dict[Key, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_key[_report_key(candidate.report)].append(candidate)
    groups: dict[Key, list[Doubtful]] = defaultdict(list)
    for order in doubtful:
        groups[_key(order)].append(order)
    verdicts = {
        v.order_id: v
        for key, group in groups.items()
        for v in _judge_group(group, by_key[key] + _made_of(group, candidates))
    }
    settled = [verdicts[o.order_id] for o in doubtful if o.order_id in verdicts]
    left = _without(candidates, settled)
    sending = {_asked_for(order) for order in doubtful if order.is_sending}
    old = [o for o in doubtful if o.lookups >= lookups and now - (o.doubted_at or o.sent_at) > window]
    ended = {o.order_id: _end(o, left, sending) for o in old}
    return [ended.get(v.order_id, v) if isinstance(v, Wait) else v for v in settled]


def appeared(
    lost: Sequence[Doubtful], candidates: Sequence[Candidate], verdicts: Sequence[Verdict]
) -> list[tuple[str, tuple[str, ...]]]:
    """Unowned orders that could be one we gave up as lost. They may as well be somebody's own: a person decides."""
    left = _without(candidates, verdicts)
    found = ((order.order_id, _near(order, left)) for order in lost)
    return [(order_id, names) for order_id, names in found if names]


def _judge_group(group: list[Doubtful], candidates: list[Candidate]) -> list[Verdict]:
    unknown = [order for order in group if not order.is_sending]
    possible = [c for c in candidates if any(_could_be(order, c) for order in unknown)]
    if not possible or len(unknown) < len(group):
        return [Wait(order.order_id) for order in unknown]
    if _is_clear(unknown, possible):
        return _pair(unknown, possible)
    names = tuple(sorted(c.report.venue_order_id for c in possible))
    return [Ambiguous(order.order_id, names) for order in unknown]


def _made_of(group: list[Doubtful], candidates: list[Candidate]) -> list[Candidate]:
    """Orders that a broker may have made of the pairs of this group, whose legs are limits."""
    first = group[0]
    return [
        candidate
        for candidate in candidates
        if candidate.report.price_type == PriceType.LIMIT
        and candidate.report.price in first.made
        and _asks_for(candidate.report) == _asked_for(first)
    ]


def _is_clear(unknown: list[Doubtful], possible: list[Candidate]) -> bool:
    """No more candidates than orders, all of one intent, and the book was known well enough before the send."""
    if len(possible) > len(unknown) or len({order.intent_id for order in unknown}) > 1:
        return False
    return all(_knew_the_book(order) for order in unknown)


def _knew_the_book(order: Doubtful) -> bool:
    return order.book_read_at is not None and order.sent_at - order.book_read_at <= FRESH_BOOK


def _pair(unknown: list[Doubtful], possible: list[Candidate]) -> list[Verdict]:
    orders = sorted(unknown, key=lambda order: (order.sent_at, order.order_id))
    found = sorted(possible, key=lambda candidate: candidate.seq)
    verdicts: list[Verdict] = []
    for index, order in enumerate(orders):
        if index < len(found) and _could_be(order, found[index]):
            verdicts.append(Adopt(order.order_id, found[index].report))
        else:
            verdicts.append(Wait(order.order_id))
    return verdicts


def _could_be(order: Doubtful, candidate: Candidate) -> bool:
    placed = candidate.report.at
    return candidate.seq > order.seen_mark and (placed is None or placed >= order.sent_at - CLOCK_SKEW)


def _end(order: Doubtful, left: Sequence[Candidate], sending: Collection[Asked]) -> Verdict:
    """Of one that no book has shown for long enough."""
    near = _near(order, left)
    if not near:
        return Lost(order.order_id)
    return Wait(order.order_id) if _asked_for(order) in sending else Ambiguous(order.order_id, near)


def _without(candidates: Iterable[Candidate], verdicts: Iterable[Verdict]) -> list[Candidate]:
    """Those that no verdict adopts."""
    adopted = {verdict.report.venue_order_id for verdict in verdicts if isinstance(verdict, Adopt)}
    return [candidate for candidate in candidates if candidate.report.venue_order_id not in adopted]


def _near(order: Doubtful, candidates: Iterable[Candidate]) -> tuple[str, ...]:
    """Orders that came since and ask for the same, whatever the venue says of their price, type and time."""
    asked = _asked_for(order)
    found = (one.report for one in candidates if one.seq > order.seen_mark)
    return tuple(sorted(report.venue_order_id for report in found if _asks_for(report) == asked))


def _asked_for(order: Doubtful) -> Asked:
    return order.exchange, order.symbol, str(order.side), order.quantity, order.product


def _asks_for(report: OrderReport) -> Asked:
    return report.symbol.exchange, report.symbol.name, str(report.side), report.quantity, report.product


def _key(order: Doubtful) -> Key:
    return _spec(
        order.exchange, order.symbol, order.side, order.quantity, order.price_type, order.product, order.price,
        order.trigger_price,
    )  # fmt: skip


def _report_key(report: OrderReport) -> Key:
    return _spec(
        report.symbol.exchange, report.symbol.name, report.side, report.quantity, report.price_type, report.product,
        report.price, report.trigger_price,
    )  # fmt: skip


def _spec(
    exchange: str, symbol: str, side: str, quantity: Decimal, price_type: str, product: str,
    price: Decimal | None, trigger_price: Decimal | None,
) -> Key:  # fmt: skip
    """Venues put what they like into the price fields that an order's type does not use, so those do not count."""
    limit = price if price_type in (PriceType.LIMIT, PriceType.SL, PriceType.OCO) else None
    trigger = trigger_price if price_type in (PriceType.SL, PriceType.SL_M, PriceType.OCO) else None
    return exchange, symbol, str(side), quantity, str(price_type), product, limit, trigger
