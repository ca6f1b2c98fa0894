"""What people do with alerts. Every method takes the owner first: someone else's alert is not found.

The web writes rows and nudges; the engine watches the prices.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.alerts.draft import Draft
from app.alerts.models import AlertFiring, PriceAlert
from app.alerts.rules import BEGINNING, AlertState, Subject
from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock
from app.core.db import Database, after_commit
from app.core.errors import Denied, Invalid
from app.core.ids import new_id
from app.core.link import Link
from app.core.owning import owned
from app.instruments.service import InstrumentService

MOST = 500  # alerts that an owner has on or paused at once
VENUE_KIND = "openalgo"
KEPT = (AlertState.ACTIVE, AlertState.PAUSED)


class AlertService:
    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail, instruments: InstrumentService) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail
        self._instruments = instruments

    # -- reading

    def list(self, owner_id: str) -> Sequence[PriceAlert]:
        """Those that are on first, then the newest."""
        with self._db.read() as session:
            return session.scalars(
                select(PriceAlert)
                .where(PriceAlert.owner_id == owner_id, PriceAlert.removed_at.is_(None))
                .order_by(PriceAlert.state != AlertState.ACTIVE, PriceAlert.id.desc())
            ).all()

    def get(self, owner_id: str, alert_id: str) -> PriceAlert:
        with self._db.read() as session:
            return owned(session, PriceAlert, owner_id, alert_id, "alert")

    def firings(self, owner_id: str, alert_id: str = "", before: str = "", limit: int = 50) -> Sequence[AlertFiring]:
        """The newest first; `before` is the id of the last of the page before."""
        query = select(AlertFiring).where(AlertFiring.owner_id == owner_id)
        if alert_id:
            query = query.where(AlertFiring.alert_id == alert_id)
        if before:
            query = query.where(AlertFiring.id < before)
        with self._db.read() as session:
            return session.scalars(query.order_by(AlertFiring.id.desc()).limit(limit)).all()

    # -- changing

    def create(self, owner_id: str, draft: Draft) -> str:
        now = self._clock.now()
        with self._db.write() as session:
            self._check(session, owner_id, draft)
            self._check_room(session, owner_id)
            alert = PriceAlert(
                id=new_id(), owner_id=owner_id, state=AlertState.ACTIVE, created_at=now, changed_at=now,
                **draft.columns(),
            )  # fmt: skip
            session.add(alert)
            self._done(session, owner_id, "alert.created", alert.id, {"after": draft.model_dump(mode="json")})
            return alert.id

    def change(self, owner_id: str, alert_id: str, draft: Draft, version: int | None = None) -> None:
        """It begins anew and is on, whatever it was. `version` is the one the changes were made from."""
        with self._db.write() as session:
            alert = owned(session, PriceAlert, owner_id, alert_id, "alert")
            if version not in (None, alert.version):
                raise Denied("This alert fired or was changed meanwhile: look at it again, nothing was saved.")
            self._check(session, owner_id, draft)
            if alert.state not in KEPT:
                self._check_room(session, owner_id)
            fresh = {"armed": BEGINNING.armed, "side": None, "fired_at": None}
            self._swap(session, alert, draft.columns() | fresh | {"state": AlertState.ACTIVE})
            self._done(session, owner_id, "alert.changed", alert_id, {"after": draft.model_dump(mode="json")})

    def pause(self, owner_id: str, alert_id: str) -> None:
        self._turn(owner_id, alert_id, AlertState.ACTIVE, AlertState.PAUSED)

    def resume(self, owner_id: str, alert_id: str) -> None:
        """Where it stands is found anew: what happened during the pause does not fire."""
        self._turn(owner_id, alert_id, AlertState.PAUSED, AlertState.ACTIVE)

    def remove(self, owner_id: str, alert_id: str) -> None:
        """What it told stays in the history."""
        with self._db.write() as session:
            alert = owned(session, PriceAlert, owner_id, alert_id, "alert")
            self._swap(session, alert, {"removed_at": self._clock.now()})
            self._done(session, owner_id, "alert.removed", alert_id)

    def _turn(self, owner_id: str, alert_id: str, expected: AlertState, wanted: AlertState) -> None:
        with self._db.write() as session:
            alert = owned(session, PriceAlert, owner_id, alert_id, "alert")
            if alert.state == wanted:
                return
            if alert.state != expected:
                raise Denied(f"This alert is {alert.state}: edit it to begin anew.")
            self._swap(session, alert, {"state": wanted, "side": None})
            self._done(session, owner_id, f"alert.{wanted}", alert_id)

    def _swap(self, session: Session, alert: PriceAlert, change: dict[str, Any]) -> None:
        """Raises Denied when the engine was faster: it fired in this moment."""
        values = change | {"version": alert.version + 1, "changed_at": self._clock.now()}
        statement = update(PriceAlert).where(PriceAlert.id == alert.id, PriceAlert.version == alert.version)
        result = session.execute(statement.values(**values).execution_options(synchronize_session=False))
        if result.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE gives a cursor result
            raise Denied("This alert fired in this moment: look at it again, nothing was changed.")

    def _check(self, session: Session, owner_id: str, draft: Draft) -> None:
        if draft.expires_at is not None and draft.expires_at <= self._clock.now():
            raise Invalid.field("expires_at", "This moment has passed.")
        if draft.subject is Subject.PNL:
            asked = (Account.id == draft.account_id, Account.owner_id == owner_id, Account.removed_at.is_(None))
            if session.scalar(select(Account.id).where(*asked)) is None:
                raise Invalid.field("account_id", "There is no such account.")
            return
        self._check_symbol("symbol", draft.exchange, draft.symbol)
        if draft.subject is Subject.SPREAD:
            self._check_symbol("other_symbol", draft.other_exchange, draft.other_symbol)

    def _check_symbol(self, name: str, exchange: str, symbol: str) -> None:
        if self._instruments.find(VENUE_KIND, exchange, symbol) is None:
            raise Invalid.field(name, f"There is no {symbol} on {exchange} on record.")

    def _check_room(self, session: Session, owner_id: str) -> None:
        query = select(func.count()).where(
            PriceAlert.owner_id == owner_id, PriceAlert.removed_at.is_(None), PriceAlert.state.in_(KEPT)
        )
        if (session.scalar(query) or 0) >= MOST:
            raise Denied(f"You have {MOST} alerts: delete one first.")

    def _done(
        self, session: Session, owner_id: str, action: str, alert_id: str, detail: dict[str, Any] | None = None
    ) -> None:
        self._trail.record(session, actors.current(), action, ("alert", alert_id), detail)
        rooms = ["alerts", f"alert:{alert_id}"]
        after_commit(session, lambda: self._link.send("alerts", {"owner": owner_id, "rooms": rooms}))
