"""The start of a run: claim it, resolve its contracts once, journal every account's part in one transaction.

Until that transaction nothing was sent, so a run whose engine died before it is simply claimed again. After it, each
account's part goes its own way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.db import Database, swap
from app.core.errors import Denied
from app.core.ids import new_id
from app.execution.desk import Gate, Planned, Wish, plan, write
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


@dataclass(slots=True)
class _Rows:
    """What the start of a run writes, collected for all accounts."""

    parts: list[dict[str, Any]] = field(default_factory=list)
    legs: list[dict[str, Any]] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may enter now, and what every wish must pass."""

    standing: Standing
    gate: Gate


def begin(session: Session, run_id: str, resolved: Sequence[Resolved], rules: Rules, now: datetime) -> list[str]:
    """Journal all parts and their entry orders; the ids of the account runs. Empty when somebody was faster."""
    if not swap(session, Run, run_id, {"state": "resolving"}, {"state": "entering", "started_at": now}):
        return []
    run = session.get_one(Run, run_id)
    ids = [share["account_id"] for share in run.accounts]
    accounts = {account.id: account for account in session.scalars(select(Account).where(Account.id.in_(ids)))}
    rows = _Rows()
    for share in run.accounts:
        _plan_part(
            session, run, accounts[share["account_id"]], Decimal(share["multiplier"]), resolved, rules, rows, now
        )
    session.execute(insert(AccountRun), rows.parts)
    if rows.legs:
        session.execute(insert(LegRun), rows.legs)
    write(session, rows.planned, now)
    return [part["id"] for part in rows.parts]


def _plan_part(
    session: Session, run: Run, account: Account, multiplier: Decimal, resolved: Sequence[Resolved], rules: Rules,
    rows: _Rows, now: datetime,
) -> None:  # fmt: skip
    """One account's part: all of its legs or, with the reason, none."""
    part_id = new_id()
    obstacle = rules.standing(account)
    legs: list[LegRun] = []
    planned: list[Planned] = []
    if obstacle is None:
        try:
            legs = [_leg_run(part_id, portion) for portion in portions(resolved, multiplier)]
            wishes = [entry_wish(run.owner_id, account.id, leg) for leg in legs]
            planned = [plan(session, wish, rules.gate) for wish in wishes]
        except CannotResolve as error:
            obstacle = str(error)
        except Denied as error:
            obstacle = error.message
    rows.parts.append(_part_row(part_id, run, account, multiplier, obstacle, now))
    if obstacle is None:
        rows.legs += [_leg_row(leg) for leg in legs]
        rows.planned += planned


def _part_row(
    part_id: str, run: Run, account: Account, multiplier: Decimal, obstacle: str | None, now: datetime
) -> dict[str, Any]:
    return {
        "id": part_id,
        "run_id": run.id,
        "owner_id": run.owner_id,
        "account_id": account.id,
        "multiplier": multiplier,
        "on_failure": run.on_failure,
        "state": (AccountRunState.ENTERING if obstacle is None else AccountRunState.FAILED).value,
        "trouble": obstacle or "",
        "started_at": now,
        "closed_at": None if obstacle is None else now,
    }


def _leg_row(leg: LegRun) -> dict[str, Any]:
    return {column.key: getattr(leg, column.key) for column in LegRun.__table__.columns}


def _leg_run(part_id: str, portion: Portion) -> LegRun:
    leg, contract = portion.resolved.leg, portion.resolved.contract
    return LegRun(
        id=new_id(),
        account_run_id=part_id,
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


def entry_wish(owner_id: str, account_id: str, leg: LegRun, quantity: Decimal | None = None, attempt: int = 1) -> Wish:
    side = Side(leg.side)
    return Wish(
        key=f"{leg.id}:entry:{attempt}",
        owner_id=owner_id,
        account_id=account_id,
        account_run_id=leg.account_run_id,
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
