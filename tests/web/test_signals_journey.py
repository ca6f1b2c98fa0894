"""A webhook in a real browser: made, sent to by a program, a run begun and ended by it, all seen without reloading."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.waiting import until
from tests.web.journeys import PASSWORD, at_the_market, signed_in
from tests.web.typing_in import SLOWLY, Typist
from tests.web.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
CALL = {"Action": "Buy", "Kind": "Call (CE)", "Expiry": "Next week", "Strike": "ATM"}


def test_a_program_elsewhere_begins_a_run_and_ends_it_before_the_eyes_of_a_person(chromium: Browser, tmp_path) -> None:
    with at_the_market(tmp_path / "desk") as market, signed_in(chromium, market.address) as visitor:
        page, typist = visitor.page, Typist(visitor, market)
        typist.write("By a chart", CALL, accounts={"Alpha": "1"})
        typist.save()
        address, secret = webhook_made(visitor)
        page.get_by_role("link", name="Signals", exact=True).first.click()
        page.wait_for_url("**/signals")
        visitor.mark()

        def send(action: str, number: str) -> None:
            message = {"secret": secret, "action": action, "id": number}
            answer = httpx.post(address, json=message, timeout=30, trust_env=False)
            assert answer.status_code == 202, answer.text

        for _ in range(2):
            send("enter", "1")
        expect(page.get_by_role("row", name="Enter")).to_contain_text("A run began.", timeout=SLOWLY)
        until(lambda: held(market) == [65], 60)
        send("exit", "2")
        expect(page.get_by_role("row", name="Exit")).to_contain_text("1 run told to leave.", timeout=SLOWLY)
        until(lambda: held(market) == [], 60)
        visitor.assert_not_loaded_again()
        visitor.look("signals")
        page.get_by_role("link", name="Enter").click()
        visitor.look("signal")
        assert secret not in page.content()
        assert [row["quantity"] for row in market.paper.books("alpha")["orders"]] == [65, 65]
        page.goto("/signals")
        page.get_by_role("link", name="RSI turns").first.click()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name="Delete it").click()
        expect(page.get_by_text("No webhook yet")).to_be_visible()
        assert visitor.faults == []


def webhook_made(visitor: Visitor) -> tuple[str, str]:
    """Where it is sent to, and its secret."""
    page = visitor.page
    page.goto("/signals")
    visitor.look("no-webhook")
    page.get_by_role("link", name="New webhook").first.click()
    page.wait_for_url("**/signals/new")
    visitor.look("new-webhook")
    page.get_by_label("Name", exact=True).fill("RSI turns")
    page.get_by_label("Strategy").select_option(label="By a chart")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Create the webhook").click()
    secret = page.get_by_text(re.compile("^mdw_")).first.inner_text()
    address = page.get_by_text(re.compile("^http.*/hooks/")).first.inner_text()
    visitor.look("webhook-made")
    return address, secret


def held(market) -> list[int]:
    return [row["quantity"] for row in market.paper.books("alpha")["positions"] if row["quantity"]]
