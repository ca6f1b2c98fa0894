"""The start of a run: claim it, resolve its contracts once, journal every account's part in one transaction.

Until that transaction nothing was sent, so a run whose engine died before it is simply claimed again. After it, each
account's part goes its own way.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.db import Database, swap
from app.core.errors import Denied
from app.core.ids import new_id
from app.execution.desk import Gate, Wish, submit
from app.instruments.contracts import CannotResolve
from app.strategies.legs import Leg
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.resolving import Portion, Resolved, Resolver, portions
from app.strategies.waves import AccountRunState
from app.venues.types import PriceType, Side, Symbol

Standing = Callable[[Account], str | None]  # why an account may not enter now, if so


def claim_runs(db: Database, engine_id: str, now: datetime) -> list[Run]:
    """Runs that were asked for, and those that a dead engine left while resolving."""
    left = (Run.state == "resolving") & (Run.claimed_by != engine_id)
    with db.read() as session:
        waiting = session.scalars(select(Run).where(or_(Run.state == "requested", left))).all()
    won = []
    for run in waiting:
        with db.write() as session:
            expect = {"state": run.state, "claimed_by": run.claimed_by}
            if swap(session, Run, run.id, expect, {"state": "resolving", "claimed_by": engine_id}):
                won.append(run)
    return won


def resolve_run(resolver: Resolver, run: Run, now: datetime) -> list[Resolved]:
    legs = [Leg.model_validate(leg) for leg in run.legs]
    return resolver.resolve(run.venue_kind, legs, now)


def fail_run(session: Session, run_id: str, why: str, now: datetime) -> bool:
    return swap(session, Run, run_id, {"state": "resolving"}, {"state": "failed", "trouble": why, "closed_at": now})


def begin(
    session: Session, run_id: str, resolved: Sequence[Resolved], standing: Standing, gate: Gate, now: datetime
) -> list[str]:
    """Journal all parts and their entry orders; the ids of the account runs. Empty when somebody was faster."""
    if not swap(session, Run, run_id, {"state": "resolving"}, {"state": "entering", "started_at": now}):
        return []
    run = session.get_one(Run, run_id)
    accounts = {
        account.id: account
        for account in session.scalars(
            select(Account).where(Account.id.in_([share["account_id"] for share in run.accounts]))
        )
    }
    return [
        _begin_part(session, run, accounts[s["account_id"]], s, resolved, standing, gate, now) for s in run.accounts
    ]


def _begin_part(
    session: Session,
    run: Run,
    account: Account,
    share: dict[str, Any],
    resolved: Sequence[Resolved],
    standing: Standing,
    gate: Gate,
    now: datetime,
) -> str:
    multiplier = Decimal(share["multiplier"])
    part = AccountRun(
        id=new_id(),
        run_id=run.id,
        owner_id=run.owner_id,
        account_id=account.id,
        multiplier=multiplier,
        on_failure=run.on_failure,
        state=AccountRunState.ENTERING,
        started_at=now,
    )
    session.add(part)
    session.flush()
    obstacle = standing(account)
    if obstacle is None:
        obstacle = _enter(session, run, part, resolved, multiplier, gate, now)
    if obstacle is not None:
        part.state, part.trouble, part.closed_at = AccountRunState.FAILED, obstacle, now
        session.flush()
    return part.id


def _enter(
    session: Session, run: Run, part: AccountRun, resolved: Sequence[Resolved], multiplier: Decimal, gate: Gate,
    now: datetime,
) -> str | None:  # fmt: skip
    """Write the legs and their orders; all of them or, with the reason, none."""
    try:
        shares = portions(resolved, multiplier)
        with session.begin_nested():
            for portion in shares:
                leg = _leg_run(part, portion)
                session.add(leg)
                session.flush()
                submit(session, entry_wish(run.owner_id, part, leg), now, gate)
    except CannotResolve as error:
        return str(error)
    except Denied as error:
        return error.message
    return None


def _leg_run(part: AccountRun, portion: Portion) -> LegRun:
    leg, contract = portion.resolved.leg, portion.resolved.contract
    return LegRun(
        id=new_id(),
        account_run_id=part.id,
        number=portion.resolved.number,
        exchange=contract.exchange,
        symbol=contract.symbol,
        side=leg.action,
        lots=portion.lots,
        lot_size=contract.lot_size,
        freeze_quantity=portion.resolved.freeze,
        tick=contract.tick,
        quantity=portion.quantity,
        product=leg.product,
        price_type=leg.price_type,
        price=leg.price,
    )


def entry_wish(owner_id: str, part: AccountRun, leg: LegRun, quantity: Decimal | None = None, attempt: int = 1) -> Wish:
    side = Side(leg.side)
    return Wish(
        key=f"{leg.id}:entry:{attempt}",
        owner_id=owner_id,
        account_id=part.account_id,
        account_run_id=part.id,
        leg_run_id=leg.id,
        purpose="entry",
        symbol=Symbol(leg.exchange, leg.symbol),
        side=side,
        quantity=leg.quantity if quantity is None else quantity,
        product=leg.product,
        lot=leg.lot_size,
        freeze=leg.freeze_quantity,
        price_type=PriceType(leg.price_type),
        price=leg.price,
        wave=1 if side is Side.BUY else 2,
        attempt=attempt,
    )
