"""What any venue of the desk must do, whatever it is.

A venue's own tests subclass `VenueConformance` and give two fixtures: `venue`, connected to a running peer and patient
with it, and `control`, which sees and disturbs that peer from behind.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from enum import Enum, auto
from typing import Any

import pytest

from app.core.errors import Refused, Retry, Unknown
from app.core.ids import new_id
from app.venues.port import StreamState, Venue
from app.venues.types import (
    CancelOrder,
    FeedMode,
    ModifyOrder,
    OrderReport,
    OrderStatus,
    Outcome,
    PlaceOrder,
    PriceType,
    Product,
    Quote,
    Side,
    Symbol,
)
from tests.waiting import threads_ended, until


class Trouble(Enum):
    """What becomes of the next placing."""

    HANGS_AFTER_PLACING = auto()
    HANGS_BEFORE_PLACING = auto()
    RESET_AFTER_PLACING = auto()
    RESET_BEFORE_PLACING = auto()
    SERVER_ERROR_AFTER_PLACING = auto()
    SERVER_ERROR_BEFORE_PLACING = auto()
    NOT_JSON_AFTER_PLACING = auto()
    NO_ID_AFTER_PLACING = auto()
    RATE_LIMITED = auto()
    REFUSED = auto()

    @property
    def outcome(self) -> Outcome:
        proven = {Trouble.RATE_LIMITED: Outcome.UNAVAILABLE, Trouble.REFUSED: Outcome.REFUSED}
        return proven.get(self, Outcome.UNKNOWN)

    @property
    def hangs(self) -> bool:
        return self.name.startswith("HANGS_")

    @property
    def exists(self) -> bool:
        """Whether the order is at the venue all the same."""
        return self.name.endswith("_AFTER_PLACING")


class VenueControl(ABC):
    """The peer from behind. `symbol` is liquid and `other` too; `quantity` is a valid one; `unknown` is none."""

    symbol: Symbol
    other: Symbol
    unknown: Symbol
    quantity: Decimal
    product: Product

    @abstractmethod
    def reset(self) -> None: ...

    @abstractmethod
    def trouble(self, trouble: Trouble) -> None:
        """The next placing, and that alone, ends like this."""

    @abstractmethod
    def break_readings(self) -> None:
        """Every reading is answered with an error until the next reset."""

    @abstractmethod
    def asked(self) -> int:
        """How many placings the peer has received, whatever became of them."""

    @abstractmethod
    def orders(self) -> list[str]:
        """The ids of the orders that exist at the peer."""

    @abstractmethod
    def drop_streams(self) -> None: ...

    @abstractmethod
    def send_garbage(self) -> None:
        """The market stream's frames are mixed with rubbish until the next reset."""

    @abstractmethod
    def refuse_sign_in(self) -> None: ...

    @abstractmethod
    def accept_sign_in(self) -> None: ...

    @abstractmethod
    def hurried(self) -> Venue:
        """A venue like the one under test, with a `place_timeout` of a few seconds."""

    @abstractmethod
    def nowhere(self) -> Venue:
        """A venue like the one under test, whose peer does not listen."""


class Seen:
    """What a stream told, from its thread."""

    def __init__(self) -> None:
        self.quotes: list[Quote] = []
        self.reports: list[OrderReport] = []
        self.states: list[StreamState] = []

    def on_state(self, state: StreamState, _message: str) -> None:
        self.states.append(state)

    def times_live(self) -> int:
        return self.states.count(StreamState.LIVE)

    def of(self, symbol: Symbol) -> list[Quote]:
        return [quote for quote in self.quotes if quote.symbol == symbol]


@contextmanager
def market(venue: Venue) -> Iterator[tuple[Any, Seen]]:
    seen = Seen()
    stream = venue.market_stream(seen.quotes.append, seen.on_state)
    try:
        until(seen.times_live)
        yield stream, seen
    finally:
        stream.close()


@contextmanager
def order_news(venue: Venue) -> Iterator[Seen]:
    seen = Seen()
    stream = venue.order_stream(seen.reports.append, seen.on_state)
    try:
        until(seen.times_live)
        yield seen
    finally:
        stream.close()


class VenueConformance:
    @pytest.fixture(autouse=True)
    def _fresh(self, control: VenueControl) -> Iterator[None]:
        control.reset()
        with threads_ended():
            yield

    def order(self, control: VenueControl, **changes: Any) -> PlaceOrder:
        wanted = {
            "client_order_id": new_id(),
            "symbol": control.symbol,
            "side": Side.BUY,
            "quantity": control.quantity,
            "price_type": PriceType.MARKET,
            "product": control.product,
        }
        return PlaceOrder(**{**wanted, **changes})

    def resting(self, venue: Venue, control: VenueControl) -> PlaceOrder:
        """A limit order a little below the market, on a whole tick."""
        tick = venue.contract(control.symbol).tick
        last = venue.quotes([control.symbol])[control.symbol].last
        price = (last * Decimal("0.95") / tick).to_integral_value() * tick
        return self.order(control, price_type=PriceType.LIMIT, price=price)

    # -- Commands

    def test_a_placed_order_is_done_and_in_the_book(self, venue, control):
        answer = venue.place(self.order(control))
        assert answer.outcome is Outcome.DONE
        assert isinstance(answer.venue_order_id, str)
        assert control.orders() == [answer.venue_order_id]
        (report,) = [each for each in venue.orders() if each.venue_order_id == answer.venue_order_id]
        assert (report.symbol, report.side, report.quantity) == (control.symbol, Side.BUY, control.quantity)

    @pytest.mark.parametrize("trouble", list(Trouble))
    def test_a_placing_in_trouble_is_sent_once_and_told_as_it_is(self, venue, control, trouble):
        control.trouble(trouble)
        with closing(control.hurried()) as hurried:
            answer = (hurried if trouble.hangs else venue).place(self.order(control))
        assert answer.outcome is trouble.outcome
        assert answer.venue_order_id is None
        assert answer.reason
        assert control.asked() == 1
        assert bool(control.orders()) is trouble.exists

    def test_a_placing_to_nobody_is_unavailable(self, control):
        with closing(control.nowhere()) as venue:
            assert venue.place(self.order(control)).outcome is Outcome.UNAVAILABLE

    def test_an_order_can_be_changed_and_cancelled(self, venue, control):
        wanted = self.resting(venue, control)
        placed = venue.place(wanted)
        change = ModifyOrder(
            venue_order_id=str(placed.venue_order_id),
            client_order_id=wanted.client_order_id,
            symbol=wanted.symbol,
            side=wanted.side,
            quantity=wanted.quantity * 2,
            price_type=PriceType.LIMIT,
            product=wanted.product,
            price=wanted.price,
        )
        changed = venue.modify(change)
        assert changed.outcome is Outcome.DONE
        order_id = changed.venue_order_id or placed.venue_order_id
        (report,) = [each for each in venue.orders() if each.venue_order_id == order_id]
        assert (report.quantity, report.status) == (wanted.quantity * 2, OrderStatus.OPEN)
        cancel = CancelOrder(str(order_id), wanted.client_order_id, wanted.symbol)
        assert venue.cancel(cancel).outcome is Outcome.DONE
        until(lambda: self.status_of(venue, str(order_id)) is OrderStatus.CANCELLED)
        assert venue.cancel(cancel).outcome is Outcome.REFUSED

    def status_of(self, venue: Venue, order_id: str) -> OrderStatus:
        return next(each.status for each in venue.orders() if each.venue_order_id == order_id)

    def test_cancelling_an_order_that_does_not_exist_is_refused(self, venue, control):
        answer = venue.cancel(CancelOrder("1", new_id(), control.symbol))
        assert answer.outcome is Outcome.REFUSED

    # -- Readings

    def test_fills_are_in_the_trades_the_position_and_the_funds(self, venue, control):
        before = venue.funds().available
        order_id = venue.place(self.order(control)).venue_order_id
        until(lambda: self.status_of(venue, str(order_id)) is OrderStatus.FILLED)
        trades = [trade for trade in venue.trades() if trade.venue_order_id == order_id]
        assert sum(trade.quantity for trade in trades) == control.quantity
        (position,) = [each for each in venue.positions() if each.symbol == control.symbol]
        assert position.quantity == control.quantity
        assert venue.funds().available < before

    def test_numbers_are_decimals_and_ids_are_text(self, venue, control):
        venue.place(self.order(control))
        (report,) = venue.orders()
        (trade,) = venue.trades()
        (position,) = venue.positions()
        numbers = [report.quantity, trade.quantity, trade.price, position.quantity, venue.funds().available]
        assert all(type(number) is Decimal for number in numbers)
        assert type(report.venue_order_id) is type(trade.venue_order_id) is str
        quote = venue.quotes([control.symbol])[control.symbol]
        assert quote.last % venue.contract(control.symbol).tick == 0

    def test_a_reading_that_fails_raises_and_is_never_an_empty_book(self, venue, control):
        venue.place(self.order(control))
        control.break_readings()
        for reading in (venue.orders, venue.trades, venue.positions, venue.holdings, venue.funds):
            with pytest.raises((Retry, Refused, Unknown)):
                reading()

    def test_readings_from_nobody_say_that_they_may_be_tried_again(self, control):
        with closing(control.nowhere()) as venue, pytest.raises(Retry):
            venue.orders()

    def test_one_unknown_symbol_does_not_lose_the_other_quotes(self, venue, control):
        quotes = venue.quotes([control.symbol, control.unknown, control.other])
        assert set(quotes) == {control.symbol, control.other}
        assert venue.quotes([control.unknown]) == {}
        assert venue.quotes([]) == {}

    def test_depth_has_bids_below_asks(self, venue, control):
        depth = venue.depth(control.symbol)
        assert depth.bids[0].price < depth.asks[0].price

    def test_margin_is_asked_for_several_orders_at_once(self, venue, control):
        if not venue.capabilities.margin:
            pytest.skip("the venue has no margin question")
        orders = [self.order(control, side=Side.SELL), self.order(control, symbol=control.other)]
        assert venue.margin(orders).total > 0

    def test_an_unknown_contract_is_none_and_a_known_one_has_its_rules(self, venue, control):
        assert venue.contract(control.unknown) is None
        contract = venue.contract(control.symbol)
        assert contract.symbol == control.symbol
        assert control.quantity % contract.lot_size == 0

    # -- Streams

    def test_order_news_arrive(self, venue, control):
        with order_news(venue) as seen:
            order_id = venue.place(self.order(control)).venue_order_id
            until(lambda: [r for r in seen.reports if r.status is OrderStatus.FILLED])
        assert {report.venue_order_id for report in seen.reports} == {order_id}

    def test_order_news_come_back_after_a_drop(self, venue, control):
        with order_news(venue) as seen:
            control.drop_streams()
            venue.place(self.order(control))
            until(lambda: seen.times_live() >= 2)
            seen.reports.clear()
            venue.place(self.order(control))
            until(lambda: seen.reports)

    def test_prices_arrive_for_what_is_subscribed_and_for_nothing_else(self, venue, control):
        with market(venue) as (stream, seen):
            stream.subscribe([control.symbol], FeedMode.LTP)
            until(lambda: len(seen.of(control.symbol)) >= 2)
        assert {quote.symbol for quote in seen.quotes} == {control.symbol}
        assert all(type(quote.last) is Decimal for quote in seen.quotes)

    def test_an_unknown_symbol_does_not_lose_the_others_of_its_subscription(self, venue, control):
        with market(venue) as (stream, seen):
            stream.subscribe([control.unknown, control.symbol, control.other], FeedMode.QUOTE)
            until(lambda: seen.of(control.symbol) and seen.of(control.other))

    def test_the_highest_mode_of_a_symbol_wins(self, venue, control):
        with market(venue) as (stream, seen):
            stream.subscribe([control.symbol], FeedMode.LTP)
            stream.subscribe([control.symbol], FeedMode.DEPTH)
            stream.subscribe([control.symbol], FeedMode.LTP)
            until(lambda: [quote for quote in seen.of(control.symbol) if quote.bid and quote.ask])
            seen.quotes.clear()
            until(lambda: len(seen.of(control.symbol)) >= 2)
            assert all(quote.bid for quote in seen.of(control.symbol))

    def test_unsubscribed_symbols_fall_silent(self, venue, control):
        with market(venue) as (stream, seen):
            stream.subscribe([control.symbol, control.other], FeedMode.LTP)
            until(lambda: seen.of(control.symbol) and seen.of(control.other))
            stream.unsubscribe([control.symbol])
            heard = len(seen.of(control.other))
            until(lambda: len(seen.of(control.other)) > heard)
            seen.quotes.clear()
            until(lambda: len(seen.of(control.other)) >= 3)
            assert seen.of(control.symbol) == []

    def test_prices_come_back_after_a_drop(self, venue, control):
        with market(venue) as (stream, seen):
            stream.subscribe([control.symbol], FeedMode.LTP)
            until(lambda: seen.of(control.symbol))
            control.drop_streams()
            until(lambda: seen.times_live() >= 2)
            assert StreamState.DOWN in seen.states
            seen.quotes.clear()
            until(lambda: seen.of(control.symbol))

    def test_signing_in_again_keeps_the_prices_coming(self, venue, control):
        with market(venue) as (stream, seen):
            stream.subscribe([control.symbol], FeedMode.LTP)
            until(lambda: seen.of(control.symbol))
            stream.resubscribe()
            seen.quotes.clear()
            until(lambda: seen.of(control.symbol))

    def test_rubbish_in_the_stream_is_survived(self, venue, control):
        with market(venue) as (stream, seen):
            control.send_garbage()
            stream.subscribe([control.symbol], FeedMode.LTP)
            until(lambda: len(seen.of(control.symbol)) >= 3)
            assert seen.times_live() == 1

    def test_a_listener_that_raises_does_not_silence_the_feed(self, venue, control):
        seen = Seen()

        def listen(quote: Quote) -> None:
            seen.quotes.append(quote)
            raise RuntimeError("a fault of the listener")

        with closing(venue.market_stream(listen, seen.on_state)) as stream:
            stream.subscribe([control.symbol], FeedMode.LTP)
            until(lambda: len(seen.quotes) >= 3)

    def test_a_refused_sign_in_is_told_and_recovers_by_itself(self, venue, control):
        control.refuse_sign_in()
        seen = Seen()
        with closing(venue.market_stream(seen.quotes.append, seen.on_state)) as stream:
            stream.subscribe([control.symbol], FeedMode.LTP)
            until(lambda: StreamState.REFUSED in seen.states)
            control.accept_sign_in()
            until(lambda: seen.of(control.symbol))

    # -- Life

    def test_many_threads_share_one_venue(self, venue, control):
        answers: list[Any] = []

        def place() -> None:
            answers.append(venue.place(self.order(control)))
            venue.orders()

        threads = [threading.Thread(target=place) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [answer.outcome for answer in answers] == [Outcome.DONE] * 8
        assert sorted(answer.venue_order_id for answer in answers) == sorted(control.orders())

    def test_the_guided_test_passes_step_by_step(self, venue):
        steps = list(venue.check())
        assert all(step.passed for step in steps), steps
        assert len(steps) >= 4

    def test_the_guided_test_stops_where_nobody_listens(self, control):
        with closing(control.nowhere()) as venue:
            (step,) = venue.check()
        assert not step.passed
        assert step.hint

    def test_closing_ends_its_streams_and_their_threads(self, venue, control):
        seen = Seen()
        with (
            threads_ended(),
            closing(venue.order_stream(seen.reports.append, seen.on_state)),
            closing(venue.market_stream(seen.quotes.append, seen.on_state)),
        ):
            until(lambda: seen.times_live() >= 2)
        states = list(seen.states)
        venue.warm()
        assert seen.states == states
