"""Callers of the JSON door: people with their session, programs with a token; and what they find there."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.ids import new_id
from app.instruments import families
from app.instruments.models import Instrument
from app.portfolio.models import VenuePosition, VenueReading
from app.users.api_tokens import TokenWish
from tests.web.trading import NIFTY, Desk


@dataclass
class Caller:
    """Calls with what proves it, and reads every answer as JSON."""

    client: FlaskClient
    headers: dict[str, str]

    def call(self, method: str, path: str, status: int = 0, headers: Any = (), **more: Any) -> TestResponse:
        answer = self.client.open(path, method=method, headers=self.headers | dict(headers), **more)
        assert not status or answer.status_code == status, (method, path, answer.status_code, answer.text[:1000])
        if answer.data:
            assert answer.mimetype == "application/json", (path, answer.mimetype)
        return answer

    def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return self.call("GET", path, status, **more).json

    def post(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        return self.call("POST", path, status, json=body, **more).json

    def put(self, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        return self.call("PUT", path, status, json=body, **more).json

    def delete(self, path: str, status: int = 204, **more: Any) -> Any:
        return self.call("DELETE", path, status, **more)


@pytest.fixture
def person(admin) -> Caller:
    """The first person of the desk, in their browser."""
    return session_of(admin)


@pytest.fixture
def program(app, services, admin):
    """`program("read", "trade")` is a program of the first person's."""

    def make(*scopes: str) -> Caller:
        user = services.users.people.named("Asha")
        _, secret = services.users.keyring.create_token(user.id, TokenWish("test", list(scopes), []))
        return Caller(app.test_client(), {"Authorization": f"Bearer {secret}"})

    return make


@pytest.fixture
def bot(program) -> Caller:
    return program("read", "trade", "manage")


def session_of(browser) -> Caller:
    token = browser.client.get("/api/v1/me").json["csrf_token"]
    return Caller(browser.client, {"X-CSRFToken": token})


@pytest.fixture
def world(services, admin) -> SimpleNamespace:
    """Two accounts of the first person's, a strategy, a live run in one of them, an open order, a book read."""
    desk = Desk(services)
    first, second = desk.account("Demo 1", is_primary=True), desk.account("Demo 2")
    strategy_id = desk.strategy(first, second)
    run = desk.run(first, strategy_id=strategy_id)
    part = services.strategies.parts(desk.owner_id, run.id)[0]
    leg = services.strategies.leg_runs(desk.owner_id, run.id)[0]
    order = desk.order(first, state="open")
    desk.save(instrument(services))
    families.refresh(services.db, "openalgo", "NFO")
    desk.save(
        VenueReading(account_id=first.id, positions_at=services.clock.now()),
        VenuePosition(
            id=new_id(), account_id=first.id, product="NRML", quantity=Decimal(-1820), average_price=Decimal("171.05"),
            last_price=Decimal("168.4"), pnl=Decimal("4823"), seen_at=services.clock.now(), **NIFTY,
        ),
    )  # fmt: skip
    webhook_id, _ = desk.webhook(strategy_id)
    return SimpleNamespace(
        webhook=webhook_id, signal=desk.signal(webhook_id),
        desk=desk, account=first.id, other=second.id, strategy=strategy_id, run=run.id, part=part.id, leg=leg.id,
        order=order.id, errand=desk.answer(strategy_id, first), ticket=desk.ticket(first).id,
        batch=desk.order(first, state="cancelled", cancel_batch=new_id()).cancel_batch,
        event=desk.limit_event(second), watchlist=desk.watchlist("Mine"), alert=desk.alert().id, message=desk.message(),
        recording=desk.recording().id, replay=desk.played(strategy_id),
    )  # fmt: skip


def instrument(services) -> Instrument:
    return Instrument(
        id=new_id(), venue_kind="openalgo", name="NIFTY", kind="CE", expiry=date(2026, 12, 24), strike=Decimal(24400),
        lot_size=Decimal(65), tick=Decimal("0.05"), freeze_quantity=Decimal(1755), source="demo",
        synced_at=services.clock.now(), **NIFTY,
    )  # fmt: skip


def address(path: str, world: SimpleNamespace) -> str:
    """A path of the OpenAPI document with the ids of the world in it."""
    ids = {
        "account_id": world.account, "strategy_id": world.strategy, "run_id": world.run, "account_run_id": world.part,
        "leg_run_id": world.leg, "order_id": world.order, "errand_id": world.errand, "token_id": "x",
        "ticket_id": world.ticket, "batch_id": world.batch, "watchlist_id": world.watchlist, "alert_id": world.alert,
        "notification_id": world.message, "recording_id": world.recording, "replay_id": world.replay,
        "exchange": NIFTY["exchange"], "symbol": NIFTY["symbol"], "difference_id": "x", "foreign_seq": "0",
        "override_id": "x", "number": "1", "template_id": "x", "entry_id": "x",
        "event_id": world.event, "webhook_id": world.webhook, "signal_id": world.signal,
    }  # fmt: skip
    return path.format(**ids)
