"""The trade book, the holdings and an account's books: rows of all accounts, with totals, files and the true age."""

import csv
import io

import pytest

from tests.web.books import SBIN, Books
from tests.web.trading import Desk


@pytest.fixture
def desk(services, admin):
    return Desk(services)


@pytest.fixture
def books(services):
    return Books(services)


def table(answer):
    return list(csv.reader(io.StringIO(answer.get_data(as_text=True))))


def test_trades_of_all_accounts_stand_together_the_newest_first_with_totals(admin, desk, books):
    first, second = desk.account("Demo 1"), desk.account("Demo 2")
    order = desk.order(first, state="filled", venue_order_id="v1")
    books.trades(first, "BUY", "SELL")
    books.trades(second, "BUY", order_id="v7")
    page = admin.get("/trades").text
    assert page.count('<th scope="row">') == 3
    for told in ("Demo 1", "Demo 2", "₹25,657.50", "₹12,828.75", "▼", "placed elsewhere", f"/orders/{order.id}"):
        assert told in page, told
    assert "2 accounts up to date" in page


def test_filters_narrow_rows_totals_and_the_file(admin, desk, books):
    first, second = desk.account("Demo 1"), desk.account("=Demo 2")
    books.trades(first, "BUY", "SELL")
    books.trades(second, "BUY", symbol=SBIN)
    assert admin.get(f"/trades?account={second.id}").text.count('<th scope="row">') == 1
    assert admin.get("/trades?symbol=sbi&side=SELL").text.count('<th scope="row">') == 0
    head, row = table(admin.client.get("/trades.csv?symbol=sbi"))
    found = dict(zip(head, row, strict=True))
    assert (found["account"], found["side"], found["quantity"], found["value"]) == ("'=Demo 2", "BUY", "75", "12828.75")
    file = admin.client.get("/trades.csv")
    assert file.mimetype == "text/csv"
    assert 'filename="trades-' in file.headers["Content-Disposition"]
    assert len(table(file)) == 4


def test_many_trades_come_page_by_page(admin, desk, books):
    account = desk.account("Demo 1")
    books.trades(account, *["BUY"] * 101)
    assert "1–100 of 101" in admin.get("/trades").text
    last = admin.get("/trades?after=100").text
    assert last.count('<th scope="row">') == 1
    assert "101–101 of 101" in last


def test_holdings_say_what_they_cost_and_are_worth_and_what_is_unknown(admin, desk, books):
    books.holdings(desk.account("Demo 1"))
    books.holdings(desk.account("Demo 2"), quantity=50)
    page = admin.get("/holdings").text
    for told in ("₹81,200.00", "₹40,600.00", "₹1,20,000.00", "₹1,21,800.00", "SBIN"):
        assert told in page, told
    assert [row[5] for row in table(admin.client.get("/holdings.csv"))[1:]] == ["100", "50"]


def test_what_was_read_too_long_ago_is_named_stale_and_what_was_never_read_says_so(admin, desk, books):
    old, never = desk.account("Demo 1"), desk.account("Demo 2")
    books.trades(old, "BUY", ago=300)
    page = admin.get("/trades").text
    assert page.count("Stale") == 2
    assert "never read" in page
    assert "5\u00a0min" in page
    detail = admin.get(f"/accounts/{never.id}").text
    assert detail.count("The venue was not asked yet.") == 5


def test_an_accounts_page_shows_its_five_books_with_age_and_source(admin, desk, books):
    account = desk.account("Demo 1")
    for keep in (books.funds, books.positions, books.orders, books.holdings):
        keep(account, ago=3)
    books.trades(account, "SELL", ago=3)
    page = admin.get(f"/accounts/{account.id}").text
    for told in ("₹95,000.00", "₹5,000.00", "−150", "v1, placed elsewhere", "All 1 trades", "SBIN"):
        assert told in page, told
    assert page.count("read <time") >= 5
    assert "Stale" not in page
    part = admin.get(f"/accounts/{account.id}/books", fragment=True).text
    assert f'data-room="books:{account.id} account:{account.id}"' in part


def test_pages_of_books_cost_the_same_few_queries_however_many_accounts(admin, desk, books, reads, still):
    def queries(path):
        with still():
            admin.get(path)  # the first page of a process pays more
            with reads() as seen:
                admin.get(path)
        return len(seen)

    books.trades(desk.account("Demo 0"), "BUY")
    before = {path: queries(path) for path in ("/trades", "/holdings")}
    for number in range(1, 12):
        books.trades(desk.account(f"Demo {number}"), "BUY")
    assert {path: queries(path) for path in before} == before
    assert max(before.values()) <= 12


def test_other_peoples_trades_and_holdings_are_in_none_of_it(admin, desk, books, invited):
    account = desk.account("Zephyr")
    books.trades(account, "BUY")
    books.holdings(account)
    other = invited("trader", "Birla")
    for path in ("/trades", f"/trades?account={account.id}", "/holdings", f"/holdings?account={account.id}"):
        assert "Zephyr" not in other.get(path).text
    assert len(table(other.client.get(f"/trades.csv?account={account.id}"))) == 1
    other.get(f"/accounts/{account.id}/books", 404)
