"""Alerts over a new database: the service that writes them, and the board and keeper that watch, on a clock moved by
hand.
"""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.alerts.board import Board, Prices
from app.alerts.draft import Draft
from app.alerts.keeper import Keeper
from app.alerts.models import AlertFiring
from app.alerts.service import AlertService
from app.audit.trail import Trail
from app.core.link import SilentLink
from app.feed.hub import Hub
from app.instruments.models import Instrument
from app.instruments.service import InstrumentService
from tests.feed.hands import NIFTY, SBIN, HandClock, quote
from tests.portfolio.rows import Desk

LIMIT = timedelta(seconds=5)


class Watchtower:
    def __init__(self, db) -> None:
        self.db = db
        self.clock = HandClock()
        self.desk = Desk(db)
        with db.write() as session:
            for symbol in (NIFTY, SBIN):
                session.add(listed(symbol, self.clock.now()))
        self.instruments = InstrumentService(db)
        self.service = AlertService(db, self.clock, SilentLink(), Trail(db, self.clock), self.instruments)
        self.is_open = True
        self.start()

    def start(self) -> None:
        """As an engine that begins: nothing is known but the rows."""
        self.hub = Hub(self.clock)
        prices = Prices(lambda s: self.hub.fresh(s, self.clock.now(), LIMIT), lambda *_: self.is_open, LIMIT)
        self.events: list[object] = []
        self.board = Board(self.clock, prices, lambda: None)
        self.keeper = Keeper(self.db, self.clock, self.board, self.hand, self.events.append)
        self.handed: list[str] = []
        self.hub.listen(self.board.take)
        self.keeper.step()

    def hand(self, _session, firing, _alert) -> None:
        self.handed.append(firing.words)

    def create(self, **more) -> str:
        usual = {
            "subject": "price",
            "exchange": NIFTY.exchange,
            "symbol": NIFTY.name,
            "condition": "above",
            "level": 105,
        }
        alert_id = self.service.create("u1", Draft.model_validate(usual | more))
        self.turn()
        return alert_id

    def turn(self, seconds=1.5) -> None:
        self.clock.forward(seconds)
        self.keeper.step()

    def tick(self, last, symbol=NIFTY, seconds=0.1, **more) -> None:
        self.clock.forward(seconds)
        self.hub.take(quote(symbol, last, self.clock.now(), **more))
        self.keeper.step()

    def told(self) -> list[Decimal]:
        """The values at which anything fired, oldest first."""
        return [firing.value for firing in reversed(self.firings())]

    def firings(self) -> list[AlertFiring]:
        return list(self.service.firings("u1"))


def listed(symbol, at) -> Instrument:
    return Instrument(
        venue_kind="openalgo", exchange=symbol.exchange, symbol=symbol.name, name=symbol.name, kind="EQ",
        lot_size=Decimal(1), tick=Decimal("0.05"), source="openalgo", synced_at=at, active=True,
    )  # fmt: skip


@pytest.fixture
def tower(db) -> Watchtower:
    return Watchtower(db)
