"""What the paper broker does to the price feed, as a person at a browser sees it, and what the desk does not do then.

The engine and the web are the real ones, in this process; the brokers are real servers in another.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import Page, expect

from app import wiring
from app.feed.events import FeedSwitched
from app.users.roles import Role
from app.web import create_app
from tests.engine.desks import PASSWORD, TestDesk
from tests.engine.proving import orders_of
from tests.paper.running import PaperServer
from tests.waiting import until
from tests.web.journeys import signed_in
from tests.web.sse import Stream, opened, serving
from tests.web.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

QUICK = {"feed_silence_seconds": 4.0, "feed_freeze_seconds": 5.0, "feed_return_seconds": 2.0}
AT_REST = {"order_book_idle_seconds": 900.0, "figures_idle_seconds": 900.0, "trades_idle_seconds": 900.0}
LONG = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 1}]
AT_LIMIT = {"price_type": "LIMIT", "offset": "900", "convert_after": 30}
SOON = 60_000


@dataclass
class World:
    desk: TestDesk
    port: int

    @property
    def paper(self) -> PaperServer:
        return self.desk.paper

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def calls(self) -> dict[str, int]:
        """How often each endpoint of each broker was called."""
        return {
            f"{name} {endpoint}": count
            for name in self.desk.accounts
            for endpoint, count in self.paper.state(name)["counters"].items()
            if " " not in endpoint
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("feed")
    brokers = [{"name": name, "mode": "live"} for name in ("alpha", "beta")]
    with ExitStack() as stack:
        paper = stack.enter_context(PaperServer(brokers, start="now"))
        desk = TestDesk(folder, paper, **QUICK, **AT_REST)
        stack.callback(desk.stop)
        desk.start()
        services = wiring.build(desk.settings, "web")
        stack.callback(services.close)
        port = stack.enter_context(serving(create_app(services)))
        yield World(desk, port)


@pytest.fixture(scope="module")
def visitor(chromium, world) -> Iterator[Visitor]:
    with signed_in(chromium, world.address, "trader", PASSWORD) as visitor:
        visitor.page.goto("/engine")
        yield visitor


@pytest.fixture
def page(visitor, world) -> Iterator[Page]:
    """The Engine page, with prices streamed from the primary."""
    world.paper.heal()
    expect_prices(visitor.page, "Live", "Streamed", "From alpha")
    yield visitor.page
    world.paper.heal()
    assert visitor.faults == []


def expect_prices(page: Page, badge: str, source: str, account: str = "") -> None:
    expect(page.locator("[data-feed-badge]")).to_contain_text(badge, timeout=SOON)
    tile = page.locator(".tile", has_text="Source")
    expect(tile).to_contain_text(source, timeout=SOON)
    expect(tile).to_contain_text(account, timeout=SOON)


def expect_told(page: Page, words: str) -> None:
    expect(page.get_by_role("row").filter(has_text=words).first).to_be_visible(timeout=SOON)


@contextmanager
def held(world: World, key: str) -> Iterator[str]:
    """A run that holds something, and is flat afterwards."""
    desk = world.desk
    run_id = desk.run(desk.strategy(LONG, key, exits=AT_LIMIT), key)
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    yield run_id
    assert desk.until_state(run_id, "closed", timeout=60) == "closed"


def another_person(world: World) -> str:
    """The cookie of somebody without accounts."""
    _, secret = world.desk.services.users.keyring.invite(world.desk.owner_id, Role.TRADER)
    with httpx.Client(base_url=world.address, timeout=30) as client:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(f"/join/{secret}").text)[1]
        form = {"csrf_token": token, "name": "Birla", "password": PASSWORD}
        assert client.post(f"/join/{secret}", data=form).status_code == 303
        return f"desk={client.cookies['desk']}"


def browse(stack: ExitStack, world: World, cookie: str, number: int) -> Stream:
    """One browser: it opens some pages, and keeps the stream of the last."""
    with httpx.Client(base_url=world.address, headers={"Cookie": cookie}, timeout=30) as client:
        for path in ("/", "/positions", "/orders", "/engine"):
            assert client.get(path).status_code == 200
    path = f"/stream?watch=NSE:SBIN&page=p{number}"
    return stack.enter_context(opened(world.port, path, timeout=30, Cookie=cookie))


def calls_at_rest(world: World) -> dict[str, int]:
    """Once none has come for a second."""
    seen: list[dict[str, int]] = [{}]

    def none_came() -> bool:
        seen.append(world.calls())
        return seen[-1] == seen[-2]

    until(none_came, 60, every=1)
    return seen[-1]


def price_types_of_exits(world: World, run_id: str) -> set[str]:
    exits = [order for order in orders_of(world.desk, run_id) if order.purpose == "exit"]
    return {order.price_type for order in exits}


def test_a_frozen_feed_is_stale_and_an_exit_goes_without_its_price(page, world, visitor):
    with held(world, "frozen") as run_id:
        world.paper.fault("price", how="freeze")
        expect(page.locator("[data-feed-badge]")).to_contain_text("Stale since", timeout=SOON)
        expect(page.locator(".tile", has_text="Source")).to_contain_text("None", timeout=SOON)
        hub = world.desk.engine.market.hub
        until(lambda: hub.is_frozen)
        world.desk.exit(run_id)
        until(lambda: price_types_of_exits(world, run_id))
        assert price_types_of_exits(world, run_id) == {"MARKET"}
    visitor.look("engine-frozen")
    world.paper.heal()
    expect_prices(page, "Live", "Streamed")


def test_silence_brings_prices_by_request_and_says_so(page, world):
    world.paper.fault("market_silent")
    expect_prices(page, "REST", "By request (REST)")
    expect(page.locator("[data-feed-badge]")).to_have_attribute("data-state", "slow")
    expect_told(page, "prices are asked for every few seconds (REST)")
    world.paper.heal()
    expect_prices(page, "Live", "Streamed")
    expect_told(page, "Prices are streamed again.")


def test_a_lost_stream_moves_to_the_other_account_and_back(page, world):
    world.paper.fault("market_drop", broker="alpha")
    expect_prices(page, "Live", "Streamed", "From beta")
    expect_told(page, "alpha lost the price stream: prices come from beta now.")
    world.paper.heal()
    expect_prices(page, "Live", "Streamed", "From alpha")
    expect_told(page, "alpha gives prices again and has taken over.")


def test_a_new_broker_login_is_signed_in_and_subscribed_anew_without_leaving_the_account(page, world, monkeypatch):
    feed, hub, switches, cures = world.desk.engine.market.feed, world.desk.engine.market.hub, [], []
    world.desk.services.bus.subscribe(FeedSwitched, switches.append)
    line = feed._line
    cure = line.resubscribe
    monkeypatch.setattr(line, "resubscribe", lambda: cures.append(cure()))
    world.paper.tell("login", broker="alpha", logged_in=True)
    until(lambda: cures, 60)
    until(lambda: hub.last_at > world.desk.services.clock.now() - timedelta(seconds=1), 60)
    expect_prices(page, "Live", "Streamed", "From alpha")
    assert (feed._line, switches) == (line, []), "it is the same connection"


def test_garbage_and_zeros_are_dropped_and_counted_and_the_other_account_takes_over(page, world):
    world.paper.fault("market_garbage", broker="alpha")
    world.paper.fault("price", how="zero", broker="alpha", endpoint="stream")
    expect_prices(page, "Live", "Streamed", "From beta")
    dropped = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Zero", exact=True))
    expect(dropped.get_by_role("cell")).not_to_have_text("0", timeout=SOON)
    expect_told(page, "alpha gave no usable price: prices come from beta now.")


def test_absurd_prices_change_nothing_that_is_shown_or_decided(page, world):
    hub = world.desk.engine.market.hub
    world.paper.fault("price", how="multiply", value=100, symbol="NIFTY")
    until(lambda: hub.dropped["many times the last price, or a fraction of it"] > 3, 60)
    cell = page.locator('.topbar [data-cell="ltp:NSE_INDEX:NIFTY"]')
    assert re.fullmatch(r"\d\d,\d{3}\.\d\d", cell.text_content()), cell.text_content()


def test_ten_open_browsers_add_no_venue_call(page, world):
    """They watch a symbol that nobody holds: it is subscribed once, and priced by one call at most."""
    page.goto("about:blank")
    cookies = ["; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies()), another_person(world)]
    before = calls_at_rest(world)
    with ExitStack() as stack:
        streams = [browse(stack, world, cookie, number) for number in range(5) for cookie in cookies]
        for stream in streams:
            while "ltp:NSE:SBIN" not in stream.hear_until("tick").data:
                pass
        after = world.calls()
        connections = world.desk.engine.market.feed.report().connections
    assert len(connections) == 1
    added = {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}
    assert sum(count for name, count in added.items() if name.endswith("multiquotes")) <= 1, added
    assert not [name for name in added if not name.endswith("multiquotes")], added
    page.goto("/engine")
