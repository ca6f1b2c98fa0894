"""Limits of a day over real rows: one event for each touch, a block that ends with the day or with a reason, and a
gate that counts what is committed and what the same unit of work lets through."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.accounts.states import TradingState
from app.audit.trail import Trail
from app.core.actors import Actor, acting
from app.core.clock import day_in_india
from app.core.errors import Denied, Invalid, NotFound
from app.core.link import SilentLink
from app.execution.desk import submit, submit_all
from app.execution.flattening import Flattener
from app.instruments.service import InstrumentService
from app.portfolio.service import PortfolioService
from app.risk import day_keeping
from app.risk.day_gate import DayGate
from app.risk.day_known import KnownLimits
from app.risk.day_monitor import DayStake, DayTrigger
from app.risk.day_rules import DayRules, bounds_of
from app.risk.day_service import DayLimitService
from app.risk.gate import gate, why_stopped
from app.risk.killing import Means
from app.risk.models import KillSwitch, RiskEvent, TradingStand
from app.risk.monitor import Seen
from app.risk.service import Asker, RiskService
from app.risk.states import Extent, Kind
from app.strategies.gone import gone_by_hand
from app.strategies.stopping import StoppableRuns
from tests.execution.journaling import LOT, Journaling
from tests.execution.reports import OPTION
from tests.risk.test_risk import a_run, part

MINE, FIRST = Extent(Kind.USER, "u1"), Extent(Kind.ACCOUNT, "a1")
LOSS = {"max_loss": {"value": "20000", "action": "block"}}


class Days:
    """The rows' side of limited days, as the wiring puts it together."""

    def __init__(self, made: Journaling) -> None:
        self.made = made
        instruments = InstrumentService(made.db, made.clock)
        means = Means(StoppableRuns(), Flattener(instruments, gate, gone_by_hand))
        trail = Trail(made.db, made.clock)
        self.service = DayLimitService(made.db, made.clock, SilentLink(), trail, means)
        self.risk = RiskService(made.db, made.clock, SilentLink(), trail, means)
        known = KnownLimits(made.db, made.clock, 0.0)
        self.gate = DayGate(made.db, made.clock, known, PortfolioService(made.db), instruments)
        self.gate.price_of = lambda _symbol: Decimal(100)

    def limit(self, extent: Extent = FIRST, **written) -> None:
        self.service.save("u1", extent, DayRules.model_validate(written))

    def touch(self, extent: Extent = FIRST) -> RiskEvent | None:
        """Its only limit of the day's profit is touched."""
        now, one = self.made.clock.now(), self.service.of("u1", extent)
        (bound,) = bounds_of(one.rules, extent.slot, day_in_india(now), one.equity)
        stake = DayStake(extent, "u1", one.name, day_in_india(now), Decimal(0), {}, (bound,))
        seen = (Seen(OPTION, Decimal(90), now - timedelta(seconds=1)),)
        trigger = DayTrigger(stake, bound, bound.at(Decimal(0)), Decimal(-20_100), Decimal(0), seen, now)
        with self.made.db.write() as session:
            acted = self.service.act(session, trigger, now)
        return acted.event if acted else None

    def enter(self, key: str = "k", **more):
        with self.made.db.write() as session:
            return submit(session, self.made.wish(key, **more), self.made.clock.now(), self.gate)

    def rows(self, model):
        with self.made.db.read() as session:
            return session.scalars(select(model)).all()


@pytest.fixture
def days(any_desk) -> Days:
    return Days(any_desk)


def test_a_touch_is_one_event_and_blocks_entries_until_somebody_releases_it_with_a_reason(days) -> None:
    days.limit(**LOSS)
    (waiting,) = days.enter("waits")
    event = days.touch()
    assert (event.key, event.action, event.did) == (
        "account:a1:2026-11-20:max_loss:20000:amount:block", "block", "no new entries; entries withdrawn: 1",
    )  # fmt: skip
    assert event.prices == [{"exchange": OPTION.exchange, "symbol": OPTION.name, "price": "90", "age_ms": 1000}]
    assert days.touch() is None, "a restart repeats nothing"
    assert len(days.rows(RiskEvent)) == 1
    assert days.made.story(waiting) == ["new", "cancelled"]
    with pytest.raises(Denied, match="a1 takes no new entries: reducing, set by max loss of the day at 11:30, because"):
        days.enter("late")
    assert days.enter("x", purpose="exit")
    assert days.enter("other", account_id="a2")
    with pytest.raises(Invalid):
        days.service.release("u1", event.id, " ")
    with pytest.raises(NotFound):
        days.service.release("u2", event.id, "mine")
    with acting(Actor("u1", "Asha")):
        days.service.release("u1", event.id, "one more trade")
    with pytest.raises(Denied, match="released already, by Asha"):
        days.service.release("u1", event.id, "again")
    assert days.enter("late")
    assert days.touch() is None, "a limit that was released acts no more on that day"
    days.limit(max_loss={"value": "30000"})
    assert days.touch() is not None, "a limit that was changed is another one"


def test_a_block_ends_with_the_day_and_only_then(days) -> None:
    days.limit(MINE, **LOSS)
    days.touch(MINE)
    days.made.clock.pass_by(12 * 3600)
    with days.made.db.write() as session:
        assert days.service.lift(session, days.made.clock.now()) == set()
    days.made.clock.pass_by(3600)
    with days.made.db.write() as session:
        assert days.service.has_over(session, days.made.clock.now())
        assert days.service.lift(session, days.made.clock.now()) == {"u1"}
    assert days.enter()
    assert days.rows(TradingStand) == []
    assert days.rows(RiskEvent)[0].released_by == "the next trading day"
    assert days.touch(MINE).day == day_in_india(days.made.clock.now()), "the next day is a new one"


def test_flattening_goes_the_way_of_the_kill_switch_and_the_state_is_reducing(days) -> None:
    a_run(days.made, "open")
    days.limit(max_loss={"value": "20000", "action": "flatten"})
    event = days.touch()
    assert event.did == "no new entries; exits decided: 1"
    assert part(days.made).exit_reason == "max loss of the day: profit of the day -20100 reached -20000"
    assert part(days.made, "a2").exit_reason is None
    (kill,) = days.rows(KillSwitch)
    assert (kill.by, kill.flatten, kill.released_at) == ("max loss of the day", True, None)
    assert days.risk.standing(Asker("u1"), FIRST).is_active, "what a person said of it stays as it was"
    with days.made.db.read() as session:
        assert "reducing" in why_stopped(session, "u1", "a1")
    days.service.release("u1", event.id, "flat now")
    assert days.rows(KillSwitch)[0].released_at is not None
    assert part(days.made).exit_reason is not None, "a decided exit goes on"


def test_a_person_who_goes_on_does_not_lift_what_a_limit_said(days) -> None:
    days.limit(**LOSS)
    days.touch()
    days.risk.set_state(Asker("u1"), FIRST, TradingState.HALTED, "lunch")
    with pytest.raises(Denied, match="halted"):
        days.enter()
    days.risk.press(Asker("u1"), FIRST, False)
    days.risk.release(Asker("u1"), FIRST)
    with pytest.raises(Denied, match="reducing, set by max loss of the day"):
        days.enter()


def test_the_gate_counts_what_is_committed_and_what_the_same_unit_lets_through(days) -> None:
    days.limit(entries=3)
    days.enter("first")
    wishes = [days.made.wish(f"w{n}") for n in range(3)] + [days.made.wish("other", account_id="a2")]
    with days.made.db.write() as session:
        *_, third, other = submit_all(session, wishes, days.made.clock.now(), days.gate)
    assert isinstance(third, Denied)
    assert third.message == "a1: entries of the day may be 3 and would be 4. Nothing was sent."
    assert len(other) == 1
    with pytest.raises(Denied, match="entries of the day may be 3 and would be 4"):
        days.enter("w2")
    assert days.enter("x", purpose="exit"), "a way out is never counted"
    days.made.clock.pass_by(24 * 3600)
    assert days.enter("next day")


def test_a_wish_counts_as_the_orders_it_is_cut_into(days) -> None:
    """55 lots of 65 under a freeze of 1800 are 1755 + 1755 + 65."""
    for limit in ("open_orders", "orders_per_minute"):
        days.limit(**{limit: 2})
        with pytest.raises(Denied, match=f"{limit.replace('_', ' ')} may be 2 and would be 3"):
            days.enter(limit, quantity=55 * LOT)
    days.limit(open_orders=3, orders_per_minute=3)
    assert len(days.enter("fits", quantity=55 * LOT)) == 3


def test_a_desk_counts_all_of_its_accounts(days) -> None:
    days.limit(MINE, exposure={"value": str(100 * LOT * 2)})
    days.enter("a", account_id="a1")
    days.enter("b", account_id="a2")
    with pytest.raises(Denied, match="Your desk: exposure may be 13000 and would be 19500. Nothing was sent."):
        days.enter("c", account_id="a2")


def test_legs_of_a_part_that_is_not_sent_take_no_room_from_others(days) -> None:
    days.limit(MINE, symbol_exposure={"value": str(100 * LOT * 2)})
    legs = [days.made.wish(f"a{n}", account_run_id="p1", quantity=LOT * n) for n in (2, 1)]
    legs.append(days.made.wish("b", account_id="a2", account_run_id="p2", quantity=LOT * 2))
    with days.made.db.read() as session:
        first, second, other = [days.gate(session, wish) for wish in legs]
    assert (first, other) == (None, None)
    assert "exposure per symbol" in second


def test_equity_of_the_day_is_the_first_that_was_read(days) -> None:
    funds = {"available": "90000", "used": "10000", "collateral": "5000"}
    assert day_keeping.equity_of(funds, counts_collateral=False) == 100_000
    assert day_keeping.equity_of(funds, counts_collateral=True) == 105_000
    assert day_keeping.equity_of({"available": "1"}, counts_collateral=True) is None
    now = days.made.clock.now()
    for equity in (100_000, 90_000):
        with days.made.db.write() as session:
            day_keeping.keep_equity(session, {"a1": (Decimal(equity), now)}, now)
    assert days.service.of("u1", FIRST).equity == 100_000
    assert days.service.of("u1", MINE).equity is None, "of two accounts one is not known"
