"""What is told of a symbol that somebody looks at more closely."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from app.broadcast.cells import PriceForm
from app.broadcast.market import close_cells
from app.core.clock import epoch_ms
from app.venues.types import FeedMode, Ladder, Level
from tests.broadcast.conftest import SYMBOL
from tests.feed.hands import MORNING, NIFTY, quote

FORM = PriceForm(Decimal("0.05"))


def levels(*pairs):
    return tuple(Level(Decimal(price), Decimal(quantity)) for price, quantity in pairs)


def rich(**more):
    day = {"open": 98, "high": 104, "low": 97, "previous_close": 80, "volume": 1200, "open_interest": 90}
    return quote(NIFTY, 100, bid="99.95", ask="100.05", **(day | more))


def values(cells):
    return {key.partition(":")[0]: cell["v"] for key, cell in cells.items()}


def test_the_day_is_told_with_the_change_against_the_close_before():
    found = values(close_cells(rich(), FORM, FeedMode.QUOTE))
    assert (found["chg"], found["pct"], found["close"]) == ("20", "25", "80")
    assert (found["bid"], found["ask"], found["vol"], found["oi"]) == ("99.95", "100.05", "1200", "90")
    assert found["src"] == "stream"
    assert "bp1" not in found


def test_without_the_close_before_the_change_is_unknown():
    found = values(close_cells(quote(NIFTY, 100), FORM, FeedMode.QUOTE))
    assert (found["chg"], found["pct"], found["vol"]) == (None, None, None)


def test_the_ladder_has_five_levels_a_side_with_its_own_age_and_bars():
    earlier = MORNING - timedelta(seconds=9)
    ladder = Ladder(levels(("99.95", 50), ("99.9", 200)), levels(("100.05", 100)), earlier, Decimal(900), Decimal(800))
    cells = close_cells(replace(rich(), ladder=ladder), FORM, FeedMode.DEPTH)
    found = values(cells)
    assert "bp1" not in values(close_cells(replace(rich(), ladder=ladder), FORM, FeedMode.BEST))
    assert [found[f"bp{n}"] for n in range(1, 6)] == ["99.95", "99.9", None, None, None]
    assert [found[f"bs{n}"] for n in range(1, 4)] == ["25", "100", "0"]
    assert (found["ap1"], found["aq1"], found["as1"]) == ("100.05", "100", "50")
    assert (found["spread"], found["bt"], found["at"]) == ("0.1", "900", "800")
    assert cells[f"bp1:{NIFTY}"]["at"] == epoch_ms(earlier)
    assert cells[f"vol:{NIFTY}"]["at"] == epoch_ms(MORNING)


def test_only_who_looks_closer_costs_more_than_the_last_price(station):
    station.hub.take(rich())
    station.turn()
    assert set(station.cells("*")) == {f"ltp:{SYMBOL}"}
    station.modes[SYMBOL] = FeedMode.QUOTE
    station.clock.forward(0.1)
    station.hub.take(replace(rich(), received_at=station.clock.now(), last=Decimal(101)))
    station.turn()
    assert station.cells("*")[f"chg:{SYMBOL}"]["v"] == "21"
    station.clock.forward(0.1)
    station.hub.take(replace(rich(), received_at=station.clock.now(), last=Decimal(102)))
    station.turn()
    assert set(values(station.cells("*"))) == {"ltp", "chg", "pct"}  # the rest is as it was
    for _ in range(4):
        station.turn()
        station.hub.take(replace(rich(), received_at=station.clock.now(), last=Decimal(102)))
    station.turn()
    assert f"oi:{SYMBOL}" in station.cells("*")  # unchanged, but a second younger
    station.broadcaster.send_everything()
    station.turn()
    assert f"oi:{SYMBOL}" in station.cells("*")
