"""Keep what a venue says is held: the whole book in one unit of work, or nothing of it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.ids import new_id
from app.portfolio.models import VenueHolding, VenuePosition, VenueReading
from app.venues.types import HoldingReport, PositionReport

Report = PositionReport | HoldingReport


class Snapshots:
    def __init__(self, db: Database) -> None:
        self._db = db

    def positions(self, account_id: str, reports: Sequence[PositionReport], now: datetime) -> None:
        """`reports` is a whole book: what is not in it is no longer held."""
        with self._db.write() as session:
            _replace(session, VenuePosition, account_id, reports, now)
            session.merge(VenueReading(account_id=account_id, positions_at=now))

    def holdings(self, account_id: str, reports: Sequence[HoldingReport], now: datetime) -> None:
        with self._db.write() as session:
            _replace(session, VenueHolding, account_id, reports, now)
            session.merge(VenueReading(account_id=account_id, holdings_at=now))


def _replace(
    session: Session,
    model: type[VenuePosition] | type[VenueHolding],
    account_id: str,
    reports: Sequence[Report],
    now: datetime,
) -> None:
    session.execute(delete(model).where(model.account_id == account_id))
    if reports:
        session.execute(insert(model), [_row(account_id, report, now) for report in reports])


def _row(account_id: str, report: Report, now: datetime) -> dict[str, object]:
    return {
        "id": new_id(),
        "account_id": account_id,
        "exchange": report.symbol.exchange,
        "symbol": report.symbol.name,
        "product": report.product,
        "quantity": report.quantity,
        "average_price": report.average_price,
        "last_price": report.last_price,
        "pnl": report.pnl,
        "seen_at": now,
    }
