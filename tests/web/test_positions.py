"""Positions: from fills, with the venue's word beside them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.venues.types import PositionReport, Symbol
from tests.web.books import Books
from tests.web.trading import NIFTY, Desk, timeless


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


def read(services, account, *quantities: int, symbol: str = NIFTY["symbol"], last: str = "165.40"):
    reports = [
        PositionReport(
            symbol=Symbol("NFO", symbol), product="NRML", quantity=Decimal(quantity), average_price=Decimal("171.05"),
            last_price=Decimal(last), pnl=None,
        )
        for quantity in quantities
    ]  # fmt: skip
    services.snapshots.positions(account.id, reports, services.clock.now() + timedelta(seconds=1))


def test_nothing_held_says_so(admin):
    assert "Nothing is held" in admin.get("/positions").text


def test_positions_are_netted_by_instrument_and_shown_by_account(admin, services, desk):
    one, two = desk.account("One"), desk.account("Two")
    desk.run(one, two)
    read(services, one, -1820)
    page = admin.get("/positions").text
    assert "−3,640" in page
    assert "Same at the venue" in page
    assert "never read" in page
    assert "▲\xa0+₹10,283.00" in page
    place = "NFO:NIFTY24DEC2624400CE"
    for cell in (f"ltp:{place}", f"pnl:net:{one.mode}:{place}:NRML", f"pnl:position:{one.id}:{place}:NRML"):
        assert f'data-cell="{cell}"' in page
    assert timeless(admin.get("/positions/rows", fragment=True).text).strip() in timeless(page)


def test_a_difference_is_said_in_words_and_not_adopted(admin, services, desk):
    account = desk.account()
    desk.run(account)
    read(services, account, -1755)
    page = admin.get("/positions").text
    assert "The venue says otherwise" in page
    assert "The desk filled −1,820, the venue holds −1,755. Seen once: a second look follows." in page


def test_what_was_made_elsewhere_is_labelled_external_and_not_counted(admin, services, desk):
    read(services, desk.account(), 50, symbol="SBIN24DEC26FUT")
    page = admin.get("/positions").text
    assert "External" in page
    assert "not touched" in page
    assert "₹0.00" not in page


def test_somebody_elses_positions_are_not_there(admin, services, desk, invited):
    account = desk.account()
    desk.run(account)
    read(services, account, -1820)
    birla = invited("trader", "Birla")
    assert "NIFTY24DEC2624400CE" not in birla.get("/positions").text
    assert "NIFTY24DEC2624400CE" not in birla.get("/").text
    assert "NIFTY24DEC2624400CE" in invited("viewer", "Chitra").get("/positions").text


def test_an_instrument_in_many_accounts_is_folded_but_for_those_that_differ(admin, services, desk):
    accounts = [desk.account(f"Account {number}") for number in range(6)]
    desk.run(*accounts)
    read(services, accounts[2], -1755)
    page = admin.get("/positions").text
    assert '<details class="fold" id="fold-NFO-NIFTY24DEC2624400CE-NRML-paper"><summary>6 accounts' in page
    assert page.count('<tr class="child">') == 5
    assert page.count('<tr class="child kept">') == 1


def test_a_long_list_is_cut_on_a_phone_and_can_be_had_whole(admin, services, desk):
    account = desk.account()
    for number in range(12):
        desk.order(account, symbol=f"STOCK{number}")
    page = admin.get("/positions").text
    assert page.count('<tbody class="beyond">') == 2
    assert "<summary>All 12 instruments</summary>" in page


def test_positions_are_seen_by_account_strategy_and_leg_with_the_mode_of_each(admin, desk):
    live, paper = desk.account("Real", mode="live"), desk.account("Demo", mode="paper")
    run = desk.run(live, paper)
    for by, told in (("account", "Real"), ("strategy", run.name), ("leg", run.name)):
        page = admin.get(f"/positions?by={by}").text
        assert told in page
        assert "NIFTY" in page
        assert "LIVE" in page
        assert "PAPER" in page
    assert "LIVE + PAPER" in admin.get("/positions?by=strategy").text
    assert "Nothing is held" not in admin.get("/positions?by=nonsense").text


def test_what_a_strategy_makes_is_added_up_by_mode(admin, services, desk):
    accounts = [desk.account("Demo", mode="paper"), desk.account("Real", mode="live")]
    desk.run(*accounts)
    for account in accounts:
        read(services, account, -1820)
    for by in ("strategy", "leg"):
        head = admin.get(f"/positions?by={by}").text.split('id="group-1"')[1].split("</div>")[0]
        live, paper = head.split("Paper realised")
        assert ("open" in live, "open" in paper) == (True, True)
        assert live.count("₹10,283.00") == paper.count("₹10,283.00") == 1, "of one account each"


def test_live_and_paper_of_one_contract_are_two_rows_each_with_its_mode_and_live_comes_first(admin, desk):
    desk.order(desk.account("Demo", mode="paper"), quantity=75, side="BUY")
    desk.order(desk.account("Real", mode="live"), quantity=75)
    page = admin.get("/positions").text
    first, second = (page.index(f'id="net-NFO-NIFTY24DEC2624400CE-NRML-{mode}"') for mode in ("live", "paper"))
    assert first < page.index("−75", first) < second
    assert "mode-live" in page.split('<h2 id="nets-1"')[1]
    assert "mode-paper" in page.split('<h2 id="nets-1"')[1]
    for mode in ("live", "paper"):
        assert f'data-cell="pnl:net:{mode}:NFO:NIFTY24DEC2624400CE:NRML"' in page


def test_totals_of_trades_and_holdings_are_of_one_mode_each(admin, services, desk):
    books = Books(services)
    for name, mode in (("Demo", "paper"), ("Real", "live")):
        account = desk.account(name, mode=mode)
        books.trades(account, "BUY")
        books.holdings(account)
    for path in ("/trades", "/holdings"):
        tiles = admin.get(path).text.split('<div class="tiles">')[1:]
        modes = [
            ("mode-live" in one.split("tile-figure")[0], "mode-paper" in one.split("tile-figure")[0]) for one in tiles
        ]
        assert modes == [(True, False), (False, True)]
