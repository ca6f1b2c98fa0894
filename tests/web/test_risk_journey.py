"""The kill switch in a real browser: always there, one question, and its state on every page until the release."""

import pytest
from playwright.sync_api import expect

from tests.web.journeys import PASSWORD, begun, first_person, served
from tests.web.test_replays import RESULT
from tests.web.trading import Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def address(tmp_path):
    """A web over a desk with two accounts, one of them holding something, and no engine: nothing moves."""
    with begun(tmp_path / "desk") as services:
        first_person(services)
        desk = Desk(services)
        first = desk.account("Zerodha main")
        desk.account("Dhan family", mode="live")
        desk.run(first)
        desk.order(first, state="open")
        desk.touched(first)
        desk.limit(entries=40, exposure={"value": "20", "unit": "percent"}, price_band="5")
        desk.played(desk.strategy(first, name="Played"), RESULT)
    with served(tmp_path / "desk") as address:
        yield address


def test_stopping_takes_one_question_and_going_on_takes_more(visitor):
    page = visitor.page
    page.goto("/orders")
    page.get_by_role("link", name="Kill switch").click()
    expect(page.get_by_role("heading", name="Stop your desk?")).to_be_visible()
    visitor.look("kill-question")
    page.get_by_role("button", name="Stop and exit 1 position").click()
    expect(page.get_by_role("heading", name="Risk", exact=True)).to_be_visible()
    expect(page.get_by_text("Your desk takes no new entries: halted, set by Asha").first).to_be_visible()
    visitor.look("risk-halted")
    page.goto("/")
    expect(page.get_by_text("Your desk takes no new entries: halted, set by Asha").first).to_be_visible()
    visitor.look("dashboard-halted")
    page.goto("/replays")
    page.get_by_role("link", name="Played", exact=True).click()
    expect(page.get_by_text("SIMULATION")).to_be_visible()
    visitor.look("replay")
    page.goto("/risk")
    page.get_by_role("button", name="Exits only: Dhan family").click()
    expect(page.get_by_role("button", name="Trade again: Dhan family")).to_be_visible()
    page.get_by_role("link", name="Release Your desk").click()
    expect(page.get_by_role("heading", name="Release your desk?")).to_be_visible()
    visitor.look("release-question")
    page.get_by_label("Type RELEASE").fill("RELEASE")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Release", exact=True).click()
    expect(page.get_by_text("Dhan family takes no new entries: reducing").first).to_be_visible()
    visitor.look("risk-reducing")
    page.get_by_role("link", name="Limits of the day").click()
    expect(page.get_by_text("Max loss of the day was reached at")).to_be_visible()
    visitor.look("limits")
    page.get_by_role("link", name="Release Zerodha main from its max loss of the day").click()
    page.get_by_label("Why it is released").fill("one trade more")
    page.get_by_role("button", name="Release", exact=True).click()
    expect(page.get_by_text("one trade more")).to_be_visible()
    page.get_by_role("link", name="Edit limits of Your desk").click()
    visitor.look("limits-edit")
    page.get_by_label("Max loss", exact=True).fill("20000")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("−₹20,000.00")).to_have_count(2)
    assert visitor.faults == []
