"""Keeps the alerts: reads those that are on, writes what fired, ends what is over.

A firing is one transaction: the alert's row is swapped as it was known, the firing is recorded and handed on. So after
a crash between the tick and the commit the condition is judged anew, and after the commit it has fired: never twice.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.alerts.board import Board, Fired, Watch
from app.alerts.events import AlertFired, AlertsChanged
from app.alerts.models import AlertFiring, PriceAlert
from app.alerts.rules import MOVES, AlertState, Condition, Progress, Repeat, Rule, Subject, of_capital, state_after
from app.alerts.words import firing_of
from app.core.clock import Clock
from app.core.db import Database, after_commit, swap
from app.core.ids import new_id
from app.venues.types import Symbol

log = structlog.get_logger()

Hand = Callable[[Session, AlertFiring, PriceAlert], None]
LOOK_EVERY = 1.0


class Keeper:
    def __init__(self, db: Database, clock: Clock, board: Board, hand: Hand, publish: Callable[[object], None]) -> None:
        """`hand` passes a firing on to people, inside the transaction that records it."""
        self._db = db
        self._clock = clock
        self._board = board
        self._hand = hand
        self._publish = publish
        self._known: object = None
        self._looked_at = float("-inf")

    def step(self) -> bool:
        """Write what fired; once a second also look for changes and at what no tick brings."""
        now = self._clock.monotonic()
        is_due = now - self._looked_at >= LOOK_EVERY
        if is_due:
            self._looked_at = now
            self.read()
            self._board.look_again()
        wrote = [self._write(fired) for fired in self._board.fired()]
        if is_due:
            self._keep_progress()
        return bool(wrote)

    def read(self) -> None:
        """Those that are on, when any row changed since; ends those whose time is over."""
        self._expire(self._clock.now())
        with self._db.read() as session:
            known = session.execute(select(func.count(), func.sum(PriceAlert.version)).select_from(PriceAlert)).one()
            if known == self._known:
                return
            rows = session.scalars(select(PriceAlert).where(_is_on())).all()
        self._known = known
        self._board.put(watch_of(row) for row in rows)

    def _expire(self, now: datetime) -> None:
        over = (_is_on(), PriceAlert.expires_at <= now)
        with self._db.read() as session:
            if session.scalar(select(PriceAlert.id).where(*over).limit(1)) is None:
                return
        with self._db.write() as session:
            change = {"state": AlertState.EXPIRED, "version": PriceAlert.version + 1, "changed_at": now}
            owners = session.scalars(update(PriceAlert).where(*over).values(**change).returning(PriceAlert.owner_id))
            for owner_id in set(owners):
                after_commit(session, _publishing(self._publish, AlertsChanged(owner_id)))

    def _write(self, fired: Fired) -> bool:
        """False when somebody changed the alert meanwhile: then nothing fired."""
        watch = fired.watch
        with self._db.write(durable=True) as session:
            won = swap(session, PriceAlert, watch.alert_id, _as_known(watch), _change(fired))
            if won:
                event = self._record(session, fired)
                after_commit(session, _publishing(self._publish, event))
        if not won:
            log.info("alert_changed_meanwhile", alert_id=watch.alert_id)
            self._board.drop(fired)
            self._known = None
            return False
        self._board.settle(fired)
        return True

    def _record(self, session: Session, fired: Fired) -> AlertFired:
        alert = session.get_one(PriceAlert, fired.watch.alert_id)
        account = session.get(Account, alert.account_id) if alert.account_id else None
        told = PriceAlert(**(_terms(alert) | {"reference": fired.before.reference}))
        firing = AlertFiring(
            id=new_id(),
            alert_id=alert.id,
            owner_id=alert.owner_id,
            at=fired.at,
            words=firing_of(told, account.name if account else "", fired.value),
            value=fired.value,
            seen=_shown(fired),
        )
        session.add(firing)
        session.flush()
        self._hand(session, firing, alert)
        return AlertFired(alert.owner_id, alert.id, firing.id, firing.words)

    def _keep_progress(self) -> None:
        moved = self._board.moved()
        if not moved:
            return
        with self._db.write() as session:
            for watch in moved:
                swap(session, PriceAlert, watch.alert_id, _as_known(watch), _progress(watch.progress))
            for owner_id in {watch.owner_id for watch in moved if watch.rule.condition in MOVES}:
                after_commit(session, _publishing(self._publish, AlertsChanged(owner_id)))  # what it counts from


def watch_of(row: PriceAlert) -> Watch:
    symbols = [Symbol(row.exchange, row.symbol)] if row.symbol else []
    symbols += [Symbol(row.other_exchange, row.other_symbol)] if row.other_symbol else []
    pause = timedelta(minutes=row.pause_minutes)
    rule = Rule(Condition(row.condition), row.level, Repeat(row.repeat), pause, row.expires_at)
    if row.subject == Subject.PNL and rule.condition in MOVES:
        rule = of_capital(rule, row.reference or Decimal(0))
    watch = Watch(row.id, row.owner_id, row.version, Subject(row.subject), rule, tuple(symbols))
    progress = Progress(row.armed, row.side, row.reference, row.fired_at)
    return replace(watch, ratio=row.ratio or watch.ratio, account_id=row.account_id or "", progress=progress)


def _is_on() -> Any:
    return (PriceAlert.state == AlertState.ACTIVE) & PriceAlert.removed_at.is_(None)


def _as_known(watch: Watch) -> dict[str, Any]:
    return {"version": watch.version, "state": AlertState.ACTIVE, "removed_at": None}


def _change(fired: Fired) -> dict[str, Any]:
    watch = fired.watch
    counted = {"version": watch.version + 1, "firings": PriceAlert.firings + 1, "changed_at": fired.at}
    return counted | {"state": state_after(watch.rule)} | _progress(watch.progress)


def _progress(progress: Progress) -> dict[str, Any]:
    return {
        "armed": progress.armed,
        "side": progress.side,
        "reference": progress.reference,
        "fired_at": progress.fired_at,
    }


def _terms(alert: PriceAlert) -> dict[str, Any]:
    names = ("subject", "symbol", "other_symbol", "ratio", "condition", "level")
    return {name: getattr(alert, name) for name in names}


def _shown(fired: Fired) -> list[dict[str, Any]]:
    def age(at: datetime | None) -> int | None:
        return None if at is None else max(0, int((fired.at - at).total_seconds() * 1000))

    return [
        {"name": one.name, "price": str(one.price), "age_ms": age(one.at), "source": one.source} for one in fired.seen
    ]


def _publishing(publish: Callable[[object], None], event: object) -> Callable[[], None]:
    return lambda: publish(event)
