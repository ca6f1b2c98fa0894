"""Analytics and the trade journal: what their pages, files and API show of results that are in the books."""

import io
import zipfile
from datetime import date, timedelta
from decimal import Decimal

import pytest

from app.core.errors import Denied
from app.portfolio.models import PnlSample, RoundTrip
from tests.web.trading import Desk

FIRST = date(2026, 10, 1)


@pytest.fixture
def desk(services, admin) -> Desk:
    """`admin` is signed in, and trades."""
    return Desk(services)


def closed(desk: Desk, account, number: int, made: object, mode: str = "live") -> str:
    """A trade that was closed on its own day."""
    return desk.trip(account, FIRST + timedelta(days=number), made, mode)


def test_a_desk_without_results_says_so(admin, desk):
    assert "Nothing realised yet" in admin.get("/analytics").text
    assert "No closed trade here" in admin.get("/journal").text


def test_a_small_sample_is_called_too_few(admin, desk):
    closed(desk, desk.account(mode="live"), 0, 1000)
    page = admin.get("/analytics").text
    assert "Too few: 1 of 10 trades" in page
    assert "Too few: 1 of 20 weekdays" in page
    assert "a curve needs two" in page


def test_results_are_net_of_charges_and_ratios_come_with_enough_days(admin, desk):
    account = desk.account(mode="live")
    for number in range(30):
        closed(desk, account, number, 1050 if number % 3 else -450)
    told = admin.client.get("/api/v1/analytics").json
    assert told["whole"]["net"] == "15000"
    assert told["trades"]["win_rate"] == "66.66666667"
    assert told["trades"]["profit_factor"] == "4"
    assert told["trades"]["expectancy"] == "500"
    assert min(Decimal(day["drawdown"]) for day in told["days"]) == -500
    assert Decimal(told["ratios"]["sharpe"]) > 5
    page = admin.get("/analytics?capital=500000").text
    assert "Return of a year" in page
    assert "heat-9" in page
    assert told["accounts"][0]["name"] == account.name


def test_live_and_paper_are_apart_unless_they_are_asked_for_together(admin, desk):
    account = desk.account(mode="live")
    closed(desk, account, 0, 1000)
    closed(desk, account, 1, 5000, mode="paper")
    assert admin.client.get("/api/v1/analytics").json["whole"]["realised"] == "1000"
    assert admin.client.get("/api/v1/analytics?mode=paper").json["whole"]["realised"] == "5000"
    assert "Live and paper are added up here" in admin.get("/analytics?mode=both").text


def test_a_result_that_is_not_known_is_counted_and_left_out(admin, desk):
    account = desk.account(mode="live")
    closed(desk, account, 0, None)
    closed(desk, account, 1, 700)
    assert admin.client.get("/api/v1/analytics").json["whole"]["unknown"] == 1
    assert "1 result of a day left out" in admin.get("/analytics").text


def test_a_note_with_tags_is_kept_found_and_not_overwritten_by_an_older_page(admin, desk):
    account = desk.account(mode="live")
    trip, other = closed(desk, account, 0, 1000), closed(desk, account, 1, -50)
    admin.submit(f"/journal/{trip}", note="Entered late.", tags="breakout, expiry day", version="0")
    page = admin.get("/journal?tag=breakout").text
    assert trip in page
    assert other not in page
    assert other not in admin.get("/journal?text=LATE").text
    with pytest.raises(Denied):
        desk.services.diary.write(desk.owner_id, trip, "Mine", [], version=0)
    refused = admin.submit(f"/journal/{trip}", note="", tags="a;b", version="1", status=422)
    assert "none of , ; #" in refused.text
    assert admin.client.get(f"/api/v1/trade-journal/{trip}").json["tags"] == ["breakout", "expiry day"]


def test_the_journal_is_read_page_by_page(admin, desk):
    account = desk.account(mode="live")
    names = [closed(desk, account, number, 10) for number in range(5)]
    first = admin.client.get("/api/v1/trade-journal?limit=3").json
    second = admin.client.get(f"/api/v1/trade-journal?limit=3&before={first['next']}").json
    assert [one["id"] for one in first["items"] + second["items"]] == names[::-1]
    assert second["next"] is None


def test_a_trade_in_live_and_paper_accounts_is_told_apart(admin, desk):
    live, paper = desk.account("Real", mode="live"), desk.account("Demo", mode="paper")
    trip = closed(desk, live, 0, 1000)
    other = closed(desk, paper, 0, 5000, mode="paper")
    with desk.db.write() as session:
        session.get_one(RoundTrip, other).entry_id = trip
    for path in ("/journal", f"/journal/{trip}"):
        page = admin.get(path).text
        assert "LIVE + PAPER" in page
        assert page.index("+₹950.00") < page.index("Paper <") < page.index("+₹4,950.00")
        assert "5,900" not in page
    told = admin.client.get(f"/api/v1/trade-journal/{trip}").json
    assert [(one["mode"], one["net"], one["account_ids"]) for one in told["by_mode"]] == [
        ("live", "950", [live.id]), ("paper", "4950", [paper.id]),
    ]  # fmt: skip
    lines = [line.split(",") for line in admin.client.get("/journal/entries.csv").text.splitlines()]
    assert [line[4:7] for line in lines[1:]] == [["Real", "live", "1000.0000"], ["Demo", "paper", "5000.0000"]]


def test_files_hold_exact_figures_and_no_formula(admin, desk):
    trip = closed(desk, desk.account(name="=1+1", mode="live"), 0, "1234.5678")
    admin.submit(f"/journal/{trip}", note="=HYPERLINK(1)", tags="", version="0")
    text = admin.client.get("/journal/entries.csv").text
    assert "1234.5678" in text
    assert "'=1+1" in text
    assert "'=HYPERLINK" in text
    book = zipfile.ZipFile(io.BytesIO(admin.client.get("/journal/entries.xlsx").data))
    page = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in page
    assert "<v>1234.5678</v>" in page
    assert admin.client.get("/analytics/days.csv").text.splitlines()[1].startswith("2026-10-01,1234.5678,50")


def test_a_curve_shows_its_gaps_and_the_stop(admin, desk):
    account = desk.account(mode="live")
    run = desk.run(account)
    for minute, total in ((0, 10), (1, 20), (2, -5), (30, 40), (31, 45)):
        at = desk.now + timedelta(minutes=minute)
        desk.save(PnlSample(subject=f"run:{run.id}", at=at, total=Decimal(total), stop=Decimal(-500), grain=1))
    page = admin.get(f"/runs/{run.id}").text
    assert "1 gap" in page
    assert "left by itself" in page
    assert len(admin.client.get(f"/api/v1/runs/{run.id}/curve").json["items"]) == 5
