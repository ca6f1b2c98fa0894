"""Live figures of one owner."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from app.broadcast.cells import Figure, OwnerBook, PriceForm, add, changed, owner_cells
from app.core.clock import epoch_ms
from app.portfolio.pnl import Trade, fold
from app.portfolio.service import LegPosition
from app.portfolio.trades import Held, PositionKey
from app.venues.types import Symbol
from tests.feed.hands import MORNING, NIFTY, SBIN, quote

KEY = PositionKey("a1", "NFO", NIFTY.name, "NRML")
OTHER = PositionKey("a2", "NFO", NIFTY.name, "NRML")
SHARES = PositionKey("a1", "NSE", "SBIN", "MIS")


def held(*pairs):
    return Held(position=fold(Trade(Decimal(quantity), Decimal(price)) for quantity, price in pairs))


def cells(book, *quotes):
    prices = {one.symbol: one for one in quotes}
    return owner_cells(book, prices.get)


def test_positions_accounts_and_the_owner_add_up():
    book = OwnerBook("u1", {KEY: held((75, 100)), OTHER: held((-75, 100)), SHARES: held((10, 800), (-10, 790))})
    found = cells(book, quote(NIFTY, 110), quote(SBIN, 805))
    apart = cells(replace(book, modes={"a1": "live", "a2": "paper"}), quote(NIFTY, 110))
    assert apart[f"pnl:net:live:NFO:{NIFTY.name}:NRML"]["v"] == "750"
    assert apart[f"pnl:net:paper:NFO:{NIFTY.name}:NRML"]["v"] == "-750"
    figures = {key: cell["v"] for key, cell in found.items()}
    assert figures[f"pnl:position:a1:NFO:{NIFTY.name}:NRML"] == "750"
    assert figures[f"pnl:position:a2:NFO:{NIFTY.name}:NRML"] == "-750"
    assert figures[f"pnl:net:live:NFO:{NIFTY.name}:NRML"] == "0"
    assert figures["pnl:account:a1"] == "650"
    assert figures["pnl:day:live:u1"] == figures["pnl:day:live"] == "-100"
    assert (figures["pnl:open:live"], figures["pnl:realised:live"]) == ("0", "-100")
    assert figures[f"pos:a2:NFO:{NIFTY.name}:NRML"] == "-75"


def test_no_figure_of_the_owner_adds_paper_to_live():
    book = OwnerBook("u1", {KEY: held((75, 100)), OTHER: held((-75, 100), (25, 90))})
    found = cells(replace(book, modes={"a1": "live", "a2": "paper"}), quote(NIFTY, 110))
    figures = {key: cell["v"] for key, cell in found.items() if key.startswith(("pnl:day", "pnl:open", "pnl:realised"))}
    assert figures == {
        f"pnl:{what}:{mode}{whose}": made
        for what, mode, made in (
            ("day", "live", "750"), ("open", "live", "750"), ("realised", "live", "0"),
            ("day", "paper", "-250"), ("open", "paper", "-500"), ("realised", "paper", "250"),
        )
        for whose in ("", ":u1")
    }  # fmt: skip
    assert list(found)[-1].endswith(":u1"), "whoever hears the figures learns from the last whose they are"


def test_runs_add_up_over_legs_and_accounts():
    legs = [
        LegPosition("l1", "p1", KEY, held((75, 100))),
        LegPosition("l2", "p1", SHARES, held((10, 800))),
        LegPosition("l3", "p2", OTHER, held((75, 90))),
    ]
    found = cells(OwnerBook("u1", legs=legs, run_of={"p1": "r", "p2": "r"}), quote(NIFTY, 110), quote(SBIN, 801))
    figures = {key: cell["v"] for key, cell in found.items()}
    assert [figures[f"pnl:leg:l{number}"] for number in (1, 2, 3)] == ["750", "10", "1500"]
    assert (figures["pnl:account_run:p1"], figures["pnl:account_run:p2"], figures["pnl:run:r"]) == (
        "760",
        "1500",
        "2260",
    )
    book = OwnerBook("u1", legs=legs, run_of={"p1": "r", "p2": "r"}, modes={"a1": "live", "a2": "paper"})
    apart = cells(book, quote(NIFTY, 110), quote(SBIN, 801))
    assert [apart[f"pnl:run_in:{mode}:r"]["v"] for mode in ("live", "paper")] == ["760", "1500"]


def test_a_figure_is_as_old_as_the_oldest_price_in_it():
    book = OwnerBook("u1", {KEY: held((75, 100)), SHARES: held((10, 800))})
    earlier = MORNING - timedelta(seconds=9)
    found = cells(book, quote(NIFTY, 110), quote(SBIN, 805, earlier))
    assert found["pnl:day:live"]["at"] == epoch_ms(earlier)
    assert found[f"pnl:position:a1:NFO:{NIFTY.name}:NRML"]["at"] == epoch_ms(MORNING)


def test_what_is_flat_needs_no_price_and_does_not_age():
    closed = OwnerBook("u1", {SHARES: held((10, 800), (-10, 810))})
    assert cells(closed, quote(SBIN, 805))["pnl:day:live"] == {"v": "100", "k": "money", "c": "INR", "at": None}


def test_without_a_price_a_figure_and_its_sums_are_unknown():
    book = OwnerBook("u1", {KEY: held((75, 100)), SHARES: held((10, 800), (-10, 810))})
    found = cells(book, quote(SBIN, 805))
    assert found["pnl:account:a1"]["v"] is None
    assert found["pnl:day:live"]["v"] is None
    assert found["pnl:realised:live"]["v"] == "100"
    assert f"ltp:{NIFTY}" not in found


def test_currencies_are_not_added_up():
    book = OwnerBook("u1", {KEY: held((75, 100)), OTHER: held((1, 100))}, currencies={"a1": "INR", "a2": "USDT"})
    found = cells(book, quote(NIFTY, 110))
    assert found["pnl:day:live"]["v"] is None
    assert found["pnl:account:a2"] == {"v": "10", "k": "money", "c": "USDT", "at": epoch_ms(MORNING)}
    assert add([]) is None
    assert add([Figure(Decimal(1), "INR"), Figure(Decimal(2), "INR")]).value == 3


def test_a_price_says_its_tick():
    book = OwnerBook("u1", {KEY: held((75, 100))}, forms={NIFTY: PriceForm(Decimal("0.05"))})
    cell = cells(book, quote(NIFTY, "110.50"))[f"ltp:{NIFTY}"]
    assert cell == {"v": "110.5", "k": "price", "c": "INR", "at": epoch_ms(MORNING), "tick": "0.05"}


def test_only_news_is_sent_and_an_unchanged_figure_keeps_its_youth():
    before = {"x": {"v": "1", "k": "qty", "c": None, "at": 1000}}
    assert changed(before, {"x": {"v": "1", "k": "qty", "c": None, "at": 1500}}, age_ms=1000) == {}
    older = {"x": {"v": "1", "k": "qty", "c": None, "at": 2000}}
    assert changed(before, older, age_ms=1000) == older
    ageless = {"x": {"v": "1", "k": "qty", "c": None, "at": None}}
    assert changed(ageless, ageless, age_ms=1000) == {}
    assert changed(before, ageless, age_ms=1000) == ageless
    other = {"x": {"v": "2", "k": "qty", "c": None, "at": 1000}, "y": {"v": None, "k": "money", "c": "INR", "at": 0}}
    assert changed(before, other, age_ms=1000) == other


def test_symbols_are_those_of_positions_and_legs():
    book = OwnerBook("u1", {KEY: held((75, 100))}, legs=[LegPosition("l2", "p1", SHARES, held((10, 800)))])
    assert book.symbols == {NIFTY, Symbol("NSE", "SBIN")}
