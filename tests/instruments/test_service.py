from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, func, select

from app.core.errors import Retry
from app.instruments.contracts import CannotResolve, ContractRule
from app.instruments.models import Instrument
from app.instruments.sync import PIECE
from app.venues.types import ContractReport, Symbol
from tests.instruments.conftest import NOW, ListedBy, chain, equity, future, option

WEEK, MONTH = date(2026, 11, 23), date(2026, 12, 29)


@pytest.fixture
def venue():
    nifty = chain("NIFTY", WEEK, 25800, 26300, 50) + chain("NIFTY", MONTH, 25000, 27000, 500)
    bank = chain("BANKNIFTY", MONTH, 57000, 58000, 100)
    index = ContractReport(Symbol("NSE_INDEX", "NIFTY"), "NIFTY", "INDEX", Decimal(1), Decimal("0.05"))
    return ListedBy(
        {
            "NFO": [*nifty, *bank, future("NIFTY", MONTH), future("NIFTY", WEEK)],
            "NSE": [equity("NIFTYBEES"), equity("SBIN"), equity("M&M")],
            "NSE_INDEX": [index],
        }
    )


def synced(instruments, venue, now=NOW, exchanges=("NFO", "NSE", "NSE_INDEX")):
    return instruments.sync(venue, exchanges, now, "openalgo", "zerodha")


def test_the_first_reading_adds_everything_and_the_second_changes_nothing(instruments, venue):
    first = synced(instruments, venue)
    assert [row.added for row in first] == [len(venue.lists[name]) for name in ("NFO", "NSE", "NSE_INDEX")]
    assert {(row.added, row.changed, row.gone) for row in synced(instruments, venue)} == {(0, 0, 0)}


def test_the_first_list_of_an_exchange_counts_all_at_once(instruments, db):
    committed = set()
    active = select(func.count()).select_from(Instrument).where(Instrument.active)

    def count(connection):
        committed.add(connection.scalar(active))

    event.listen(db.writer, "commit", count)
    rows = [equity(f"SHARE{number}") for number in range(2 * PIECE + 1)]
    instruments.sync(ListedBy({"NSE": rows}), ["NSE"], NOW, "openalgo", "zerodha")
    event.remove(db.writer, "commit", count)
    assert committed == {0, len(rows)}


def test_a_reading_tells_what_is_new_changed_and_gone(instruments, venue):
    synced(instruments, venue)
    gone, moved, *kept = venue.lists["NFO"]
    new = option("NIFTY", WEEK, "26350", "CE")
    venue.lists["NFO"] = [replace(moved, lot_size=Decimal(70)), *kept, new]
    (counts,) = synced(instruments, venue, exchanges=["NFO"])
    assert (counts.added, counts.changed, counts.gone) == (1, 1, 1)
    assert instruments.find("openalgo", "NFO", moved.symbol.name).lot_size == 70
    assert not instruments.find("openalgo", "NFO", gone.symbol.name).active


def test_a_contract_listed_again_is_active_again(instruments, venue):
    synced(instruments, venue)
    all_of_them = venue.lists["NSE"]
    venue.lists["NSE"] = all_of_them[1:]
    synced(instruments, venue)
    venue.lists["NSE"] = all_of_them
    synced(instruments, venue)
    assert instruments.find("openalgo", "NSE", "NIFTYBEES").active


def test_an_empty_list_takes_nothing_away(instruments, venue):
    synced(instruments, venue)
    venue.lists["NFO"] = []
    with pytest.raises(Retry, match="lists nothing on NFO"):
        synced(instruments, venue)
    assert instruments.underlyings("openalgo", "NFO") == ["BANKNIFTY", "NIFTY"]
    assert instruments.age("openalgo", "NFO", NOW + timedelta(hours=5)) == timedelta(hours=5)


def test_two_kinds_of_venue_keep_their_own_lists(instruments, venue):
    synced(instruments, venue)
    perpetual = ContractReport(Symbol("GATE", "BTC/USDT:USDT"), "BTC", "PERP", Decimal("0.0001"), Decimal("0.1"))
    instruments.sync(ListedBy({"GATE": [perpetual]}), ["GATE"], NOW, "gate", "gate")
    assert instruments.find("gate", "GATE", "BTC/USDT:USDT").lot_size == Decimal("0.0001")
    assert instruments.find("openalgo", "GATE", "BTC/USDT:USDT") is None
    assert len(instruments.masters()) == 4


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("nifty", "NIFTY"),  # the index itself, before its contracts
        ("sbi", "SBIN"),
        ("m&m", "M&M"),
        ("nifty 26050 ce", "NIFTY23NOV2626050CE"),
        ("nifty 26000 pe", "NIFTY23NOV2626000PE"),
        ("banknifty dec 57500 pe", "BANKNIFTY29DEC2657500PE"),
        ("NIFTY fut", "NIFTY23NOV26FUT"),
        ("nifty23nov2626", "NIFTY23NOV2626000CE"),
    ],
)
def test_search_finds_what_a_person_means(instruments, venue, text, first):
    synced(instruments, venue)
    assert instruments.search(text)[0].symbol == first


@pytest.mark.parametrize("text", ["", "   ", "💥", "%", "_", "x" * 1_000_000, "' OR 1=1 --", "\0", "1e30 NaN"])
def test_search_survives_any_text(instruments, venue, text):
    synced(instruments, venue)
    assert instruments.search(text) == []


def test_search_stays_inside_an_exchange(instruments, venue):
    synced(instruments, venue)
    assert {row.exchange for row in instruments.search("nifty", exchange="NFO")} == {"NFO"}


def test_expiries_and_contracts_of_an_underlying(instruments, venue):
    synced(instruments, venue)
    assert instruments.expiries("openalgo", "NFO", "NIFTY", ["CE", "PE"]) == [WEEK, MONTH]
    assert len(instruments.listed("openalgo", "NFO", "NIFTY", WEEK)) == 23
    assert {row.kind for row in instruments.find_many("openalgo", [("NFO", "NIFTY23NOV26FUT"), ("NSE", "SBIN")])} == {
        "FUT",
        "EQ",
    }


def test_a_leg_is_resolved_from_what_is_listed(instruments, venue):
    instruments.seed()
    synced(instruments, venue)
    rule = ContractRule("Leg 1", "NFO", "NIFTY", "PE", "current_week", "OTM2")
    assert instruments.resolve("openalgo", rule, Decimal("26012"), NOW).symbol == "NIFTY23NOV2625900PE"
    with pytest.raises(CannotResolve, match="Leg 2: SBI is not listed on NSE"):
        instruments.resolve("openalgo", ContractRule("Leg 2", "NSE", symbol="SBI"), None, NOW)


@pytest.mark.parametrize(("expiry", "day"), [
    ("current_week", WEEK), ("next_week", MONTH), ("current_month", WEEK), ("next_month", MONTH), ("expiry_1", WEEK),
    ("expiry_2", MONTH), ("month_2", MONTH), ("days_3", WEEK), ("days_5", MONTH), ("2026-12-29", MONTH),
])  # fmt: skip
def test_an_expiry_is_counted_among_all_that_are_listed(instruments, venue, expiry, day):
    instruments.seed()
    synced(instruments, venue)
    rule = ContractRule("Leg 1", "NFO", "NIFTY", "FUT", expiry)
    assert instruments.resolve("openalgo", rule, None, NOW).expiry == day
    assert {row.expiry for row in instruments.chain("openalgo", rule, NOW)} == {day}


def test_after_the_close_of_its_last_day_the_current_week_is_the_next_one(instruments, venue):
    instruments.seed()
    synced(instruments, venue)
    rule = ContractRule("Leg 1", "NFO", "NIFTY", "FUT", "current_week")
    closing = NOW.replace(day=23, hour=10, minute=9)  # 15:39 in India
    assert instruments.resolve("openalgo", rule, None, closing).expiry == WEEK
    assert instruments.resolve("openalgo", rule, None, closing + timedelta(minutes=1)).expiry == MONTH


def test_the_freeze_quantity_is_the_venues_then_the_facts_then_unknown(instruments, venue):
    instruments.seed()
    venue.lists["NFO"][0] = replace(venue.lists["NFO"][0], freeze_quantity=Decimal(1755))
    synced(instruments, venue)
    own, other = (instruments.find("openalgo", "NFO", row.symbol.name) for row in venue.lists["NFO"][:2])
    today = date(2026, 11, 19)
    assert instruments.freeze_quantity(own, today) == 1755
    assert instruments.freeze_quantity(other, today) == 1800
    bank = instruments.listed("openalgo", "NFO", "BANKNIFTY")[0]
    assert instruments.freeze_quantity(bank, today) == 600
    assert instruments.freeze_quantity(bank, date(2025, 10, 1)) == 900
    assert instruments.freeze_quantity(instruments.find("openalgo", "NSE", "SBIN"), today) is None


def test_long_gone_contracts_are_forgotten(instruments, venue):
    synced(instruments, venue)
    venue.lists["NFO"] = [row for row in venue.lists["NFO"] if row.expiry != WEEK]
    synced(instruments, venue)
    assert instruments.forget_expired(date(2026, 12, 31)) == 23
    assert instruments.find("openalgo", "NFO", "NIFTY23NOV26FUT") is None
    assert instruments.find("openalgo", "NFO", "NIFTY29DEC26FUT") is not None


def test_a_long_list_is_written_in_pieces_so_that_an_order_gets_its_turn(instruments, db):
    commits = []
    event.listen(db.writer, "commit", commits.append)
    shares = ListedBy({"NSE": [equity(f"SHARE{number}") for number in range(5_000)]})
    instruments.sync(shares, ["NSE"], NOW, "openalgo", "zerodha")
    assert len(commits) >= 4
    assert len(instruments.search("SHARE", limit=6_000)) == 5_000
