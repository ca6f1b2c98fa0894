"""The chart: candles on record, lines over them, a person's own fills, and the legs of a run together."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from sqlalchemy import select

from app.core.clock import epoch_ms
from app.core.ids import new_id
from app.feed.baskets import SeriesKey
from app.feed.candles import Reading
from app.instruments import families
from app.instruments.models import Instrument
from app.risk.models import RiskTrail
from app.strategies.models import LegRun, Run
from app.venues.types import Candle, Symbol
from tests.instruments.conftest import ListedBy, chain, option
from tests.web.api.conftest import instrument, session_of
from tests.web.trading import NIFTY, Desk

CALL, PUT = Symbol(NIFTY["exchange"], NIFTY["symbol"]), Symbol("NFO", "NIFTY24DEC2624400PE")
HERE = f"exchange={CALL.exchange}&symbol={CALL.name}&interval=1m"


@pytest.fixture
def desk(admin, services) -> Desk:
    made = Desk(services)
    put = {name: getattr(instrument(services), name) for name in Instrument.__table__.columns.keys()}  # noqa: SIM118  # columns, not a dictionary
    made.save(instrument(services), Instrument(**put | {"id": new_id(), "kind": "PE", "symbol": PUT.name}))
    return made


def kept(desk: Desk, symbol: Symbol = CALL, minutes: int = 30, first: int = 100, without: tuple[int, ...] = ()):
    """One-minute candles up to a minute ago, as the engine would have left them."""
    now = desk.now.replace(second=0, microsecond=0)
    starts = [now - timedelta(minutes=minutes - at) for at in range(minutes) if at not in without]
    candles = [
        Candle(at, *(Decimal(first + number + more) for more in (0, 2, -1, 1)), Decimal(65))
        for number, at in enumerate(starts)
    ]
    desk.services.candles.keep(SeriesKey(symbol, "1m"), candles, Reading(desk.now))
    return candles


def drawn(admin, query: str) -> dict:
    answer = admin.client.get(f"/chart/bars?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_search_leads_to_a_chart(admin, desk):
    families.refresh(desk.db, "openalgo", CALL.exchange)
    assert "NIFTY 24 Dec 26 24,400 CE" in admin.get("/chart?q=nifty+24400").text
    assert f"symbol={CALL.name}" in admin.get("/chart/find?q=nifty", fragment=True).text
    page = admin.get(f"/chart?{HERE}").text
    assert f'data-key="bar:1m:{CALL}"' in page
    assert "chart=1m" in page
    assert "TradingView" in page


def test_before_the_first_reading_it_says_so_and_looks_again(admin, desk):
    page = admin.get(f"/chart?{HERE}").text
    assert "Reading the candles from the venue" in page
    assert "every 1s" in page
    assert drawn(admin, HERE)["bars"] == []
    assert desk.services.candles.wanted() == [SeriesKey(CALL, "1m")]


def test_the_candles_come_as_exact_text_with_what_they_say_in_words(admin, desk):
    candles = kept(desk)
    told = drawn(admin, HERE)
    assert told["bars"][0] == [int(candles[0].start.timestamp()), "100", "102", "99", "101", "65"]
    assert (told["key"], told["tick"], told["single"]) == (f"1m:{CALL}", "0.05", True)
    assert told["read"] == epoch_ms(desk.services.candles.read([SeriesKey(CALL, "1m")])[0].reading.at)
    assert "30 1-minute candles from" in admin.get(f"/chart?{HERE}").text
    assert "Reading the candles" not in admin.get(f"/chart/state?{HERE}", fragment=True).text


def test_lines_are_drawn_over_closed_candles(admin, desk):
    kept(desk)
    lines = drawn(admin, f"{HERE}&on=ema&ema_lengths=5,10&on=supertrend&on=vwap&on=bollinger")["lines"]
    assert [line["label"] for line in lines] == [
        "Supertrend 10, 3", "EMA 5", "EMA 10", "VWAP",
        "Bollinger 20, 2 upper", "Bollinger 20, 2 middle", "Bollinger 20, 2 lower",
    ]  # fmt: skip
    assert len(lines[1]["points"]) == 26
    assert lines[0]["points"][-1][2] == "up"
    page = admin.get(f"/chart?{HERE}&on=ema&ema_lengths=5").text
    assert "on=ema&amp;ema_lengths=5&amp;interval=5m" in page


@pytest.mark.parametrize(
    "wrong",
    [
        "on=ema&ema_lengths=0",
        "on=ema&ema_lengths=five",
        "on=supertrend&supertrend_factor=nan",
        "on=bollinger&bollinger_length=",
    ],
)
def test_a_line_that_cannot_be_drawn_says_why_at_its_field(admin, desk, wrong):
    kept(desk)
    page = admin.get(f"/chart?{HERE}&{wrong}", status=422).text
    assert 'aria-invalid="true"' in page
    assert drawn(admin, f"{HERE}&{wrong}")["lines"] == []


@pytest.mark.parametrize(
    "query", ["exchange=NSE&symbol=NOTHING", "run=01AAAA", "strategy=01AAAA", "exchange=NSE&symbol=%00"]
)
def test_what_is_not_on_record_is_not_found(admin, desk, query):
    for path in ("/chart", "/chart/bars", "/chart/state", "/chart/table", "/chart/candles.csv"):
        assert admin.client.get(f"{path}?{query}").status_code == 404


def test_an_interval_that_is_none_is_refused_in_words(admin, desk):
    answer = admin.client.get(f"/chart/bars?exchange={CALL.exchange}&symbol={CALL.name}&interval=2m")
    assert answer.status_code == 422
    assert "1m, 3m, 5m" in answer.text


def test_a_reading_that_failed_is_told_and_old_candles_stay(admin, desk):
    key = SeriesKey(CALL, "1m")
    desk.services.candles.fail(key, "The server can't be reached.")
    page = admin.get(f"/chart/state?{HERE}", fragment=True).text
    assert "There are no candles. The server can&#39;t be reached." in page
    kept(desk)
    desk.services.candles.fail(key, "Too many requests.")
    page = admin.get(f"/chart/state?{HERE}", fragment=True).text
    assert "These candles are those of" in page
    assert len(drawn(admin, HERE)["bars"]) == 30


def test_a_contract_that_never_traded_is_no_error(admin, desk):
    desk.services.candles.keep(SeriesKey(CALL, "1m"), [], Reading(desk.now))
    assert "nothing has traded" in admin.get(f"/chart/state?{HERE}", fragment=True).text


def test_own_fills_stand_at_their_bar_and_those_of_others_do_not(admin, desk, invited):
    kept(desk)
    desk.order(desk.account(), 65)
    desk.order(desk.account("Second"), 130, purpose="exit", side="BUY")
    marks = drawn(admin, HERE)["marks"]
    assert [(one["side"], one["exit"], one["text"]) for one in marks] == [
        ("BUY", True, "Buy 130 @ 171.05"), ("SELL", False, "Sell 65 @ 171.05"),
    ]  # fmt: skip
    other = invited("trader", "Birla")
    assert drawn(other, HERE)["marks"] == []


def test_the_legs_of_a_run_are_added_up_in_the_ratio_of_their_lots(admin, desk, invited):
    run = desk.run(desk.account())
    part = desk.services.strategies.parts(desk.owner_id, run.id)[0]
    desk.save(
        LegRun(
            id=new_id(), account_run_id=part.id, number=2, side="BUY", lots=14, lot_size=Decimal(65),
            freeze_quantity=Decimal(1755), quantity=Decimal(910), product="NRML", price_type="MARKET", exchange="NFO",
            symbol=PUT.name, tick=Decimal("0.05"),
        )
    )  # fmt: skip
    here = f"run={run.id}&interval=1m"
    page = admin.get(f"/chart?{here}").text
    assert "− 2 × NIFTY 24 Dec 26 24,400 CE + NIFTY 24 Dec 26 24,400 PE" in page
    candles = kept(desk)
    kept(desk, PUT, first=50, without=(29, 3))
    told = drawn(admin, here)
    assert len(told["bars"]) == 28
    assert told["bars"][0][4] == str(51 - 2 * 101)
    assert told["marks"][0]["text"] == "Sell 1,820 NIFTY 24 Dec 26 24,400 CE @ 171.05"
    assert "2 bars left out" in admin.get(f"/chart/state?{here}", fragment=True).text
    assert drawn(admin, f"{here}&on=vwap&on=sma&sma_lengths=3")["lines"][0]["label"] == "SMA 3"
    assert f'href="/chart?run={run.id}"' in admin.get(f"/runs/{run.id}").text
    answer = session_of(admin).get(f"/api/v1/candles/runs/{run.id}?interval=1m")
    assert [(leg["symbol"], leg["weight"]) for leg in answer["legs"]] == [(CALL.name, "-2"), (PUT.name, "1")]
    assert (answer["missing"], answer["items"][0]["value"]) == (2, "-151")
    assert candles
    other = invited("trader", "Birla")
    assert other.client.get(f"/chart?{here}").status_code == 404


def test_the_stop_and_target_of_a_run_are_levels_of_its_chart(admin, desk):
    first, second = desk.account(), desk.account("Second")
    run = desk.run(first, second)  # 1,820 of the call sold at 171.05 in each
    with desk.db.write() as session:
        session.get(Run, run.id).limits = {"stop": {"value": "36400"}, "target": {"value": "18200"}}
        session.add(RiskTrail(subject_id=run.id, run_id=run.id, peak=Decimal(9100), stop=Decimal(-3640), at=desk.now))
    here = f"run={run.id}&interval=1m"
    told = admin.get(f"/chart/levels?{here}", fragment=True).text
    assert json.loads(unescape(re.search(r'data-levels="([^"]*)"', told)[1])) == [
        ["Entry", "171.05", "muted"], ["Stop", "181.05", "down"], ["Target", "166.05", "up"],
        ["Following stop", "172.05", "warn"],
    ]  # fmt: skip
    assert "<dd>181.05</dd>" in admin.get(f"/chart?{here}").text


def test_legs_that_are_not_whole_have_no_levels(admin, desk):
    run = desk.run(desk.account())
    with desk.db.write() as session:
        session.get(Run, run.id).limits = {"stop": {"value": "36400"}}
        session.scalar(select(LegRun)).quantity = Decimal(1885)  # one lot is still to fill
    assert 'data-levels="[]"' in admin.get(f"/chart/levels?run={run.id}&interval=1m", fragment=True).text


def test_a_strategy_whose_contracts_are_not_known_now_says_why(admin, desk):
    strategy = desk.strategy(desk.account())
    answer = admin.client.get(f"/chart?strategy={strategy}")
    assert answer.status_code == 409
    assert "Leg 1" in answer.text
    told = session_of(admin).get(f"/api/v1/candles/strategies/{strategy}")
    assert (told["state"], told["items"]) == ("trouble", [])
    assert "Leg 1" in told["trouble"]


def test_the_legs_of_a_strategy_are_one_chart_of_the_contracts_they_mean_now(admin, app, desk, invited):
    services = desk.services
    services.instruments.seed()
    day = (services.clock.now() + timedelta(days=7)).date()
    listed = ListedBy({"NFO": chain("NIFTY", day, 23_000, 25_000, 50)})
    services.instruments.sync(listed, ["NFO"], services.clock.now(), "openalgo", "alpha")
    cell = {"v": "24010", "k": "price", "c": None, "at": epoch_ms(services.clock.now())}
    app.extensions["live"].hub.take("tick", {"owner": "*", "cells": {"ltp:NSE_INDEX:NIFTY": cell}})
    bought, sold = (option("NIFTY", day, strike, "CE").symbol for strike in ("24200", "24100"))
    kept(desk, bought, first=60)
    kept(desk, sold, first=100, without=(5,))
    strategy = desk.strategy(desk.account())  # buys OTM4, sells OTM2
    here = f"strategy={strategy}&interval=1m"
    page = admin.get(f"/chart?{here}").text
    assert "24,200 CE − NIFTY" in page
    told = drawn(admin, here)
    assert (len(told["bars"]), told["bars"][0][4], told["single"]) == (29, "-40", False)
    answer = session_of(admin).get(f"/api/v1/candles/strategies/{strategy}?interval=1m")
    assert [(leg["symbol"], leg["weight"]) for leg in answer["legs"]] == [(bought.name, "1"), (sold.name, "-1")]
    assert (answer["missing"], answer["items"][0]["value"]) == (1, "-40")
    assert f'href="/chart?strategy={strategy}"' in admin.get("/strategies").text
    assert invited("trader", "Birla").client.get(f"/chart?{here}").status_code == 404


def test_the_same_candles_as_a_table_and_as_a_file(admin, desk):
    candles = kept(desk, minutes=130)
    page = admin.get(f"/chart/table?{HERE}").text
    assert page.count('<th scope="row"') == 100
    assert "Older" in page
    older = admin.get(f"/chart/table?{HERE}&before={int(candles[30].start.timestamp())}").text
    assert older.count('<th scope="row"') == 30
    for nonsense in ("²", "٣", "x", "9" * 5000):
        assert admin.get(f"/chart/table?{HERE}&before={nonsense}").text.count('<th scope="row"') == 100
    answer = admin.client.get(f"/chart/candles.csv?{HERE}")
    lines = answer.text.splitlines()
    assert answer.mimetype == "text/csv"
    assert lines[0] == "start,open,high,low,close,volume"
    assert lines[1] == f"{candles[0].start.isoformat()},100,102,99,101,65"
    assert len(lines) == 131


def test_a_program_gets_the_candles_with_how_they_stand(admin, desk):
    caller = session_of(admin)
    told = caller.get(f"/api/v1/candles?{HERE}")
    assert (told["state"], told["items"], told["read_at"]) == ("reading", [], None)
    kept(desk)
    told = caller.get(f"/api/v1/candles?{HERE}&wait=1")
    assert (told["state"], len(told["items"])) == ("ok", 30)
    assert told["items"][0] | {"start": ""} == {
        "start": "", "open": "100", "high": "102", "low": "99", "close": "101", "volume": "65", "is_closed": True,
    }  # fmt: skip
    caller.get("/api/v1/candles?exchange=NFO&symbol=NOTHING", status=404)
    caller.get(f"/api/v1/candles?exchange=NFO&symbol={CALL.name}&interval=2m", status=422)


def test_the_running_bar_of_the_stream_stands_in_all_shapes(admin, app, desk):
    candles = kept(desk)
    start, read = int(candles[-1].start.timestamp()) + 60, drawn(admin, HERE)["read"]
    rows = [[start - 60, "129", "131", "128", "130.5", "70"], [start, "130.5", "133", "130", "132", "9"]]
    cell = {"v": "132", "k": "bars", "c": None, "at": epoch_ms(desk.now), "bars": rows, "read": read}
    app.extensions["live"].hub.take("tick", {"owner": "*", "cells": {f"bar:1m:{CALL}": cell}})
    assert drawn(admin, HERE)["bars"][-2:] == rows
    items = session_of(admin).get(f"/api/v1/candles?{HERE}")["items"]
    assert (len(items), items[-1]["close"]) == (31, "132")
    assert admin.client.get(f"/chart/candles.csv?{HERE}").text.splitlines()[-1].endswith("132,9")
