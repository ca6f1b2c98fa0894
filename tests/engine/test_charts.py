"""Candles over a real paper broker: read once for all who look, carried on by ticks, and why they could not be read."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Event

import pytest

from app.core.clock import INDIA
from app.core.errors import Retry
from app.core.link import open_link
from app.engine.candle_reader import SPANS, CandleReader, is_due
from app.feed.baskets import Basket, SeriesKey
from app.feed.candle_store import Series
from app.feed.candles import Day, Reading
from app.venues.types import Candle, Symbol
from tests.engine.desks import desk as desk_of
from tests.waiting import until

SBIN = Symbol("NSE", "SBIN")
NIFTY = Symbol("NSE_INDEX", "NIFTY")
OPENS = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)
DAY = Day(date(2026, 11, 20), OPENS, datetime(2026, 11, 20, 10, 0, tzinfo=UTC), OPENS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with desk_of(tmp_path_factory.mktemp("desk"), ["alpha"]) as made:
        yield made


@pytest.fixture
def cells(desk):
    """The newest cell of each chart, as a web process hears it."""
    heard = {}
    link = open_link("web", desk.settings.link_folder, "", desk.settings.database_url)
    link.listen(lambda kind, payload: heard.update(payload["cells"]) if kind == "tick" else None)
    yield heard
    link.close()


def calls(desk, broker="alpha") -> int:
    return desk.paper.state(broker)["counters"].get("history", 0)


def told(desk, symbol: Symbol, interval: str) -> list[list]:
    """The paper broker's own candles of today, as the stream spells them."""
    today = datetime.now(INDIA).date().isoformat()
    named = {"symbol": symbol.name, "exchange": symbol.exchange}
    span = {"interval": interval, "start_date": today, "end_date": today, "source": "api"}
    rows = desk.paper["alpha"].call("history", **named, **span)[1]["data"]
    return [[row["timestamp"], *(Decimal(str(row[name])) for name in ("open", "high", "low", "close"))] for row in rows]


def want(desk, key: SeriesKey) -> Series:
    return desk.services.candles.want([key])[0]


def test_ten_who_look_cost_one_call_and_see_what_the_venue_has(desk):
    before, key = calls(desk), SeriesKey(SBIN, "15m")
    with ThreadPoolExecutor(10) as readers:
        list(readers.map(lambda _: want(desk, key), range(10)))
    series = until(lambda: (found := want(desk, key)).reading and found, 20)
    assert calls(desk) == before + 1
    theirs = told(desk, SBIN, "15m")
    ours = [[int(one.start.timestamp()), one.open, one.high, one.low, one.close] for one in series.candles]
    assert [row for row in ours if row[0] >= theirs[0][0]][:-1] == theirs[: len(theirs) - 1]
    assert series.trouble == ""


def test_the_running_bar_follows_the_ticks_and_is_the_venues_own(desk, cells):
    before, basket = calls(desk), Basket.of(SBIN, "1m")
    for page in range(10):
        desk.engine.charts.watch({"holder": f"page-{page}", "chart": basket.key})
    key = f"bar:{basket.key}"
    first = until(lambda: cells.get(key), 20)
    assert first["k"] == "bars"
    assert first["read"] > 0
    until(lambda: cells[key]["v"] != first["v"], 20)
    assert calls(desk) - before <= 2  # one, and one more where a minute ended meanwhile

    def agrees() -> bool:
        """Between two ticks both say the same; a bar that just began may not have had its first tick."""
        shown = cells[key]["bars"][-1]
        return [shown[0], *map(Decimal, shown[1:5])] in told(desk, SBIN, "1m")[-2:]

    until(agrees, 30)
    for page in range(10):
        desk.engine.charts.watch({"holder": f"page-{page}"})


def test_legs_are_added_up_where_both_have_a_bar(desk, cells):
    basket = Basket("1m", ((SBIN, Decimal(2)), (NIFTY, Decimal(-1))))
    desk.engine.charts.watch({"holder": "page", "chart": basket.key})
    cell = until(lambda: cells.get(f"bar:{basket.key}"), 20)
    start, *prices, volume = cell["bars"][-1]
    assert len(set(prices)) == 1
    assert Decimal(prices[0]) < 0
    assert volume == "0"
    desk.engine.charts.watch({"holder": "page"})


def test_why_there_are_no_candles_is_on_record(desk):
    desk.paper.fault("error", endpoint="history", message="Data is not available for this segment")
    key = SeriesKey(NIFTY, "1h")
    want(desk, key)
    series = until(lambda: (found := want(desk, key)).trouble and found, 20)
    desk.paper.heal()
    assert "Data is not available for this segment" in series.trouble
    assert series.reading is None


class Minutes:
    """A venue that has one-minute and daily candles only."""

    def history(self, symbol: Symbol, interval: str, start: date, end: date) -> list[Candle]:
        if interval != "1m":
            raise Retry(f"Unsupported interval: {interval}")
        at = datetime.combine(end, datetime.min.time(), UTC) + timedelta(hours=4)
        return [Candle(at + timedelta(minutes=n), *map(Decimal, (n, n + 2, n, n + 1)), Decimal(10)) for n in range(20)]


def test_an_interval_that_a_venue_has_not_is_put_together_from_minutes(desk):
    reader = CandleReader(desk.services, desk.engine.crew, lambda _symbol: None, lambda _series: None)
    found = reader._history(Minutes(), SeriesKey(SBIN, "10m"), datetime.now(UTC), 20)
    assert [one.volume for one in found] == [Decimal(100), Decimal(100)]
    assert (found[0].open, found[0].high, found[0].close) == (0, 11, 10)
    reader.close()


KEY = SeriesKey(SBIN, "5m")


@pytest.mark.parametrize(
    "read_after, now_after, covered_after, due",
    [
        (None, 600, None, True),
        (599, 602, 0, False),  # the bar is hardly over
        (599, 606, 0, True),
        (606, 620, 0, False),
        (606, 640, 610, True),  # no tick carried it on since it was read
        (606, 640, 600, False),
        (606, 640, None, True),
        (606, 610, None, False),
        (22_400, 22_510, None, True),  # the session is over
        (22_510, 30_000, None, False),
    ],
)
def test_a_series_is_read_again_when_a_bar_is_over_or_nobody_carries_the_last_one_on(
    read_after, now_after, covered_after, due
):
    def after(seconds):
        return None if seconds is None else OPENS + timedelta(seconds=seconds)

    reading = None if read_after is None else Reading(after(read_after))
    assert is_due(Series(KEY, (), reading), DAY, after(now_after), after(covered_after)) is due


def test_what_failed_is_tried_again_a_little_later():
    series = Series(KEY, (), None, OPENS, "The server is busy.")
    assert not is_due(series, DAY, OPENS + timedelta(seconds=14), None)
    assert is_due(series, DAY, OPENS + timedelta(seconds=16), None)


def test_on_a_day_without_a_session_candles_are_looked_at_now_and_then():
    series = Series(KEY, (), Reading(OPENS))
    assert not is_due(series, None, OPENS + timedelta(minutes=14), None)
    assert is_due(series, None, OPENS + timedelta(minutes=16), None)


def test_what_an_exit_goes_by_is_read_before_all_that_people_look_at(desk):
    """The engine's own reader, over a broker that takes its time."""
    candles = desk.services.candles
    crowd = [SeriesKey(Symbol("NSE", name), every) for name in ("RELIANCE", "INFY") for every in SPANS]
    exits_by = SeriesKey(Symbol("NSE_INDEX", "BANKNIFTY"), "5m")
    desk.paper.fault("latency", endpoint="history", ms=1000)
    candles.want(crowd)
    until(lambda: any(one.tried_at for one in candles.read(crowd)), 20)
    before = sum(one.tried_at is not None for one in candles.read(crowd))
    candles.follow([exits_by])
    mine = until(lambda: (found := candles.read([exits_by])[0]).tried_at and found, 20)
    earlier = [one for one in candles.read(crowd) if one.tried_at is not None and one.tried_at < mine.tried_at]
    desk.paper.heal()
    assert len(earlier) <= before + 3  # the one under way, and those of a turn of the engine
    assert len(crowd) > before + 3


class Held(Minutes):
    """Answers when it is let, and tells what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Symbol] = []
        self.go = Event()

    def history(self, symbol: Symbol, interval: str, start: date, end: date) -> list[Candle]:
        self.asked.append(symbol)
        self.go.wait(20)
        return super().history(symbol, interval, start, end)


def test_what_nobody_wishes_any_more_is_not_read(desk):
    venue, told = Held(), []
    crew = [replace(member, venue=venue) for member in desk.engine.crew]
    reader = CandleReader(desk.services, crew, lambda _symbol: None, lambda series: told.append(series.key))
    keys = [SeriesKey(Symbol("NSE", f"NONE{number}"), "1m") for number in range(4)]
    reader.step(keys, lambda _symbol: None)
    until(lambda: venue.asked, 20)
    reader.step([keys[3], keys[1]], lambda _symbol: None)
    venue.go.set()
    until(lambda: len(told) == 3, 20)
    assert venue.asked == [keys[0].symbol, keys[3].symbol, keys[1].symbol]
    reader.step([keys[3]], lambda _symbol: None)
    reader.close()
    assert len(venue.asked) == 3
