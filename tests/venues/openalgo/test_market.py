"""Prices, candles and contracts."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.core.errors import Unknown
from app.venues.openalgo import market
from app.venues.types import Level, PriceSource, Symbol
from tests.venues.openalgo.captures import body, received

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
SBIN = Symbol("NSE", "SBIN")
CALL = Symbol("NFO", "NIFTY24NOV2626050CE")


def test_a_quote_is_read_and_an_index_has_no_bid():
    share = market.quote(SBIN, body("mkt-003")["data"], NOW)
    assert (share.last, share.bid, share.previous_close) == (Decimal("978.85"), Decimal("978.8"), Decimal("975.1"))
    assert share.received_at == NOW
    index = market.quote(Symbol("NSE_INDEX", "NIFTY"), body("mkt-004")["data"], NOW)
    assert (index.bid, index.ask) == (None, None)


def test_one_unknown_symbol_does_not_lose_the_others():
    asked = {(symbol.exchange, symbol.name): symbol for symbol in (SBIN, CALL, Symbol("NSE", "NOSUCH"))}
    assert set(market.quotes(body("mkt-006"), asked, NOW)) == {SBIN, CALL}


def test_a_contract_that_never_traded_has_no_quote():
    results = [{"symbol": "SBIN", "exchange": "NSE", "data": {"ltp": 0, "bid": 1.0}}]
    assert market.quotes({"results": results}, {("NSE", "SBIN"): SBIN}, NOW) == {}


def test_depth_is_read_with_its_best_prices():
    depth = market.depth(CALL, body("mkt-008"), NOW)
    assert depth.bids[0] == Level(Decimal("142.6"), Decimal(100))
    assert len(depth.asks) == 5
    assert (depth.quote.bid, depth.quote.ask) == (Decimal("142.6"), Decimal("142.7"))


def test_a_streamed_ladder_keeps_its_levels_its_age_and_where_it_came_from():
    frames = [frame for frame in received("ws-009") if frame.get("type") == "market_data"]
    quote = market.streamed(CALL, frames[0]["data"], NOW)
    assert quote.ladder.bids[0] == Level(Decimal("149.6"), Decimal(100))
    assert [level.price for level in quote.ladder.asks] == [Decimal(f"{149.7 + 0.05 * n:.2f}") for n in range(5)]
    assert (quote.ladder.received_at, quote.source, quote.bid) == (NOW, PriceSource.STREAM, Decimal("149.6"))
    asked = market.depth(CALL, body("mkt-008"), NOW).quote
    assert (asked.source, asked.ladder.source, len(asked.ladder.bids)) == (
        PriceSource.REQUEST,
        PriceSource.REQUEST,
        5,
    )


def test_candles_are_ascending_with_aware_starts():
    rows = body("mkt-010")["data"][:2]
    first, second = market.history({"data": rows[::-1]})
    assert first.start == datetime(2026, 11, 17, tzinfo=UTC)
    assert (first.close, second.open) == (Decimal("979.1"), Decimal("979.2"))


def test_a_bar_without_its_prices_spoils_the_history():
    with pytest.raises(Unknown):
        market.history({"data": [{"timestamp": 1794873600, "open": 1}]})


def test_a_contract_knows_its_lot_and_a_freeze_quantity_of_one_is_not_known():
    call = market.contract(body("mkt-013")["data"])
    assert (call.symbol, call.name, call.kind) == (CALL, "NIFTY", "CE")
    assert (call.lot_size, call.tick, call.freeze_quantity) == (65, Decimal("0.05"), 1800)
    assert (call.expiry, call.strike) == (date(2026, 11, 24), 26050)
    share = market.contract(body("mkt-015")["data"])
    assert (share.freeze_quantity, share.expiry, share.strike) == (None, None, None)


def test_a_master_has_no_freeze_quantities_and_odd_rows_are_left_out():
    rows = [row for row in body("mkt-022")["data"] if isinstance(row, dict)]
    odd = [{"symbol": "X24NOV26FUT", "exchange": "NFO", "instrumenttype": "FUT"}, {"symbol": ""}]
    read = market.contracts({"data": [*rows, *odd]})
    assert [report.symbol.name for report in read] == ["SBIN", "RELIANCE"]
    assert read[0].freeze_quantity is None


def test_expiries_are_dates_in_order():
    assert market.expiries(body("mkt-019"))[:2] == [date(2026, 11, 24), date(2026, 12, 1)]
    assert market.expiries(body("mkt-021")) == []


@pytest.mark.parametrize("name", ["ws-007", "ws-008", "ws-009", "ws-014"])
def test_recorded_ticks_of_every_mode_are_quotes(name):
    frames = [frame for frame in received(name) if frame.get("type") == "market_data"]
    for frame in frames:
        symbol = Symbol(frame["exchange"], frame["symbol"])
        tick = market.streamed(symbol, frame["data"], NOW)
        assert tick.last == Decimal(str(frame["data"]["ltp"]))
        assert tick.at.year == 2026


def test_a_depth_tick_carries_the_best_prices():
    frame = next(frame for frame in received("ws-009") if frame.get("type") == "market_data")
    tick = market.streamed(CALL, frame["data"], NOW)
    assert (tick.bid, tick.ask, tick.previous_close) == (Decimal("149.6"), Decimal("149.7"), Decimal("148.9"))


@pytest.mark.parametrize("data", [{}, {"ltp": None}, {"ltp": None, "depth": {}}])
def test_a_tick_without_a_price_is_no_tick(data):
    assert market.streamed(SBIN, data, NOW) is None


@pytest.mark.parametrize(("said", "last"), [(0, 0), (-1, -1), ("x", "NaN"), ("NaN", "NaN"), ("", "NaN")])
@pytest.mark.parametrize("more", [{}, {"open": 1, "volume": 7}, {"depth": {}}])
def test_a_streamed_price_that_is_none_is_given_as_it_was_said_for_the_feed_to_drop_and_count(said, last, more):
    assert str(market.streamed(SBIN, {"ltp": said, **more}, NOW).last) == str(last)
