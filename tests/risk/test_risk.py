"""Trading states and the kill switch over real rows: what waited is not sent after; nothing comes back."""

import threading

import pytest
from sqlalchemy import select, update

from app.accounts.states import TradingState
from app.audit.trail import Trail
from app.core.actors import Actor, acting
from app.core.errors import Denied
from app.core.link import SilentLink
from app.execution.desk import submit
from app.execution.flattening import Flattener
from app.execution.models import OrderChange
from app.execution.states import OrderState
from app.execution.terms import LESSEN
from app.instruments.service import InstrumentService
from app.risk.gate import gate, why_stopped
from app.risk.killing import Means
from app.risk.models import KillSwitch
from app.risk.service import Asker, RiskService
from app.risk.states import WHOLE_DESK, Extent, Kind
from app.strategies.gone import gone_by_hand
from app.strategies.models import AccountRun, Run, Strategy
from app.strategies.runner import Runner
from app.strategies.stopping import StoppableRuns
from app.venues.types import OrderStatus
from tests.execution.journaling import LOT, Journaling, row

ME, ADMIN, SOMEBODY = Asker("u1"), Asker("u1", for_all=True), Asker("u2")
MINE, FIRST = Extent(Kind.USER, "u1"), Extent(Kind.ACCOUNT, "a1")
EXTENTS = [WHOLE_DESK, MINE, FIRST, Extent(Kind.STRATEGY, "s1")]
R, H = TradingState.REDUCING, TradingState.HALTED


@pytest.fixture
def risk(any_desk) -> RiskService:
    return risk_of(any_desk)


def risk_of(journaling: Journaling) -> RiskService:
    return RiskService(  # as the wiring makes it
        journaling.db,
        journaling.clock,
        SilentLink(),
        Trail(journaling.db, journaling.clock),
        Means(StoppableRuns(), Flattener(InstrumentService(journaling.db, journaling.clock), gate, gone_by_hand)),
    )


def a_run(made: Journaling, state: str = "entering") -> None:
    """A run of a strategy with a part in each of two accounts."""
    now = made.clock.now()
    both = {"owner_id": "u1", "name": "Iron fly", "legs": [], "on_failure": "unwind", "venue_kind": "openalgo"}
    with made.db.write() as session:
        session.add(Strategy(id="s1", created_at=now, updated_at=now, **both))
        session.flush()
        session.add(
            Run(id="r1", strategy_id="s1", key="k", version=1, accounts=[], state=state, requested_at=now, **both)
        )
        session.flush()
        for account_id in ("a1", "a2"):
            session.add(
                AccountRun(
                    id=f"part-{account_id}", run_id="r1", owner_id="u1", account_id=account_id, multiplier=1,
                    on_failure="unwind", state=state, started_at=now,
                )
            )  # fmt: skip


def part(made: Journaling, account_id: str = "a1") -> AccountRun:
    with made.db.read() as session:
        return session.get_one(AccountRun, f"part-{account_id}")


def wished(made: Journaling, **more):
    with made.db.write() as session:
        return submit(session, made.wish(**more), made.clock.now(), gate)


@pytest.mark.parametrize("extent", EXTENTS[:3], ids=str)
@pytest.mark.parametrize("state", [R, H])
def test_i17_no_entry_is_journaled_while_anything_over_it_does_not_trade(any_desk, risk, extent, state):
    with acting(Actor("u1", "Asha")):
        risk.set_state(ADMIN, extent, state, "the news")
    for purpose in ("entry", "manual", "quote", "adjust"):
        with pytest.raises(Denied, match="takes no new entries: .* set by Asha at 11:30, because: the news"):
            wished(any_desk, key=purpose, purpose=purpose)
    for purpose in ("exit", "stop", "target"):
        assert wished(any_desk, key=purpose, purpose=purpose)


@pytest.mark.parametrize("extent", EXTENTS, ids=str)
@pytest.mark.parametrize("state", [R, H])
def test_i17_an_entry_that_waited_is_not_sent_after_it(any_desk, risk, extent, state):
    a_run(any_desk)
    (entry,) = any_desk.submit("e", account_run_id="part-a1")
    (leaving,) = any_desk.submit("x", purpose="exit", account_run_id="part-a1")
    risk.set_state(ADMIN, extent, state, "")
    assert any_desk.story(entry) == ["new", "cancelled"]
    assert any_desk.order(entry).failure == "withdrawn"
    assert not any_desk.claim(entry)
    assert any_desk.claim(leaving)


def test_i17_another_account_and_another_strategy_trade_on(any_desk, risk):
    a_run(any_desk)
    risk.set_state(ME, FIRST, R, "")
    assert wished(any_desk, account_id="a2")
    with any_desk.db.read() as session:
        assert why_stopped(session, "u1", "a2") is None
        assert why_stopped(session, "u1", "a1") is not None
        assert why_stopped(session, "u2", "a2") is None
    risk.set_state(ME, EXTENTS[3], H, "")
    with any_desk.db.read() as session:
        assert why_stopped(session, "u1", "a2", "s1") is not None
        assert why_stopped(session, "u1", "a2", "s2") is None


def test_an_entry_under_way_keeps_what_filled_says_so_and_is_not_unwound(any_desk, risk):
    a_run(any_desk)
    with acting(Actor("u1", "Asha")):
        risk.set_state(ME, FIRST, R, "lunch")
    assert part(any_desk).stopped.startswith("a1 takes no new entries: reducing, set by Asha")
    assert part(any_desk, "a2").stopped == ""
    risk.set_state(ME, FIRST, TradingState.ACTIVE)
    assert part(any_desk).stopped, "going on again must not resume an entry that was ended"


def test_the_strictest_holds_until_each_is_released(any_desk, risk):
    risk.press(ME, FIRST, False)
    risk.press(ME, MINE, False)
    risk.release(ME, MINE)
    with pytest.raises(Denied, match="a1 takes no new entries: halted"):
        wished(any_desk)
    risk.release(ME, FIRST)
    assert wished(any_desk)


def test_a_pause_ends_by_hand_and_a_halt_only_by_its_release(risk):
    risk.set_state(ME, MINE, R, "")
    assert risk.set_state(ME, MINE, TradingState.ACTIVE).is_active
    with pytest.raises(Denied, match="nothing to release"):
        risk.release(ME, MINE)
    risk.set_state(ME, MINE, H, "")
    for state in (R, TradingState.ACTIVE):
        with pytest.raises(Denied, match="halted: release it first"):
            risk.set_state(ME, MINE, state)
    assert risk.release(ME, MINE).is_active


def test_i17_a_change_that_leaves_less_passes_a_pause_and_not_a_halt(any_desk, risk):
    lesser = any_desk.wish(purpose=LESSEN)
    for state, may in ((R, True), (H, False)):
        risk.set_state(ME, FIRST, state, "")
        with any_desk.db.read() as session:
            assert (gate(session, lesser) is None) is may
            assert gate(session, any_desk.wish(purpose="exit")) is None


def test_i17_new_terms_that_were_asked_for_before_are_not_sent_after(any_desk, risk):
    working = any_desk.order(any_desk.sent("w"))
    asked = {"owner_id": "u1", "account_id": "a1", "price_type": "MARKET", "old_price_type": "MARKET", "by": "Asha"}
    with any_desk.db.write() as session:
        session.add(
            OrderChange(
                id="c1", order_id=working.id, key="c", state="asked", quantity=LOT * 2, old_quantity=LOT,
                asked_at=any_desk.clock.now(), **asked,
            )
        )  # fmt: skip
    risk.set_state(ME, FIRST, H, "")
    with any_desk.db.read() as session:
        assert session.get_one(OrderChange, "c1").state == "withdrawn"


# -- the kill switch


def test_pressing_withdraws_cancels_and_exits_in_one_go(any_desk, risk):
    a_run(any_desk)
    working = any_desk.sent("w", account_run_id="part-a1")
    (waiting,) = any_desk.submit("n", account_run_id="part-a1")
    (leaving,) = any_desk.submit("x", purpose="exit", account_run_id="part-a2", account_id="a2")
    assert risk.figures(ME, MINE).orders == 2
    with acting(Actor("u1", "Asha")):
        kill = risk.press(ME, MINE, True, "the news")
    assert any_desk.order(waiting).state == OrderState.CANCELLED
    assert any_desk.order(working).cancel_asked_at == any_desk.clock.now()
    assert any_desk.order(leaving).cancel_asked_at is None
    assert (part(any_desk).exit_reason, part(any_desk).exit_by) == ("kill switch: the news", "Asha")
    (told,) = risk.kills(ME)
    assert told.kill.id == kill
    lines = {name: (line.withdrawn, line.cancelling, line.exiting, line.runs_left) for line, name in told.accounts}
    assert lines == {"a1": (1, 1, 1, 1), "a2": (0, 0, 1, 1)}


def test_without_flattening_what_is_held_stays(any_desk, risk):
    a_run(any_desk, "open")
    risk.press(ME, MINE, False)
    assert part(any_desk).exit_reason is None
    assert risk.look() == {"u1"}
    assert risk.kills(ME)[0].kill.done_at is not None


def test_a_second_press_joins_the_first_and_can_only_add(any_desk, risk):
    a_run(any_desk, "open")
    first = risk.press(ME, MINE, False, "first")
    assert risk.press(ME, MINE, True, "second") == first
    assert part(any_desk).exit_reason == "kill switch: first"
    assert risk.press(ME, MINE, False, "third") == first
    (told,) = risk.kills(ME)
    assert (told.kill.flatten, told.kill.reason) == (True, "first")
    assert [line.exiting for line, _ in told.accounts] == [1, 1]


def test_two_who_press_at_once_are_one(any_desk, risk):
    a_run(any_desk)
    any_desk.sent("w", account_run_id="part-a1")
    together, pressed, faults = threading.Barrier(6), [], []

    def press() -> None:
        together.wait()
        try:
            pressed.append(risk.press(ME, MINE, True))
        except Exception as error:  # whatever it was, the test names it
            faults.append(error)

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not faults
    assert len(set(pressed)) == 1
    (told,) = risk.kills(ME)
    assert sorted((line.cancelling, line.exiting) for line, _ in told.accounts) == [(0, 1), (1, 1)]


def test_an_exit_that_was_decided_before_stays_its_own(any_desk, risk):
    a_run(any_desk, "open")
    before = any_desk.clock.now()
    with any_desk.db.write() as session:
        session.execute(update(Run).values(exit_reason="by hand", exit_by="Asha", exit_at=before))
    any_desk.clock.pass_by(5)
    risk.press(ME, MINE, True)
    assert part(any_desk).exit_reason is None
    assert part(any_desk).exit_at > before, "an exit that gave up is tried anew"


def test_a_run_that_had_not_begun_never_begins(any_desk, risk):
    a_run(any_desk)
    with any_desk.db.write() as session:
        session.execute(update(Run).values(state="requested"))
    risk.press(ME, MINE, False)
    risk.release(ME, MINE)
    with any_desk.db.read() as session:
        run = session.get_one(Run, "r1")
    assert run.state == "failed"
    assert "kill switch was pressed" in run.trouble


def test_releasing_brings_nothing_back(any_desk, risk):
    a_run(any_desk)
    (waiting,) = any_desk.submit("n", account_run_id="part-a1")
    risk.press(ME, MINE, False)
    risk.release(ME, MINE)
    runner = Runner(any_desk.db, any_desk.writer, any_desk.clock, gate)
    runner.step(["part-a1", "part-a2"])
    assert not any_desk.claim(waiting)
    assert part(any_desk).stopped
    with any_desk.db.read() as session:
        assert session.scalar(select(KillSwitch.slot)) is None


def test_progress_is_told_until_nothing_is_left(any_desk, risk):
    a_run(any_desk)
    working = any_desk.sent("w", account_run_id="part-a1")
    risk.press(ME, MINE, False)
    assert risk.look() == set(), "nothing happened since"
    any_desk.push(row(OrderStatus.CANCELLED, filled=0))
    assert any_desk.order(working).state == OrderState.CANCELLED
    assert risk.look() == {"u1"}
    (told,) = risk.kills(ME)
    assert told.kill.done_at is not None
    assert all(line.done_at for line, _ in told.accounts)
    assert risk.look() == set()
