"""A run that never was: started, stepped, claimed, answered, left by a stop, and rolled back.

The first order after a start would otherwise pay for what is prepared only once: statements to compile, modules to
load. Nothing of it is committed, announced or sent.
"""

from datetime import datetime
from decimal import Decimal

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.clock import Clock
from app.core.db import Database
from app.core.ids import new_id
from app.execution import journal
from app.execution.models import Order
from app.execution.states import OrderState
from app.instruments.contracts import Listed
from app.risk.limits import Bounds
from app.risk.monitor import Reach, Stake, Trigger
from app.risk.rules import Rule
from app.strategies import leaving
from app.strategies.legs import Leg
from app.strategies.models import Run, Strategy
from app.strategies.resolving import Resolved
from app.strategies.runner import Runner
from app.strategies.starting import Rules, begin
from app.venues.types import Answer, OrderReport, OrderStatus, Outcome, PriceType, Side, Symbol

log = structlog.get_logger()
LOT = Decimal(1)
CONTRACT = Listed("NFO", "REHEARSAL", "REHEARSAL", "CE", LOT, Decimal("0.05"), freeze_quantity=Decimal(100))


class _Over(Exception):
    """Takes everything back."""


def rehearse(db: Database, runner: Runner, rules: Rules, clock: Clock) -> None:
    """Does nothing where there is no account yet."""
    try:
        with db.write() as session:
            _play(session, runner, rules, clock.now())
            raise _Over
    except _Over:
        pass
    except Exception:  # the real thing says by itself what is wrong
        log.warning("rehearsal_failed", exc_info=True)


def _play(session: Session, runner: Runner, rules: Rules, now: datetime) -> None:
    account = session.scalar(select(Account).where(Account.removed_at.is_(None)).limit(1))
    if account is None:
        return
    run_id = _run(session, account, now)
    parts = begin(session, run_id, _legs(), Rules(lambda _accounts: {}, rules.gate), now)
    runner.unit(parts, session)
    sending = (Order.account_run_id.in_(parts), Order.state == OrderState.SENDING)
    orders = session.scalars(select(Order).where(*sending)).all()
    if not orders:  # a standby claims nothing
        return
    answers = [journal.Answered(order.id, Answer(Outcome.DONE, order.id), now) for order in orders]
    journal.together(session, answers)
    journal.together(session, [_filled(account.id, order, now) for order in orders])
    runner.unit(parts, session)
    leaving.leave(session, _touched(run_id, account, now), now)
    runner.unit(parts, session)


def _run(session: Session, account: Account, now: datetime) -> str:
    both = {"owner_id": account.owner_id, "name": "rehearsal", "legs": [], "on_failure": "unwind"}
    strategy = Strategy(id=new_id(), venue_kind=account.venue_kind, created_at=now, updated_at=now, **both)
    session.add(strategy)
    session.flush()
    run = Run(
        id=new_id(),
        strategy_id=strategy.id,
        key=new_id(),
        version=1,
        venue_kind=account.venue_kind,
        accounts=[{"account_id": account.id, "multiplier": "1"}],
        state="resolving",
        requested_at=now,
        **both,
    )
    session.add(run)
    session.flush()
    return run.id


def _legs() -> list[Resolved]:
    sides = ("BUY", "SELL")
    usual = {"exchange": "NFO", "underlying": "NIFTY", "kind": "CE", "strike": "ATM", "lots": 1}
    return [Resolved(n, Leg.model_validate({**usual, "action": side}), CONTRACT, None) for n, side in enumerate(sides)]


def _touched(run_id: str, account: Account, now: datetime) -> Trigger:
    """Its stop, so that the first way out costs no more than the others."""
    stake = Stake(Reach.RUN, run_id, run_id, account.owner_id, "rehearsal", None, {}, Bounds())
    return Trigger(stake, Rule.STOP, LOT, LOT, (), now)


def _filled(account_id: str, order: Order, now: datetime) -> journal.Reported:
    report = OrderReport(
        order.id, Symbol(order.exchange, order.symbol), Side(order.side), order.quantity, PriceType.MARKET,
        order.product, OrderStatus.FILLED, "complete", filled_quantity=order.quantity, average_price=LOT,
    )  # fmt: skip
    return journal.Reported(account_id, report, "push", now)
