"""When an account's books are read for the screen: fast while something is held, after orders, and in budget."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from app.accounts.health import HealthService
from app.broadcast.keeper import Keeper
from app.broadcast.parts import Part
from app.broadcast.rates import Rates
from app.core.errors import Retry
from app.engine.crew import rates_of
from app.engine.figures import Books, Figures
from app.portfolio.snapshots import Snapshots
from app.venues.types import FundsReport
from tests.broadcast.conftest import KeepingLink
from tests.broadcast.test_parts import held
from tests.feed.hands import HandClock
from tests.portfolio.rows import NOW, Desk

RATES = Rates(figures=2, figures_idle=30, trades=10, trades_idle=60, per_minute=60)


@dataclass
class Venue:
    """What a venue says is set by the test; each call is noted."""

    quantity: int = 0
    asked: list[str] = field(default_factory=list)
    trouble: Retry | None = None
    capabilities: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(currency="INR"))

    def positions(self):
        self.asked.append("positions")
        return [held(self.quantity)]

    def funds(self):
        self.asked.append("funds")
        return FundsReport(Decimal(100))

    def trades(self):
        self.asked.append("trades")
        if self.trouble:
            raise self.trouble
        return []


@dataclass
class Stand:
    venue: Venue
    clock: HandClock
    books: Books
    figures: Figures

    def pass_by(self, seconds):
        """What is asked meanwhile, when every reading is made as soon as it is due."""
        self.venue.asked.clear()
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() + (pause := max(0.05, self.figures.due_in())) <= end:
            self.clock.forward(pause)
            self.figures.glance()
        self.clock.forward(end - self.clock.monotonic())
        return {name: self.venue.asked.count(name) for name in ("positions", "funds", "trades")}


@pytest.fixture
def stand(db):
    Desk(db).account("a1")
    clock, venue = HandClock(NOW), Venue()
    keeper = Keeper(db, KeepingLink(), clock, lambda _event: None)
    books = Books(keeper, Snapshots(db), HealthService(db, clock), clock, RATES)
    made = Stand(venue, clock, books, Figures(books, "a1", venue, RATES, lambda: 1.0))
    made.figures.glance()
    return made


def test_a_flat_account_is_read_slowly_and_one_that_holds_something_fast(stand):
    assert stand.pass_by(60) == {"positions": 2, "funds": 2, "trades": 1}
    stand.venue.quantity = 75
    stand.pass_by(31)
    assert stand.pass_by(40) == {"positions": 20, "funds": 20, "trades": 4}
    stand.venue.quantity = 0
    stand.pass_by(3)
    assert stand.pass_by(60) == {"positions": 2, "funds": 2, "trades": 1}


def test_other_quantities_than_before_are_told_so_that_a_look_follows(stand):
    stand.venue.quantity = 75
    stand.clock.forward(30)
    assert stand.figures.glance() is True
    stand.clock.forward(2)
    assert stand.figures.glance() is False


def test_readings_give_way_while_orders_are_on_their_way(stand):
    stand.figures.is_busy = lambda: True
    assert stand.pass_by(120) == {"positions": 0, "funds": 0, "trades": 0}
    stand.figures.is_busy = lambda: False
    assert stand.pass_by(1)["positions"] == 1


def test_no_more_is_read_in_a_minute_than_the_budget_allows_whatever_the_rates(stand):
    stand.venue.quantity = 75
    hasty = Rates(figures=0.1, figures_idle=0.1, trades=1, trades_idle=1, per_minute=60)
    stand.figures = Figures(stand.books, "a1", stand.venue, hasty, lambda: 1.0)
    for _ in range(3):
        assert sum(stand.pass_by(60).values()) <= 62  # the last glance may begin within it and read its pair


def test_with_many_accounts_each_is_read_less_often(stand):
    stand.venue.quantity = 75
    stand.figures = Figures(stand.books, "a1", stand.venue, RATES, lambda: 4.0)
    stand.pass_by(200)
    assert stand.pass_by(80)["positions"] == 10


def test_a_trade_book_that_fails_takes_nothing_away_and_is_counted(stand):
    stand.venue.trouble = Retry("The broker has no data.")
    assert stand.pass_by(60)["positions"] == 2
    stand.books.keeper.step()
    assert stand.books.keeper.read_at("a1", Part.POSITIONS) > NOW + timedelta(seconds=30)


def test_what_was_read_since_somebody_asked_is_not_read_again_and_beyond_the_budget_they_wait(stand):
    stand.clock.forward(1)
    asked_at = stand.clock.now()
    stand.clock.forward(1)
    stand.venue.asked.clear()
    assert stand.figures.refresh(Part.POSITIONS, asked_at) == 0.0
    assert stand.figures.refresh(Part.POSITIONS, asked_at) == 0.0
    assert stand.venue.asked == ["positions"]
    for _ in range(60):
        stand.figures.funds()
    stand.clock.forward(1)
    assert 0 < stand.figures.refresh(Part.POSITIONS, stand.clock.now()) <= 60


def test_an_account_may_have_rates_of_its_own():
    own = SimpleNamespace(poll_seconds=Decimal("0.5"), reads_per_minute=900)
    assert rates_of(own, RATES) == Rates(0.5, 30, 10, 60, 900)
    assert rates_of(SimpleNamespace(poll_seconds=None, reads_per_minute=None), RATES) == RATES
