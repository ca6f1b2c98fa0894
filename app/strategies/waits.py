"""Legs that wait for their entry, and legs that come again: which there are, and what is written when it is decided.

Each decision is one unit of work in the journal's thread. A waiting leg is entered by a compare-and-swap of its own row
together with its orders; one that comes again is a row that names the exit it follows, and each exit has one at most.
So whoever dies in between, and however often it is tried, nothing is entered twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select, text, update
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.crashpoint import reach
from app.core.db import swap
from app.core.errors import Denied
from app.core.ids import new_id
from app.core.money import ZERO, plain
from app.execution.desk import submit_all
from app.execution.events import Alarm
from app.execution.models import Order
from app.execution.states import LIVE
from app.risk.gate import why_stopped
from app.risk.limits import limits
from app.strategies.entry_price import EntryTerms
from app.strategies.gone import EXIT_PURPOSES
from app.strategies.guarding import until_of
from app.strategies.late_entry import Trigger, again_of, back_at
from app.strategies.models import AGAIN, ENTERED, NEVER, WAITING, AccountRun, LegRun, LegWait, Run
from app.strategies.part_views import AccountRunState, AccountRunView, LegView
from app.strategies.resolving import Resolved
from app.strategies.schedule import obstacle, schedule
from app.strategies.service import LIVE_PARTS
from app.strategies.starting import Rules, entry_wish
from app.strategies.views import load
from app.venues.types import PriceType, Side, Symbol

LEFT = "What it belongs to was left."
_COLUMNS = (
    "account_run_id", "number", "exchange", "symbol", "side", "lots", "lot_size", "freeze_quantity", "tick", "quantity",
    "product", "stop", "target", "at_broker",
)  # fmt: skip


def trigger_of(wait: LegWait) -> Trigger | None:
    """The price that is waited for; None while it is not known."""
    if wait.level is None or wait.is_above is None:
        return None
    return Trigger(wait.level, wait.is_above, wait.is_beyond)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A leg that waits, with all that it belongs to."""

    leg: LegRun
    wait: LegWait
    part: AccountRun
    run: Run

    @property
    def trigger(self) -> Trigger | None:
        return trigger_of(self.wait)

    @property
    def name(self) -> str:
        return f"{self.run.name}, leg {self.leg.number} {self.leg.symbol}"


@dataclass(frozen=True, slots=True)
class Left:
    """A leg that was left and comes again, once nothing of it is held."""

    leg: LegRun
    part: AccountRun
    run: Run


@dataclass(frozen=True, slots=True)
class Ready:
    """A leg whose entry is due: by which price, at which terms, and where its underlying stands, as far as it asks.
    `contract`: one that was chosen only now."""

    leg_run_id: str
    price: Decimal | None = None
    price_at: datetime | None = None
    terms: EntryTerms | None = None
    underlying: dict[str, Any] | None = None
    contract: Resolved | None = None


@dataclass(slots=True)
class Decided:
    """Which parts must be stepped, and what to announce."""

    parts: set[str] = field(default_factory=set)
    events: list[object] = field(default_factory=list)


# -- which there are

_ROWS = (
    select(LegRun, LegWait, AccountRun, Run)
    .join(LegWait, LegWait.leg_run_id == LegRun.id)
    .join(AccountRun, AccountRun.id == LegRun.account_run_id)
    .join(Run, Run.id == AccountRun.run_id)
    .execution_options(populate_existing=True)
)
_IS_LATE = text("leg_runs.waits != ''")  # as the index says it
_WAITING = _ROWS.where(_IS_LATE, LegRun.waits == WAITING)
_LEFT = (
    select(LegRun, AccountRun, Run)
    .join(AccountRun, AccountRun.id == LegRun.account_run_id)
    .join(Run, Run.id == AccountRun.run_id)
    .outerjoin(LegWait, LegWait.after_id == LegRun.id)
    .where(LegRun.again.is_not(None), LegRun.exit_rule.is_not(None), LegWait.leg_run_id.is_(None))
    .where(AccountRun.state.in_(LIVE_PARTS), AccountRun.exit_reason.is_(None), Run.exit_reason.is_(None))
    .execution_options(populate_existing=True)
)


def waiting(session: Session) -> list[Waiting]:
    return [Waiting(*row) for row in session.execute(_WAITING.order_by(LegRun.id))]


def left(session: Session) -> list[Left]:
    """Those that come again now: nothing of them is held any more, or on its way."""
    rows = [Left(*row) for row in session.execute(_LEFT.order_by(LegRun.id))]
    if not rows:
        return []
    views = load(session, sorted({row.part.id for row in rows}))
    out = {leg.id for loaded in views for leg in loaded.view.legs if _may_follow(leg)}
    return [row for row in rows if row.leg.id in out]


def is_any_late(session: Session) -> bool:
    """Whether a live run has legs that were entered late or may come again."""
    live = select(LegRun.id).join(AccountRun, AccountRun.id == LegRun.account_run_id)
    live = live.where(AccountRun.state.in_(LIVE_PARTS)).limit(1)
    queries = (live.where(_IS_LATE, LegRun.waits == ENTERED), live.where(LegRun.again.is_not(None)))
    return any(session.scalar(query) is not None for query in queries)


def waited_symbols(session: Session, owner_id: str) -> set[Symbol]:
    """Whose prices the waiting legs of an owner look at."""
    looked_at = select(LegWait.exchange, LegWait.symbol).join(LegRun, LegRun.id == LegWait.leg_run_id)
    rows = session.execute(looked_at.where(_IS_LATE, LegRun.waits == WAITING, LegWait.owner_id == owner_id).distinct())
    return {Symbol(*row) for row in rows}


def under_way(session: Session) -> list[str]:
    """Open parts in which a late entry works, or was not taken by the venue and is tried again."""
    is_tried = or_(Order.state.in_(LIVE), Order.failure == "unavailable")
    parts = (
        select(LegRun.account_run_id)
        .join(AccountRun, AccountRun.id == LegRun.account_run_id)
        .join(Order, Order.leg_run_id == LegRun.id)
        .where(_IS_LATE, LegRun.waits == ENTERED, AccountRun.state == AccountRunState.OPEN)
        .where(Order.purpose == "entry", is_tried)
    )
    return list(session.scalars(parts.distinct()))


# -- what is seen of them


def refer(session: Session, ids: Sequence[str], price: Decimal, at: datetime, trigger: Trigger) -> None:
    """The price at the start, taken once: whoever comes later finds it there."""
    known = (LegWait.leg_run_id.in_(ids), LegWait.reference.is_(None))
    _write(session, known, reference=price, reference_at=at, level=trigger.price, is_above=trigger.is_above)


def saw(session: Session, seen: Sequence[tuple[Sequence[str], Decimal, datetime]]) -> None:
    """The prices that these legs wait with, for whoever looks at the run."""
    for ids, price, at in seen:
        _write(session, (LegWait.leg_run_id.in_(ids), LegWait.decided_at.is_(None)), price=price, price_at=at)


def widen(session: Session, ids: Sequence[str], low: Decimal, high: Decimal, at: datetime) -> None:
    """The range as far as it was seen; it moves no more once it is armed."""
    _write(session, (LegWait.leg_run_id.in_(ids), LegWait.level.is_(None)), low=low, high=high, reference_at=at)


def arm(session: Session, ids: Sequence[str], trigger: Trigger) -> None:
    """From now on its price is waited for."""
    values = {"level": trigger.price, "is_above": trigger.is_above, "is_beyond": trigger.is_beyond}
    _write(session, (LegWait.leg_run_id.in_(ids), LegWait.level.is_(None)), **values)


def _write(session: Session, where: Sequence[Any], **values: Any) -> None:
    session.execute(update(LegWait).where(*where).values(**values).execution_options(synchronize_session=False))


# -- what is decided of them


def why_over(part: AccountRun, run: Run, leg: LegRun, wait: LegWait, now: datetime) -> str:
    """Why it is not entered any more, whatever its price does; "" while it may be."""
    return why_gone(part, run, leg, wait, now) or too_late(run, now)


def why_gone(part: AccountRun, run: Run, leg: LegRun, wait: LegWait, now: datetime) -> str:
    """As above, but for what holds for all of its run."""
    if part.exit_reason is not None or run.exit_reason is not None:
        return LEFT
    if leg.exit_reason is not None:
        return "It was taken out."
    if part.stopped:
        return part.stopped
    if part.state not in LIVE_PARTS:
        return LEFT
    is_past = wait.last_at is not None and now > wait.last_at
    return "Its last time to enter has passed." if is_past else ""


def too_late(run: Run, now: datetime) -> str:
    """Why nothing of a run is entered any more at this time of day."""
    until = until_of(limits(run.limits), run)
    if until is not None and now >= until:
        return "The time at which its run is left has passed."
    return obstacle(schedule(run.schedule), now, 0) if run.schedule else ""


def enter(session: Session, ready: Sequence[Ready], rules: Rules, now: datetime) -> Decided:
    """Enter legs that waited, or say why they are never entered. What was decided before stays so."""
    decided = Decided()
    for one in ready:
        row = session.execute(_ROWS.where(LegRun.id == one.leg_run_id)).one_or_none()
        if row is not None and row.LegRun.waits == WAITING:
            _enter(session, Waiting(*row), one, rules, now, decided)
    session.flush()
    reach("late entry")
    return decided


def end(session: Session, reasons: dict[str, str], now: datetime) -> Decided:
    """These, by leg run, are never entered, and why. Whoever left the run knows that without being told."""
    decided = Decided()
    for leg_run_id, why in reasons.items():
        row = session.execute(_ROWS.where(LegRun.id == leg_run_id)).one_or_none()
        if row is not None and swap(session, LegRun, leg_run_id, {"waits": WAITING}, {"waits": NEVER}):
            _never(Waiting(*row), why, now, decided)
    session.flush()
    return decided


def come_again(session: Session, ready: Sequence[Ready], rules: Rules, now: datetime) -> Decided:
    """The entries that follow exits: at once, or as legs that wait. `ready` names the legs that were left."""
    decided = Decided()
    for one in ready:
        row = session.execute(_LEFT.where(LegRun.id == one.leg_run_id)).one_or_none()
        if row is not None and _is_out(session, row.AccountRun, one.leg_run_id):
            _come_again(session, Left(*row), one, rules, now, decided)
    session.flush()
    reach("late entry")
    return decided


def _enter(session: Session, one: Waiting, ready: Ready, rules: Rules, now: datetime, decided: Decided) -> None:
    leg, wait, part, run = one.leg, one.wait, one.part, one.run
    why = why_over(part, run, leg, wait, now) or _refusal(session, part, run, leg, rules)
    wait.price, wait.price_at, wait.decided_at = ready.price, ready.price_at, now
    if why:
        leg.waits = NEVER
        _never(one, why, now, decided)
        return
    leg.waits, leg.entered_at, leg.underlying = ENTERED, now, ready.underlying
    for name, value in _other_contract(ready.contract, leg.lots).items():
        setattr(leg, name, value)
    if ready.terms is not None:
        leg.price, leg.trigger_price = ready.terms.price, ready.terms.trigger_price
    session.flush()
    _submit(session, one, rules, now, decided)


def _come_again(session: Session, one: Left, ready: Ready, rules: Rules, now: datetime, decided: Decided) -> None:
    again, before, run = again_of(one.leg.again), one.leg, one.run
    if again is None:
        return
    first = session.scalar(
        select(LegRun.id).where(LegRun.account_run_id == one.part.id, LegRun.number == before.number, LegRun.entry == 1)
    )
    cost, left_at = _average(session, first or before.id, False), _average(session, before.id, True)
    if again.how == "at_cost" and (cost is None or left_at is None):
        return  # a price is on its way from the venue
    left_over = again.model_copy(update={"times": again.times - 1}).model_dump(mode="json") if again.times > 1 else None
    leg = LegRun(
        id=new_id(), entry=before.entry + 1, price_type=PriceType.MARKET.value, again=left_over, waits=WAITING,
        **({name: getattr(before, name) for name in _COLUMNS} | _other_contract(ready.contract, before.lots)),
    )  # fmt: skip
    wait = LegWait(
        leg_run_id=leg.id, after_id=before.id, owner_id=run.owner_id, run_id=run.id, kind=AGAIN,
        rule=again.model_dump(mode="json"), exchange=leg.exchange, symbol=leg.symbol, reference=cost, reference_at=now,
    )  # fmt: skip
    session.add(leg)
    session.flush()
    session.add(wait)
    session.flush()
    decided.parts.add(one.part.id)
    coming = Waiting(leg, wait, one.part, run)
    why = why_over(one.part, run, leg, wait, now)
    if why:
        leg.waits = NEVER
        _never(coming, why, now, decided)
    elif again.how == "at_once":
        _enter(session, coming, ready, rules, now, decided)
    elif cost is not None and left_at is not None:
        trigger = back_at(cost, left_at)
        wait.level, wait.is_above = trigger.price, trigger.is_above


def _other_contract(resolved: Resolved | None, lots: int) -> dict[str, Any]:
    if resolved is None:
        return {}
    contract = resolved.contract
    return {
        "exchange": contract.exchange, "symbol": contract.symbol, "lot_size": contract.lot_size,
        "freeze_quantity": resolved.freeze, "tick": contract.tick, "quantity": lots * contract.lot_size,
        "chosen": "; ".join(seen.words for seen in resolved.seen),
    }  # fmt: skip


def _refusal(session: Session, part: AccountRun, run: Run, leg: LegRun, rules: Rules) -> str:
    account = session.get_one(Account, part.account_id)
    stop = why_stopped(session, run.owner_id, part.account_id, run.strategy_id)
    if stop:
        return stop
    if leg.side == Side.SELL and any(is_unhedged(loaded.view) for loaded in load(session, [part.id])):
        return "What was to be bought with the entry did not fill, so nothing is sold on top of it."
    return rules.standing([account]).get(account.id, "")


def is_unhedged(view: AccountRunView) -> bool:
    """Whether a purchase of the entry came to nothing and the part goes on without it."""
    bought = [leg for leg in view.prompt if leg.side is Side.BUY]
    return view.state is AccountRunState.OPEN and any(not leg.is_complete for leg in bought)


def _submit(session: Session, one: Waiting, rules: Rules, now: datetime, decided: Decided) -> None:
    wish = entry_wish(one.run.owner_id, one.part.account_id, one.leg)
    (given,) = submit_all(session, [wish], now, rules.gate)
    decided.parts.add(one.part.id)
    if isinstance(given, Denied):
        one.leg.waits = NEVER
        _never(one, given.message, now, decided)


def _never(one: Waiting, why: str, now: datetime, decided: Decided) -> None:
    one.wait.reason, one.wait.decided_at = why, now
    decided.parts.add(one.part.id)
    if why != LEFT and one.leg.exit_reason is None:
        again = "again" if one.leg.entry > 1 else "any more"
        text = f"{one.name} is not entered {again}. {why}"
        decided.events.append(Alarm(one.run.owner_id, one.part.account_id, f"run:{one.run.id}", text))


def _is_out(session: Session, part: AccountRun, leg_run_id: str) -> bool:
    """Nothing of it is held, nothing of it is on its way, and nothing follows it yet."""
    views = [leg for loaded in load(session, [part.id]) for leg in loaded.view.legs]
    return any(_may_follow(leg) for leg in views if leg.id == leg_run_id)


def _may_follow(leg: LegView) -> bool:
    return leg.returns and leg.is_awaited


def _average(session: Session, leg_run_id: str, is_exit: bool) -> Decimal | None:
    """The price per unit of what filled, None where one is not known."""
    purpose = Order.purpose.in_(EXIT_PURPOSES) if is_exit else Order.purpose.not_in(EXIT_PURPOSES)
    where = (Order.leg_run_id == leg_run_id, purpose, Order.filled_quantity != ZERO)
    fills = session.execute(select(Order.filled_quantity, Order.average_price).where(*where)).all()
    units = sum((quantity for quantity, _ in fills), ZERO)
    known = [(quantity, price) for quantity, price in fills if price is not None]
    if not units or len(known) < len(fills):
        return None
    return sum((quantity * price for quantity, price in known), ZERO) / units


def cannot_move(reference: Decimal, symbol: str) -> str:
    return f"{symbol} stood at {plain(reference)} when the run started: it cannot fall so far."
