"""The web door over services with a new database of their own, and browsers for whoever a test needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from types import SimpleNamespace

import pytest
from argon2 import PasswordHasher
from flask import Blueprint, request
from sqlalchemy import event

import config
from app import wiring
from app.core import errors
from app.users import service
from app.users.passwords import Passwords
from app.web import create_app
from app.web.current import identity
from app.web.tiers import tier
from tests.databases import lay_tables
from tests.web.client import Browser
from tests.web.journeys import PASSWORD, Market, at_the_market, signed_in
from tests.web.visitor import Visitor

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def settings(instance):
    return replace(config.load(), rate_limits=False)


@pytest.fixture
def services(settings):
    """What `wiring` puts together, with cheap hashing; a test may put another part in the place of one."""
    lay_tables(settings.database_url)
    built = wiring.build(settings)
    parts = {field.name: getattr(built, field.name) for field in fields(built)}
    parts["users"] = service.build(built.db, built.clock, built.trail.record, Passwords(CHEAP), settings.session_hours)
    yield SimpleNamespace(**parts)
    built.close()


@pytest.fixture
def still(services, monkeypatch):
    """`with still():` no time passes: nothing that is kept for a moment is read anew, however slow the machine is."""

    @contextmanager
    def stand():
        at = services.clock.now()
        with monkeypatch.context() as patched:
            patched.setattr(services.clock, "now", lambda: at)
            yield

    return stand


@pytest.fixture
def reads(services):
    """`with reads() as seen:` collects the statements the database is sent meanwhile."""

    @contextmanager
    def collect():
        seen: list[str] = []

        def note(_connection, _cursor, statement, *_more):
            if not statement.startswith("BEGIN"):
                seen.append(statement)

        event.listen(services.db.reader, "before_cursor_execute", note)
        yield seen
        event.remove(services.db.reader, "before_cursor_execute", note)

    return collect


@pytest.fixture
def app(services):
    app = create_app(services)
    app.testing = True
    return app


@pytest.fixture
def stranger(app) -> Browser:
    return Browser(app.test_client())


@pytest.fixture
def admin(app) -> Browser:
    """The first person of the desk, signed in."""
    browser = Browser(app.test_client())
    browser.submit("/first-run", name="Asha", password=PASSWORD)
    return browser


@pytest.fixture
def invited(app, admin):
    """`invited("trader", "Birla")` gives another person's browser, signed in."""

    def join(role: str, name: str) -> Browser:
        page = admin.submit("/settings/users/invites", "/settings/users", status=200, role=role, password=PASSWORD)
        link = page.text.split("/join/")[1].split("<")[0]
        browser = Browser(app.test_client())
        browser.submit(f"/join/{link}", name=name, password=PASSWORD)
        return browser

    return join


@pytest.fixture
def probe(services):
    """The app with a few routes more: an API that answers and one that fails as it is told."""
    app = create_app(services)
    app.testing = True
    app.register_blueprint(probes())
    return app


@pytest.fixture
def client(probe):
    """A signed-in client of `probe`; `client.csrf` is its token."""
    browser = Browser(probe.test_client())
    browser.submit("/first-run", name="Asha", password=PASSWORD)
    browser.client.csrf = browser.token("/settings")
    return browser.client


@pytest.fixture
def market(tmp_path) -> Iterator[Market]:
    with at_the_market(tmp_path / "desk") as market:
        yield market


@pytest.fixture
def address(market) -> str:
    """Where the desk of a journey is; a file whose desk is another one says so."""
    return market.address


@pytest.fixture
def visitor(chromium, address) -> Iterator[Visitor]:
    """The first person of that desk, signed in."""
    with signed_in(chromium, address) as visitor:
        yield visitor


def probes() -> Blueprint:
    bp = Blueprint("probe", __name__)

    @bp.get("/api/probe")
    def read():
        return {"owner": identity().user.name}

    @bp.post("/api/probe")
    def change():
        return {"got": request.get_json()}

    @bp.get("/api/probe/raise/<kind>")
    def fail(kind):
        if kind == "Invalid":
            raise errors.Invalid.field("quantity", "Must be more than zero.")
        raise getattr(errors, kind)("the sentence") if hasattr(errors, kind) else ZeroDivisionError("1/0")

    @bp.get("/probe/broken")
    def broken():
        raise ZeroDivisionError("1/0")

    @bp.get("/api/probe/heavy")
    @tier("heavy")
    def heavy():
        return {}

    @bp.get("/api/probe/socket")
    @tier("websocket")
    def socket():
        return {}

    return bp
