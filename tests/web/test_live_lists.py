"""Lists that change under a person's hands, in a real Chromium: the focus stays, and nothing is asked for forever."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from app.broadcast.chain_keys import ChainKey
from app.notify.messages import Message
from app.notify.models import Level
from tests.chains import DAY, list_chain
from tests.waiting import until
from tests.web.sse import serving
from tests.web.trading import Desk

pytestmark = pytest.mark.browser

ACTS_ON = "document.activeElement.closest('form')?.getAttribute('action')"
FAR = DAY.replace(year=2099)  # no expiry that is ever past


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


@pytest.fixture
def hub(app):
    return app.extensions["live"].hub


@pytest.fixture
def opened(app, admin, hub, page: Page) -> Iterator[Callable[[str], Page]]:
    """`opened("/orders")` is that page for the first person of the desk, once it hears what changes."""

    def opened(path: str) -> Page:
        page.goto(f"{address}{path}")
        until(hub.watchers)
        return page

    with serving(app) as port:
        address = f"http://127.0.0.1:{port}"
        page.context.add_cookies([{"name": "desk", "value": admin.client.get_cookie("desk").value, "url": address}])
        yield opened
        page.goto("about:blank")


def act(page: Page, action: str) -> Locator:
    return page.locator(f'form[action="{action}"] button')


def alert(desk: Desk, text: str) -> str:
    """Of those that the dashboard shows as well; its id."""
    desk.services.notify.tell(desk.owner_id, Message(Level.WARN, "alert", "It fired", text, text))
    return desk.services.notify.list(desk.owner_id)[0].id


def test_the_focus_stays_on_the_order_it_is_on_when_another_comes_in_front(opened, hub, desk):
    account = desk.account()
    mine = f"/orders/{desk.order(account, state='open').id}/cancel"
    page = opened("/orders")
    act(page, mine).focus()
    another = f"/orders/{desk.order(account, state='open').id}/cancel"
    hub.take("changed", {"owner": desk.owner_id, "rooms": ["orders"]})
    expect(act(page, another)).to_be_visible()
    assert page.locator("#orders tbody form").first.get_attribute("action") == another
    assert page.evaluate(ACTS_ON) == mine


def test_the_focus_stays_on_the_slice_it_is_on_when_another_joins_its_wish(opened, hub, desk):
    account = desk.account()
    order = desk.order(account, state="open")
    mine = f"/orders/{order.id}/cancel"
    page = opened("/orders")
    act(page, mine).focus()
    another = f"/orders/{desk.order(account, intent_id=order.intent_id, state='open').id}/cancel"
    hub.take("changed", {"owner": desk.owner_id, "rooms": ["orders"]})
    expect(act(page, another)).to_be_visible()
    assert page.evaluate(ACTS_ON) == mine


@pytest.mark.parametrize(("path", "room"), [("/notifications", "notifications"), ("/", "dashboard")])
def test_the_focus_stays_on_the_message_it_is_on_when_another_comes_in_front(opened, hub, desk, path, room):
    mine = f"/notifications/{alert(desk, 'One.')}/acknowledge"
    page = opened(path)
    act(page, mine).focus()
    alert(desk, "Two.")
    hub.take("changed", {"owner": desk.owner_id, "rooms": [room]})
    expect(page.locator("main").get_by_role("button", name="Acknowledge: ")).to_have_count(2)
    assert page.locator("main form[action$='/acknowledge']").first.get_attribute("action") != mine
    assert page.evaluate(ACTS_ON) == mine


def test_on_the_dashboard_lives_number_and_papers_move_each_by_itself(opened, hub, desk):
    run = desk.run(desk.account("Demo", mode="paper"), desk.account("Real", mode="live"))
    page = opened("/")
    for live, paper in (("100", "5000"), ("-20.5", "5000")):
        made = {"pnl:day:live": live, "pnl:day:paper": paper, f"pnl:run_in:live:{run.id}": live}
        cells = {key: {"v": value, "k": "money", "c": "INR", "at": None} for key, value in made.items()}
        hub.take("tick", {"owner": desk.owner_id, "cells": cells})
    tile = page.locator(".tile", has_text="Realised today and open now").locator(".tile-figure")
    expect(tile).to_have_text("Live ▼\xa0−₹20.50 Paper ▲\xa0+₹5,000.00")
    live, paper = (page.locator(f'[data-cell="pnl:day:{mode}"]').bounding_box() for mode in ("live", "paper"))
    assert live["y"] + live["height"] <= paper["y"] + 1
    assert live["height"] > paper["height"]
    expect(page.locator(f'[data-cell="pnl:run_in:live:{run.id}"]')).to_have_text("▼\xa0−₹20.50")


def test_mark_all_read_never_becomes_acknowledge_all(opened, hub, desk, services):
    desk.message()
    page = opened("/notifications")
    button = page.get_by_role("button", name="Mark all read")
    button.focus()
    services.notify.read_all(desk.owner_id)
    hub.take("changed", {"owner": desk.owner_id, "rooms": ["notifications"]})
    expect(button).to_have_count(0)
    assert page.evaluate(ACTS_ON) is None


def test_strikes_that_end_beside_the_money_are_asked_for_once(opened, hub, services, page):
    """With one strike on each side the money is always near an end."""

    def money_at(strike: int) -> None:
        cell = {"v": str(strike), "k": "number", "c": None, "at": int(services.clock.now().timestamp() * 1000)}
        hub.take("tick", {"owner": "*", "cells": {f"atm:sum@{ChainKey('NFO', 'NIFTY', FAR)}": cell}})

    list_chain(services.instruments, services.clock.now(), 30, (FAR,))
    money_at(26_000)
    asked = []
    page.on("request", lambda request: "/chain/rows" in request.url and asked.append(request.url))
    opened("/chain?span=1")
    rows = page.locator("#chain tr[data-strike]")
    expect(rows.nth(1)).to_have_attribute("data-strike", "26000")
    money_at(25_950)
    expect(rows.nth(1)).to_have_attribute("data-strike", "25950")
    page.wait_for_timeout(3000)  # while it must not ask again
    assert len(asked) == 1
