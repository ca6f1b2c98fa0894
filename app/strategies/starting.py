"""The start of a run: claim it, resolve its contracts once, journal every account's part in one transaction.

Until that transaction nothing was sent, so a run whose engine died before it is simply claimed again. After it, each
account's part goes its own way.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import BindParameter, Table, bindparam, or_, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.bulk import insert_many
from app.core.clock import INDIA
from app.core.db import Database, Moment, swap
from app.core.errors import Denied
from app.core.ids import new_id
from app.core.money import plain
from app.core.prepared import execute
from app.execution import statements
from app.execution.desk import Gate, Planned, Wish, plan, write
from app.instruments.contracts import CannotResolve
from app.risk.gate import why_stopped
from app.risk.limits import limits
from app.strategies.late_entry import span
from app.strategies.legs import Leg
from app.strategies.models import MOVE, RANGE, WAITING, AccountRun, LegRun, LegWait, Run
from app.strategies.part_views import AccountRunState
from app.strategies.resolving import Portion, Resolved, Resolver, portions, portions_of
from app.strategies.schedule import schedule
from app.strategies.sizing import Sized
from app.venues.types import PriceType, Side, Symbol

Prepare = Callable[[str, Sequence[Resolved]], None]  # of an owner's run: before what follows from it is written
Standing = Callable[[Sequence[Account]], dict[str, str]]  # by account id why it may not enter now, where that is so

BEGINS_WITHIN = timedelta(minutes=2)  # of the click, where no schedule says otherwise: later the market is another one
_PARTS: Table = AccountRun.__table__  # type: ignore[assignment]  # a declarative class has a Table
_LEGS: Table = LegRun.__table__  # type: ignore[assignment]  # as above
WAITS: Table = LegWait.__table__  # type: ignore[assignment]  # as above
_runs: Table = Run.__table__  # type: ignore[assignment]  # as above
_accounts: Table = Account.__table__  # type: ignore[assignment]  # as above

_engine_id: BindParameter[str] = bindparam("engine_id")
_row_id: BindParameter[str] = bindparam("row_id")
_under_way: BindParameter[list[str]] = bindparam("under_way", expanding=True)
_is_left = or_(_runs.c.claimed_by != _engine_id, _runs.c.id.not_in(_under_way))
_is_waiting = or_(_runs.c.state == "requested", (_runs.c.state == "resolving") & _is_left)
_ANY_WAITING = select(_runs.c.id).where(_is_waiting).limit(1)
_CLAIM_RUNS = update(_runs).where(_is_waiting).values(state="resolving", claimed_by=_engine_id).returning(*_runs.c)
_BEGIN_RUN = (
    update(_runs)
    .where(_runs.c.id == _row_id, _runs.c.state == "resolving")
    .values(state=AccountRunState.ENTERING.value, started_at=bindparam("now", type_=Moment))
    .returning(*_runs.c)
)
_ACCOUNTS_OF = select(
    *(_accounts.c[name] for name in ("id", "name", "enabled", "removed_at", "host_url", "expected_mode"))
).where(_accounts.c.id.in_(bindparam("ids", expanding=True)))


class NewLeg(NamedTuple):
    """A leg of an account's part as it begins: what `LegRun` has of it."""

    id: str
    account_run_id: str
    number: int
    exchange: str
    symbol: str
    side: str
    lots: int
    lot_size: Decimal
    freeze_quantity: Decimal | None
    tick: Decimal
    quantity: Decimal
    product: str
    price_type: str
    price: Decimal | None
    trigger_price: Decimal | None
    price_from: dict[str, Any] | None
    chase: dict[str, Any] | None
    chosen: str
    stop: dict[str, Any] | None
    target: dict[str, Any] | None
    at_broker: bool
    waits: str
    again: dict[str, Any] | None


def claim_runs(db: Database, engine_id: str, under_way: Collection[str] = ()) -> list[Run]:
    """Runs that were asked for, and those that a dead engine left while resolving, or this one, which says what it has
    `under_way`. Rows to be read, as in `views`."""
    claimer = {"engine_id": engine_id, "under_way": list(under_way)}
    with db.read() as session:
        if execute(session, _ANY_WAITING, claimer).first() is None:
            return []
    with db.write() as session:
        return list(execute(session, _CLAIM_RUNS, claimer))


def resolve_run(resolver: Resolver, run: Run, now: datetime) -> list[Resolved]:
    legs = [Leg.model_validate(leg) for leg in run.legs]
    resolved = resolver.resolve(run.venue_kind, legs, now)
    asks = limits(run.limits).needs_underlying or any(leg.needs_underlying for leg in legs)
    return resolver.with_underlyings(resolved, now) if asks else resolved


def fail_run(session: Session, run_id: str, why: str, now: datetime) -> bool:
    return swap(session, Run, run_id, {"state": "resolving"}, {"state": "failed", "trouble": why, "closed_at": now})


@dataclass(slots=True)
class _Rows:
    """What the start of a run writes, collected for all accounts."""

    parts: list[dict[str, Any]] = field(default_factory=list)
    legs: list[dict[str, Any]] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    waits: list[dict[str, Any]] = field(default_factory=list)


def no_need(_owner_id: str, _resolved: Sequence[Resolved]) -> None:
    """Nothing must be known before."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may enter now, and what every wish must pass; `prepare` finds what passing asks for, before anything is
    written."""

    standing: Standing
    gate: Gate
    prepare: Prepare = no_need


def begin(
    session: Session, run_id: str, resolved: Sequence[Resolved], rules: Rules, now: datetime,
    sizes: Mapping[str, Sized] | None = None,
) -> list[str]:  # fmt: skip
    """Journal all parts and their entry orders; the ids of the account runs. Empty when somebody was faster.

    `sizes`, by account: lots that were decided just now. They are kept with the figures that led there, so whatever is
    replayed later, nothing is sized again. Without them lots are as written.
    """
    run = execute(session, _BEGIN_RUN, {"row_id": run_id, "now": now}).first()
    if run is None:
        return []
    begin_by = run.begin_by or run.requested_at + BEGINS_WITHIN
    if now > begin_by:
        why = f"It was to begin by {begin_by.astimezone(INDIA):%H:%M:%S} and was not: nothing was sent."
        failed = {"state": AccountRunState.FAILED.value, "started_at": None, "closed_at": now, "trouble": why}
        statements.change(session, _runs, [(run_id, failed)])
        return []
    underlyings = _underlyings(resolved)
    if underlyings:
        statements.change(session, _runs, [(run_id, underlyings)])
    stop = why_stopped(session, run.owner_id, strategy_id=run.strategy_id)
    if stop:
        rules = Rules(lambda accounts: {account.id: stop for account in accounts}, rules.gate)
    ids = [share["account_id"] for share in run.accounts]
    accounts = {account.id: account for account in execute(session, _ACCOUNTS_OF, {"ids": ids})}
    obstacles = rules.standing(list(accounts.values()))
    rows = _Rows()
    for share in run.accounts:
        account = accounts[share["account_id"]]
        wanted = _Wanted(account, Decimal(share["multiplier"]), sizes[account.id] if sizes is not None else None)
        _plan_part(session, run, wanted, resolved, rules.gate, obstacles.get(account.id), rows, now)
    insert_many(session, _PARTS, rows.parts)
    insert_many(session, _LEGS, rows.legs)
    insert_many(session, WAITS, rows.waits)
    write(session, rows.planned, now)
    return [part["id"] for part in rows.parts]


def _underlyings(resolved: Sequence[Resolved]) -> dict[str, Any]:
    """What the run keeps of them; nothing where no rule asks."""
    found = {
        str(item.number): {
            "exchange": item.underlying.symbol.exchange,
            "symbol": item.underlying.symbol.name,
            "price": plain(item.underlying.price),
            "rises": item.rises,
        }
        for item in resolved
        if item.underlying is not None
    }
    return {"underlyings": found} if found else {}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An account with what it should get; `sized` None: the legs' lots times its multiplier."""

    account: Account
    multiplier: Decimal
    sized: Sized | None

    def portions(self, resolved: Sequence[Resolved]) -> list[Portion]:
        if self.sized is None:
            return portions(resolved, self.multiplier)
        if self.sized.why:
            raise CannotResolve(self.sized.why)
        return portions_of(resolved, self.sized.lots)


def _plan_part(
    session: Session, run: Run, wanted: _Wanted, resolved: Sequence[Resolved], gate: Gate, obstacle: str | None,
    rows: _Rows, now: datetime,
) -> None:  # fmt: skip
    """One account's part: all of its legs or, with the reason, none."""
    part_id, account = new_id(), wanted.account
    legs: list[NewLeg] = []
    planned: list[Planned] = []
    if obstacle is None:
        try:
            legs = [_new_leg(part_id, portion) for portion in wanted.portions(resolved)]
            wishes = [entry_wish(run.owner_id, account.id, leg) for leg in legs if not leg.waits]
            planned = [plan(session, wish, gate) for wish in wishes]
        except CannotResolve as error:
            obstacle = str(error)
        except Denied as error:
            obstacle = error.message
    rows.parts.append(_part_row(part_id, run, wanted, obstacle, now))
    if obstacle is None:
        rows.legs += [leg._asdict() for leg in legs]
        rows.waits += [wait_row(run, leg, item, now) for leg, item in zip(legs, resolved, strict=True) if leg.waits]
        rows.planned += planned


def _part_row(part_id: str, run: Run, wanted: _Wanted, obstacle: str | None, now: datetime) -> dict[str, Any]:
    return {
        "id": part_id,
        "run_id": run.id,
        "owner_id": run.owner_id,
        "account_id": wanted.account.id,
        "multiplier": wanted.multiplier,
        "sizing": wanted.sized.record if wanted.sized else None,
        "on_failure": run.on_failure,
        "state": (AccountRunState.ENTERING if obstacle is None else AccountRunState.FAILED).value,
        "trouble": obstacle or "",
        "started_at": now,
        "closed_at": None if obstacle is None else now,
    }


def _new_leg(part_id: str, portion: Portion) -> NewLeg:
    leg, contract = portion.resolved.leg, portion.resolved.contract
    return NewLeg(
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
        price=portion.resolved.terms.price,
        trigger_price=portion.resolved.terms.trigger_price,
        price_from=leg.price_from.model_dump(mode="json") if leg.chase and leg.price_from else None,
        chase=leg.chase.model_dump(mode="json") if leg.chase else None,
        chosen="; ".join(seen.words for seen in portion.resolved.seen),
        stop=leg.stop.model_dump(mode="json") if leg.stop else None,
        target=leg.target.model_dump(mode="json") if leg.target else None,
        at_broker=leg.at_broker,
        waits=WAITING if leg.is_late else "",
        again=leg.again.model_dump(mode="json") if leg.again else None,
    )


def wait_row(run: Run, leg: NewLeg, item: Resolved, now: datetime) -> dict[str, Any]:
    """What the leg waits for, in numbers as far as they are known: the rest is seen when it is looked at first."""
    wait, breakout = item.leg.wait, item.leg.breakout
    rule = wait or breakout
    if rule is None:
        raise ValueError(f"leg {leg.number} does not wait")
    of_underlying = breakout is not None and breakout.of == "underlying" and item.underlying is not None
    symbol = item.underlying.symbol if of_underlying and item.underlying else item.symbol
    zone = schedule(run.schedule).zone
    day = now.astimezone(ZoneInfo(zone)).date()
    starts, ends, last = span(breakout, day, zone) if breakout else (None, None, None)
    return {
        "leg_run_id": leg.id, "owner_id": run.owner_id, "run_id": run.id, "kind": MOVE if wait else RANGE,
        "rule": rule.model_dump(mode="json"), "exchange": symbol.exchange, "symbol": symbol.name,
        "starts_at": starts, "ends_at": ends, "last_at": last,
    }  # fmt: skip


def entry_wish(
    owner_id: str, account_id: str, leg: LegRun | NewLeg, quantity: Decimal | None = None, attempt: int = 1
) -> Wish:
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
        trigger_price=leg.trigger_price,
        wave=1 if side is Side.BUY else 2,
        attempt=attempt,
    )
