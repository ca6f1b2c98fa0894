"""The whole engine over PostgreSQL, with and without Redis: the same trades, the same books, one engine at a time."""

from datetime import timedelta

import pytest

from app.core.clock import SystemClock
from app.execution.lease import TERM, Lease
from app.execution.states import OrderState
from app.strategies.waves import AccountRunState
from app.wiring import build
from tests.core.test_db import together
from tests.engine.desks import desk, settings_for
from tests.waiting import until


def test_a_strategy_goes_in_and_out_of_three_accounts_and_every_book_agrees(instance, postgres_url, redis_server):
    with desk(instance, database_url=postgres_url, redis_url=redis_server) as made:
        heard: list[str] = []
        web = build(settings_for(instance, database_url=postgres_url, redis_url=redis_server), "web")
        web.link.listen(lambda kind, payload: heard.append(kind))
        run_id = made.run(made.strategy())
        until(lambda: {part.state for part in made.parts(run_id).values()} == {AccountRunState.OPEN}, 30)
        web.strategies.exit_run(made.owner_id, run_id, "by hand", "trader")  # in another process it is a nudge alone
        until(lambda: {part.state for part in made.parts(run_id).values()} == {AccountRunState.CLOSED}, 40)
        made.assert_books_agree()
        assert {order.state for order in made.orders()} == {OrderState.FILLED}
        assert not any(row["quantity"] for broker in made.accounts for row in made.paper.books(broker)["positions"])
        until(lambda: heard)
        web.close()
        assert made.services.trail.verify().holds


class Hands:
    def __init__(self) -> None:
        self.time = SystemClock().now()

    def now(self):
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def db(postgres_db):
    return postgres_db


def test_of_eight_engines_one_leads(db):
    clock = Hands()
    leases = [Lease(db, clock, f"engine-{number}") for number in range(8)]
    assert sorted(together(8, lambda number: leases[number].take())) == [False] * 7 + [True]
    assert sorted(together(8, lambda number: leases[number].take())) == [False] * 7 + [True]


def test_a_lease_that_ran_out_is_taken_once_and_its_first_holder_claims_nothing_more(db):
    clock = Hands()
    leases = [Lease(db, clock, f"engine-{number}") for number in range(8)]
    first = leases[0]
    assert first.take()
    before = first.claimant
    clock.time += TERM + timedelta(seconds=1)
    took = together(7, lambda number: leases[number + 1].take())
    assert sorted(took) == [False] * 6 + [True]
    winner = leases[took.index(True) + 1]
    assert winner.epoch == before.epoch + 1
    assert not first.take()


def test_a_lease_let_go_is_taken_at_once(db):
    clock = Hands()
    first, second = Lease(db, clock, "first"), Lease(db, clock, "second")
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
