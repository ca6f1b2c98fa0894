from decimal import Decimal

import pytest

from app.accounts.events import HealthChanged
from app.accounts.health import Sighting, age_seconds, next_state
from app.accounts.models import HealthState as State
from app.venues.types import FundsReport, Mode
from tests.accounts.conftest import NOW, typed


@pytest.mark.parametrize(
    ("before", "failures", "seen", "after"),
    [
        (State.UNKNOWN, 0, State.OK, (State.OK, 0)),
        (State.UNKNOWN, 0, State.UNREACHABLE, (State.UNREACHABLE, 1)),
        (State.OK, 0, State.UNREACHABLE, (State.OK, 1)),
        (State.OK, 1, State.UNREACHABLE, (State.UNREACHABLE, 2)),
        (State.PAPER, 1, State.OK, (State.OK, 0)),
        (State.OK, 0, State.KEY_WRONG, (State.KEY_WRONG, 0)),
        (State.OK, 0, State.NOT_LOGGED_IN, (State.NOT_LOGGED_IN, 0)),
        (State.NOT_LOGGED_IN, 0, State.UNREACHABLE, (State.UNREACHABLE, 1)),
        (State.UNREACHABLE, 7, State.PAPER, (State.PAPER, 0)),
        (State.APPROVAL_NEEDED, 0, State.OK, (State.APPROVAL_NEEDED, 0)),
        (State.APPROVAL_NEEDED, 0, State.KEY_WRONG, (State.KEY_WRONG, 0)),
    ],
)
def test_the_state_after_a_sighting(before, failures, seen, after):
    assert next_state(before, failures, seen) == after


def test_only_an_order_that_went_through_ends_approval_needed():
    assert next_state(State.APPROVAL_NEEDED, 0, State.OK, ordered=True) == (State.OK, 0)


@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("seen", list(State))
def test_every_pair_of_states_has_an_answer(before, seen):
    assert next_state(before, 5, seen)[0] in (before, seen)


def test_a_book_that_was_read_does_not_make_a_paper_account_live(accounts, health, asha):
    account = accounts.add(asha, typed())
    health.record(account.id, Sighting(State.PAPER, mode=Mode.PAPER))
    assert health.record(account.id, Sighting(State.OK, book_read=True)) is State.PAPER
    assert health.record(account.id, Sighting(State.OK, mode=Mode.LIVE)) is State.OK


def test_a_sighting_is_written_with_its_time_and_silence_changes_nothing(accounts, health, asha, clock):
    account = accounts.add(asha, typed())
    funds = FundsReport(Decimal("120000.50"), used=Decimal(0))
    health.record(account.id, Sighting(State.PAPER, "", 12, "zerodha", Mode.PAPER, funds, "live"))
    clock.forward(30)
    health.record(account.id, Sighting(book_read=True, market_stream="down"))
    row = health.of([account.id])[account.id]
    assert (row.state, row.latency_ms, row.broker, row.mode) == (State.PAPER, 12, "zerodha", "paper")
    assert row.funds == {
        "available": "120000.5", "used": "0", "collateral": None, "realised_pnl": None, "unrealised_pnl": None,
    }  # fmt: skip
    assert (row.funds_at, row.book_read_at) == (NOW, clock.now())
    assert (row.order_stream, row.market_stream) == ("live", "down")
    assert accounts.get(asha, account.id).broker == "zerodha"
    assert age_seconds(row.funds_at, clock.now()) == 30
    assert age_seconds(None, clock.now()) is None


def test_the_venues_own_words_are_kept_after_it_is_well_again(accounts, health, asha, clock):
    account = accounts.add(asha, typed())
    health.record(account.id, Sighting(State.KEY_WRONG, "Invalid openalgo apikey"))
    clock.forward(5)
    health.record(account.id, Sighting(State.OK))
    row = health.of([account.id])[account.id]
    assert (row.state, row.last_error, row.last_error_at) == (State.OK, "Invalid openalgo apikey", NOW)
    assert row.last_ok_at == clock.now()


def test_a_change_of_state_is_announced_once(accounts, health, asha, heard):
    account = accounts.add(asha, typed())
    heard.clear()
    for _ in range(3):
        health.record(account.id, Sighting(State.NOT_LOGGED_IN, "no login"))
    assert heard == [HealthChanged(asha, account.id, "unknown", "broker not logged in", "no login")]


def test_a_removed_account_has_no_health_to_record(accounts, health, asha):
    account = accounts.add(asha, typed())
    accounts.remove(asha, account.id)
    assert health.record(account.id, Sighting(State.OK)) is None
    assert health.record("nobody", Sighting(State.OK)) is None


def test_an_endless_error_is_cut(accounts, health, asha):
    account = accounts.add(asha, typed())
    health.record(account.id, Sighting(State.UNREACHABLE, "x" * 1_000_000))
    assert len(health.of([account.id])[account.id].last_error) == 500
