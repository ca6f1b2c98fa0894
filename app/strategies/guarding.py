"""What the risk monitor watches of runs: built from their orders alone."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.clock import INDIA
from app.core.money import ZERO
from app.execution.models import Order
from app.execution.states import AT_VENUE
from app.risk.limits import Bounds, Limits, bounds, leg_bounds, limits
from app.risk.models import RiskEvent, RiskTrail
from app.risk.monitor import Reach, Stake
from app.risk.rules import STOPS
from app.risk.trailing import Trailed
from app.strategies.gone import EXIT_PURPOSES
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.part_views import AccountRunState
from app.strategies.service import LIVE_PARTS
from app.strategies.watching import Held, Money, delta_watch, leg_marks, leg_rules, run_marks, trend_watch
from app.venues.types import PriceType, Side, Symbol

OF_LEGS = ("stop", "target", "trail", "even")


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of runs: their legs by account run, how far stops have followed, and which legs were stopped."""

    legs: dict[str, list[Held]]
    trails: dict[str, Trailed]
    stopped: set[str]
    resting: set[str]  # whose stop and target rest at the broker


def limited(session: Session, part_ids: Collection[str]) -> dict[str, str]:
    """Those of the parts whose run has limits, each with its run. What a run may lose is settled when it starts."""
    query = select(AccountRun.id, Run.id, Run.limits, Run.legs).join(Run, Run.id == AccountRun.run_id)
    rows = session.execute(query.where(AccountRun.id.in_(part_ids)))
    return {part_id: run_id for part_id, run_id, *rules in rows if _has_limits(*rules)}


def stakes(session: Session, run_ids: Collection[str] | None = None) -> list[Stake]:
    """Of these live runs, or of all: what has limits and is not leaving already."""
    rows = [(run, part) for run, part in _live_runs(session, run_ids) if _has_limits(run.limits, run.legs)]
    runs = {run.id: run for run, _ in rows}
    parts: dict[str, list[AccountRun]] = defaultdict(list)
    for run, part in rows:
        parts[run.id].append(part)
    legs = _legs(session, [part.id for _, part in rows])
    known = _Known(legs, _trails(session, runs), _stopped(session, runs.values()), _resting(session, runs.values()))
    found: list[Stake] = []
    for run_id, run in runs.items():
        found += _of_run(run, parts[run_id], known)
    return found


def _has_limits(rules: dict[str, Any] | None, legs: Sequence[dict[str, Any]]) -> bool:
    return bool(rules) or any(leg.get(name) for leg in legs for name in OF_LEGS)


def _stopped(session: Session, runs: Iterable[Run]) -> set[str]:
    """Legs that left by a stop of theirs, of the runs in which that moves the stops of the others."""
    asking = [run.id for run in runs if (run.limits or {}).get("others_to_cost")]
    if not asking:
        return set()
    stopped = (RiskEvent.reach == Reach.LEG, RiskEvent.decided, RiskEvent.rule.in_(STOPS))
    return set(session.scalars(select(RiskEvent.subject_id).where(RiskEvent.run_id.in_(asking), *stopped)))


def _resting(session: Session, runs: Iterable[Run]) -> set[str]:
    """Legs whose stop and target are at the broker now: it holds them, and not the desk."""
    asking = [run.id for run in runs if any(leg.get("at_broker") for leg in run.legs)]
    if not asking:
        return set()
    query = select(Order.leg_run_id).join(AccountRun, AccountRun.id == Order.account_run_id)
    held = (AccountRun.run_id.in_(asking), Order.price_type == PriceType.OCO, Order.state.in_(AT_VENUE))
    return {str(leg_id) for leg_id in session.scalars(query.where(*held))}


def _live_runs(session: Session, run_ids: Collection[str] | None) -> Sequence[Any]:
    live = select(AccountRun.run_id).where(AccountRun.state.in_(LIVE_PARTS))
    query = select(Run, AccountRun).join(AccountRun, AccountRun.run_id == Run.id)
    query = query.where(Run.id.in_(live), Run.exit_reason.is_(None)).order_by(AccountRun.id)
    if run_ids is not None:
        query = query.where(Run.id.in_(list(run_ids)))
    return session.execute(query.execution_options(populate_existing=True)).all()


def _legs(session: Session, part_ids: Sequence[str]) -> dict[str, list[Held]]:
    fills: dict[str, list[Any]] = defaultdict(list)
    filled = select(Order.leg_run_id, Order.purpose, Order.filled_quantity, Order.average_price).where(
        Order.account_run_id.in_(part_ids), Order.filled_quantity != ZERO
    )
    for leg_id, *fill in session.execute(filled):
        fills[str(leg_id)].append(fill)
    found: dict[str, list[Held]] = defaultdict(list)
    for row in session.scalars(
        select(LegRun).where(LegRun.account_run_id.in_(part_ids)).order_by(LegRun.number, LegRun.entry)
    ):
        found[row.account_run_id].append(_leg(row, fills[row.id]))
    return found


def _leg(row: LegRun, fills: Iterable[Any]) -> Held:
    sign = Side(row.side).sign
    cash: Decimal | None = ZERO
    held, entered, worth = ZERO, ZERO, ZERO
    for purpose, quantity, price in fills:
        signed = -sign * quantity if purpose in EXIT_PURPOSES else sign * quantity
        held += signed
        if price is None:
            cash = None
            continue
        cash = cash - signed * price if cash is not None else None
        if purpose not in EXIT_PURPOSES:
            entered, worth = entered + signed, worth + quantity * price
    return Held(row, Symbol(row.exchange, row.symbol), cash, held, entered, worth / abs(entered) if entered else ZERO)


def _trails(session: Session, run_ids: Collection[str]) -> dict[str, Trailed]:
    rows = session.scalars(select(RiskTrail).where(RiskTrail.run_id.in_(list(run_ids))))
    return {row.subject_id: Trailed(row.peak, row.stop) for row in rows}


def _of_run(run: Run, parts: Sequence[AccountRun], known: _Known) -> list[Stake]:
    rules = limits(run.limits)
    live = [part for part in parts if part.state in LIVE_PARTS and part.exit_reason is None]
    found = [stake for part in live for stake in _of_legs(run, part, known)]
    if rules.is_empty or not live:
        return found
    if rules.of == "run":
        money = Money.of(leg for part in parts for leg in known.legs[part.id])
        whole = [part for part in live if part.state != AccountRunState.ENTERING]
        stakes = _stake((Reach.RUN, run.id), run, (rules, money, Decimal(1), len(whole) == len(live)), known)
        if whole and len(whole) < len(live):
            done = Money.of(leg for part in whole for leg in known.legs[part.id])
            stakes = [
                replace(one, bounds=_stopped_early(one.bounds, bounds(rules, done.base(Decimal(1)), True)))
                for one in stakes
            ]
        return found + stakes
    for part in live:
        money = Money.of(known.legs[part.id])
        is_whole = part.state == AccountRunState.OPEN
        found += _stake((Reach.PART, part.id), run, (rules, money, part.multiplier, is_whole), known)
    return found


def _stopped_early(around: Bounds, of_whole: Bounds) -> Bounds:
    """One account's order that rests must not leave the others without their stop: until all are whole it is that of
    those which are."""
    return around if around.stop is not None else replace(around, stop=of_whole.stop)


def _stake(of: tuple[Reach, str], run: Run, how: tuple[Limits, Money, Decimal, bool], known: _Known) -> list[Stake]:
    rules, money, times, is_whole = how
    if not (money.held_now or money.is_awaited):
        return []
    return [
        Stake(
            *of, run.id, run.owner_id, run.name, money.cash, money.held_now,
            bounds(rules, money.base(times), is_whole),
            known.trails.get(of[1], Trailed()),
            until_of(rules, run),
            run_marks(rules, run.underlyings),
            trend_watch(rules.supertrend, run.underlyings, money, run.started_at, is_whole),
            delta_watch(rules, money, is_whole),
        )
    ]  # fmt: skip


def _of_legs(run: Run, part: AccountRun, known: _Known) -> list[Stake]:
    legs = known.legs[part.id]
    is_whole = part.state != AccountRunState.ENTERING
    stopped = [leg.row.exit_at for leg in legs if leg.row.id in known.stopped and leg.row.exit_at is not None]
    found = [
        _of_leg(run, leg, known, is_whole and leg.is_stopped_beside(stopped), is_whole and leg.counts) for leg in legs
    ]
    return [stake for stake in found if stake is not None]


def _of_leg(run: Run, leg: Held, known: _Known, at_cost: bool, is_whole: bool) -> Stake | None:
    row = leg.row
    rules = leg_rules(run.legs, row, at_cost)
    if row.id in known.resting:
        rules = replace(rules, stop=None, target=None)
    if row.exit_reason is not None or not leg.held or rules.is_empty:
        return None
    around = leg_bounds(rules, leg.entry, leg.entered, is_whole)
    name = f"{run.name}, leg {row.number} {row.symbol}"
    marks = leg_marks(rules, row.underlying or (run.underlyings or {}).get(str(row.number)))
    trailed, held = known.trails.get(row.id, Trailed()), {leg.symbol: leg.held}
    return Stake(Reach.LEG, row.id, run.id, run.owner_id, name, leg.cash, held, around, trailed, marks=marks)


def until_of(rules: Limits, run: Run) -> datetime | None:
    """The first time of that name in India after the run began."""
    if rules.until is None or run.started_at is None:
        return None
    began = run.started_at.astimezone(INDIA)
    at = datetime.combine(began.date(), rules.until, INDIA)
    return at if at > began else at + timedelta(days=1)
