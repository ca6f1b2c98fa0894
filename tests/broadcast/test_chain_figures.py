"""An option chain's figures from quotes, as cells, and told only where they are news."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.broadcast.chain_cells import chain_cells, news, told
from app.broadcast.chain_figures import Asked, Listing, figures
from app.broadcast.chain_keys import ChainKey, parse_wish
from app.instruments.contracts import Listed
from app.venues.types import Quote, Symbol

NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
DAY = date(2026, 11, 24)
EXPIRES = datetime(2026, 11, 24, 10, 10, tzinfo=UTC)
KEY = ChainKey("NFO", "NIFTY", DAY)
SPOT, FUTURE = Symbol("NSE_INDEX", "NIFTY"), Symbol("NFO", "NIFTY24NOV26FUT")
PRICES = {  # call, put
    25950: ("182.35", "71.60"), 26000: ("151.20", "90.35"), 26050: ("123.05", "112.20"), 26100: ("98.35", "137.40"),
}  # fmt: skip


def option(strike, kind):
    return Listed(
        "NFO", f"NIFTY24NOV26{strike}{kind}", "NIFTY", kind, Decimal(65), Decimal("0.05"), DAY, Decimal(strike)
    )


def symbol(strike, kind):
    return Symbol("NFO", f"NIFTY24NOV26{strike}{kind}")


LISTING = Listing(
    "NFO", "NIFTY", DAY, EXPIRES, [option(strike, kind) for strike in PRICES for kind in ("CE", "PE")], SPOT, FUTURE
)
ASKED = Asked(NOW, 0.065, {symbol(26050, "CE"): Decimal(5200)})


@pytest.fixture
def quotes():
    found = {SPOT: Quote(SPOT, Decimal("26043.25"), NOW)}
    for strike, prices in PRICES.items():
        for kind, price in zip(("CE", "PE"), prices, strict=True):
            one = symbol(strike, kind)
            found[one] = Quote(
                one, Decimal(price), NOW, previous_close=Decimal(150), volume=Decimal(650), open_interest=Decimal(6500)
            )
    return found


def test_a_side_tells_its_prices_and_what_they_say(quotes):
    side = figures(LISTING, quotes.get, ASKED).sides["26050CE"]

    assert side["ltp"] == "123.05"
    assert (side["change"], side["percent"]) == ("-26.95", "-17.97")
    assert (side["oi"], side["oic"], side["oi_bar"]) == ("6500", "1300", "100")
    assert 10 < float(side["iv"]) < 15
    assert 0.4 < float(side["delta"]) < 0.6
    assert float(side["theta"]) < 0 < float(side["gamma"])


def test_the_chain_tells_its_sums(quotes):
    sums = figures(LISTING, quotes.get, ASKED).sums

    assert sums["atm"] == "26050"
    assert sums["source"] == "parity"
    assert float(sums["forward"]) == pytest.approx(26061, abs=1)
    assert sums["straddle"] == "235.25"
    assert (sums["pcr"], sums["pcr_volume"]) == ("1.00", "1.00")
    assert (sums["call_oi"], sums["put_oi"]) == ("26000", "26000")
    assert sums["minutes"] == 6070


def test_calls_and_puts_of_a_strike_say_the_same_volatility(quotes):
    sides = figures(LISTING, quotes.get, ASKED).sides

    for strike in PRICES:
        assert float(sides[f"{strike}CE"]["iv"]) == pytest.approx(float(sides[f"{strike}PE"]["iv"]), abs=0.6)


def test_an_unknown_quote_is_unknown_and_never_zero(quotes):
    del quotes[symbol(26050, "CE")]

    side = figures(LISTING, quotes.get, ASKED).sides["26050CE"]

    assert {side[name] for name in ("ltp", "change", "oi", "oic", "iv", "delta", "gamma", "theta", "vega")} == {None}


def test_what_nobody_traded_today_says_nothing_of_volatility(quotes):
    one = symbol(26100, "CE")
    quotes[one] = replace(quotes[one], volume=Decimal(0))

    side = figures(LISTING, quotes.get, ASKED).sides["26100CE"]

    assert (side["ltp"], side["iv"]) == ("98.35", None)


def test_a_near_bid_and_ask_tell_more_than_the_last_price(quotes):
    one = symbol(26050, "CE")
    near = replace(quotes[one], bid=Decimal("129.95"), ask=Decimal("130.05"))
    far = replace(quotes[one], bid=Decimal(50), ask=Decimal(200))
    last = figures(LISTING, quotes.get, ASKED).sides["26050CE"]["iv"]

    assert float(figures(LISTING, {**quotes, one: near}.get, ASKED).sides["26050CE"]["iv"]) > float(last)
    assert figures(LISTING, {**quotes, one: far}.get, ASKED).sides["26050CE"]["iv"] == last


def test_without_prices_there_are_no_figures():
    found = figures(LISTING, {}.get, ASKED)

    assert found.at_money is None
    assert all(found.sums[name] is None for name in ("spot", "forward", "source", "atm", "iv", "pcr", "max_pain"))


@pytest.mark.parametrize(("known", "source"), [({FUTURE}, "future"), ({SPOT}, "spot")])
def test_the_forward_falls_back_to_the_future_and_to_the_spot(known, source):
    quotes = {one: Quote(one, Decimal(26040), NOW) for one in known}

    sums = figures(LISTING, quotes.get, ASKED).sums

    assert sums["source"] == source
    assert float(sums["forward"]) == pytest.approx(26040, abs=25)


def test_calls_and_puts_that_contradict_the_future_are_not_believed(quotes):
    quotes[FUTURE] = Quote(FUTURE, Decimal(26800), NOW)

    sums = figures(LISTING, quotes.get, ASKED).sums

    assert (sums["forward"], sums["source"]) == ("26800", "future")


def test_a_price_minutes_older_than_the_others_says_nothing(quotes):
    one = symbol(26100, "CE")
    quotes[one] = replace(quotes[one], received_at=NOW - timedelta(minutes=3))

    sides = figures(LISTING, quotes.get, ASKED).sides

    assert (sides["26100CE"]["ltp"], sides["26100CE"]["iv"]) == ("98.35", None)
    assert sides["26050CE"]["iv"] is not None


def test_after_the_close_nothing_is_said_of_volatility(quotes):
    found = figures(LISTING, quotes.get, replace(ASKED, now=EXPIRES))

    assert found.sums["minutes"] == 0
    assert all(side["iv"] is None for side in found.sides.values())
    assert found.sums["atm"] == "26050"


def test_cells_stand_on_the_shelf_of_their_column(quotes):
    cells = chain_cells(KEY, figures(LISTING, quotes.get, ASKED))

    assert cells["26050CE:ltp@NFO:NIFTY24NOV26"] == {
        "v": "123.05", "k": "price", "c": None, "at": int(NOW.timestamp() * 1000),
    }  # fmt: skip
    assert cells["pcr:sum@NFO:NIFTY24NOV26"]["v"] == "1.00"


def test_only_what_changed_is_told(quotes):
    before = figures(LISTING, quotes.get, ASKED)
    one = symbol(26050, "CE")
    later = {**quotes, one: replace(quotes[one], open_interest=Decimal(7150), received_at=NOW + timedelta(seconds=1))}

    sent = news(before, figures(LISTING, later.get, ASKED), before.sides)

    assert sent.sides["26050CE"].keys() == {"oi", "oic", "at"}
    assert sent.sides["26000CE"].keys() == {"oi_bar", "at"}
    assert sent.sums.keys() == {"call_oi", "pcr", "at"}


def test_a_price_that_stands_is_told_again_before_it_looks_old(quotes):
    before = figures(LISTING, quotes.get, ASKED)
    one = symbol(26050, "CE")
    later = {**quotes, one: replace(quotes[one], received_at=NOW + timedelta(seconds=5))}
    after = figures(LISTING, later.get, ASKED)

    sent = news(before, after, before.sides)

    assert sent.sides == {"26050CE": after.sides["26050CE"]}
    assert told(before, after, sent).sides["26050CE"]["at"] == after.sides["26050CE"]["at"]


def test_far_strikes_are_told_when_their_own_price_moves(quotes):
    before = figures(LISTING, quotes.get, ASKED)
    one = symbol(25950, "PE")
    moved = {**quotes, one: replace(quotes[one], last=Decimal(60))}

    sent = news(before, figures(LISTING, moved.get, ASKED), ())

    assert "25950PE" not in sent.sides  # its age did not move: nothing came


@pytest.mark.parametrize("text", ["", "NFO", "NFO:NIFTY", "NFO:24NOV26#5", "NFO:NIFTY24NOV26", "NFO:NIFTY24NOV26#x", 5])
def test_what_names_no_chain_is_no_wish(text):
    assert parse_wish(text) is None


def test_a_wish_names_a_chain_and_its_width():
    assert parse_wish(KEY.wish(20)) == (KEY, 20)
    assert parse_wish(f"{KEY}#9999") == (KEY, 100)
    assert parse_wish("BFO:SENSEX26NOV26#0") == (ChainKey("BFO", "SENSEX", date(2026, 11, 26)), 1)
