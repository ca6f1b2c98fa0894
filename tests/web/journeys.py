"""What a journey in a browser starts from: a desk that was set up, served by its own processes, and a person in it."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, expect

from app.commands.demo import always_open
from app.commands.setup import services_of
from app.users.door import Visitor as From
from app.wiring import Services
from config import Settings, load
from tests.commands.running import running
from tests.migrated import migrate
from tests.paper.running import PaperBroker, PaperServer
from tests.servers import free_port
from tests.waiting import until
from tests.web.visitor import Visitor

PERSON, PASSWORD = "Asha", "seven lanterns by the canal"
READY = 180.0  # seconds at most: the machine may be busy
SAYS = {"web": "The web is ready.", "engine": "The engine is ready."}


def settings_of(folder: Path) -> Settings:
    return load({"MIRRORDESK_INSTANCE": str(folder)})


@contextmanager
def begun(folder: Path) -> Iterator[Services]:
    """A desk as its first command leaves it; nothing of it runs."""
    settings = settings_of(folder)
    migrate(settings.database_url)
    with services_of(settings) as services:
        services.instruments.seed()
        yield services


def first_person(services: Services) -> str:
    return services.users.door.found(PERSON, PASSWORD, From("127.0.0.1", "tests")).user.id


@contextmanager
def served(folder: Path, *others: str) -> Iterator[str]:
    """The desk's web, and other processes of it, started at once; the address of the web."""
    port = free_port()
    with ExitStack() as stack:
        commands = [("web", "--port", str(port)), *((name,) for name in others)]
        here = {"MIRRORDESK_INSTANCE": str(folder)}
        started = [(stack.enter_context(running(folder, *each, **here)), SAYS[each[0]]) for each in commands]
        for process, words in started:
            process.wait_until_it_says(words)
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class Market:
    address: str
    paper: PaperServer


@contextmanager
def at_the_market(folder: Path, *more: str) -> Iterator[Market]:
    """A desk with an account at a paper broker, and one at each of those named, whose market never closes; the lists
    of contracts were read. The first broker keeps no stops and targets, as most do; the others do."""
    listed = [{"name": name, "cash": "100000000", "gtt": name != "alpha"} for name in ("alpha", *more)]
    with ExitStack() as stack:
        paper = stack.enter_context(PaperServer(listed, start="now", sessions="always"))
        with begun(folder) as services:
            always_open(services)
            owner_id = first_person(services)
            for broker in paper.brokers.values():
                services.accounts.add(owner_id, account_at(broker))
            address = stack.enter_context(served(folder, "engine"))
            until(lambda: services.instruments.expiries("openalgo", "NFO", "NIFTY", ("CE",)), READY)
        yield Market(address, paper)


def account_at(broker: PaperBroker) -> dict[str, str]:
    """As its form is filled in."""
    return {
        "name": broker.name.title(), "venue_kind": "openalgo", "host_url": broker.rest_url, "stream_url": broker.ws_url,
        "api_key": broker.api_key, "default_product": "NRML", "expected_mode": "live", "max_in_flight": "10",
        "orders_per_second": "10",
    }  # fmt: skip


@contextmanager
def signed_in(browser: Browser, address: str, name: str = PERSON, password: str = PASSWORD) -> Iterator[Visitor]:
    """A person at the dashboard."""
    visitor = Visitor(browser, address)
    page = visitor.page
    page.goto("/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/$"))
    yield visitor
    visitor.close()
