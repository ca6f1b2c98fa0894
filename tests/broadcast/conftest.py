"""A desk over a new database with a hub, a clock moved by hand and a link that keeps what is sent."""

import pytest

from app.broadcast.coalesce import Broadcaster
from app.feed.events import FeedState, FeedStatus
from app.feed.hub import Hub
from app.portfolio.service import PortfolioService
from app.venues.types import FeedMode, Symbol
from tests.feed.hands import HandClock, quote
from tests.portfolio.rows import NIFTY, NOW, Desk

SYMBOL = Symbol("NFO", NIFTY)


class KeepingLink:
    def __init__(self) -> None:
        self.sent: list[tuple[str, dict]] = []

    def send(self, kind, payload):
        self.sent.append((kind, payload))

    def listen(self, handler):
        pass

    def close(self):
        pass

    def take(self, kind):
        """What was sent of a kind since the last asking."""
        found = [payload for sent, payload in self.sent if sent == kind]
        self.sent = [one for one in self.sent if one[0] != kind]
        return found


class Station:
    def __init__(self, db) -> None:
        self.db = db
        self.clock = HandClock(NOW)
        self.hub = Hub(self.clock)
        self.link = KeepingLink()
        self.desk = Desk(db)
        self.wanted: list[set] = []
        self.modes: dict[Symbol, FeedMode] = {}
        self.broadcaster = Broadcaster(
            db, PortfolioService(db), self.hub, self.link, self.clock, self.status,
            want=self.wanted.append, mode_of=lambda symbol: self.modes.get(symbol, FeedMode.LTP),
        )  # fmt: skip

    def status(self):
        return FeedStatus(FeedState.LIVE, "a1", self.hub.last_at)

    def tick(self, last, symbol=SYMBOL):
        self.hub.take(quote(symbol, last, self.clock.now()))

    def turn(self, seconds=0.25):
        self.clock.forward(seconds)
        self.broadcaster.step()

    def cells(self, owner="u1"):
        """The figures sent to an owner since the last asking, newest last."""
        found = {}
        for payload in self.link.take("tick"):
            if payload["owner"] == owner:
                found |= payload["cells"]
        return found


@pytest.fixture
def station(db):
    return Station(db)
