"""A step of a way out is taken in the transaction of the news it follows from, whatever answer is still on its way."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from app.core.db import Database
from app.execution.intake import Patience
from app.execution.models import Order
from app.strategies.models import AccountRun
from tests.engine.adversary import Adversary
from tests.engine.lives import PART, Life, begin_run
from tests.execution.journaling import HandClock
from tests.portfolio.rows import Desk as Rows


@pytest.fixture
def life(db: Database) -> Iterator[Life]:
    clock = HandClock()
    Rows(db).account("a1")
    begin_run(db, clock.now())
    made = Life(db, clock, Adversary(clock), Patience(3, timedelta(seconds=10)), 1)
    made.begin()
    yield made
    made.close()


def orders(life: Life, purpose: str) -> list[Order]:
    with life.db.read() as session:
        return list(session.scalars(select(Order).where(Order.purpose == purpose).order_by(Order.id)))


def one_buy_answered_and_the_others_on_their_way(life: Life) -> None:
    life.lane.free = 10
    life.step()
    assert [order.state for order in orders(life, "entry")] == ["sending"] * 3 + ["new"] * 3
    life.lane.pop(0).do()
    life.settle()


def ask_for_the_exit(life: Life) -> None:
    with life.db.write() as session:
        values = {"exit_reason": "by hand", "exit_by": "u1", "exit_at": life.clock.now()}
        session.execute(update(AccountRun).where(AccountRun.id == PART).values(**values))


def fill_what_works(life: Life) -> None:
    (working,) = life.venue.working()
    life.venue.fill(working, working.quantity, Decimal(100))
    life.hear(life.venue.pushes[-1])


def test_what_fills_after_the_exit_was_asked_leaves_at_once_although_another_answer_is_awaited(life: Life) -> None:
    one_buy_answered_and_the_others_on_their_way(life)
    ask_for_the_exit(life)
    life.step()
    assert orders(life, "exit") == []
    fill_what_works(life)
    (leaving,) = orders(life, "exit")
    assert (leaving.quantity, leaving.state) == (Decimal(130), "sending")


def test_while_it_enters_a_fill_decides_nothing_before_the_answers_are_there(life: Life) -> None:
    one_buy_answered_and_the_others_on_their_way(life)
    fill_what_works(life)
    assert [order.state for order in orders(life, "entry")] == ["filled"] + ["sending"] * 2 + ["new"] * 3
