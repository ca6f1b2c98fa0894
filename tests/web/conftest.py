"""The web door over services with a new database of their own, and browsers for whoever a test needs."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from argon2 import PasswordHasher

import config
from app.audit.trail import Trail
from app.core.clock import SystemClock
from app.core.crypto import Vault, load_keys
from app.core.db import Base, Database
from app.core.link import SilentLink
from app.users import service
from app.users.passwords import Passwords
from app.web import create_app
from tests.web.client import Browser

PASSWORD = "seven lanterns by the canal"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def settings(instance):
    return replace(config.load(), rate_limits=False)


@pytest.fixture
def services(settings):
    db, clock = Database(settings.database_url), SystemClock()
    Base.metadata.create_all(db.writer)
    trail = Trail(db, clock)
    yield SimpleNamespace(
        settings=settings,
        clock=clock,
        db=db,
        vault=Vault(load_keys(settings.encryption_keys, settings.key_file)),
        link=SilentLink(),
        trail=trail,
        users=service.build(db, clock, trail.record, Passwords(CHEAP), settings.session_hours),
    )
    db.close()


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
