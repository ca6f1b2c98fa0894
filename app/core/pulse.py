"""Signs of life in the database: who did what when, so that any page can say how old the truth is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import Clock
from app.core.db import Base, Database, Moment


class PulseRow(Base):
    __tablename__ = "pulses"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


@dataclass(frozen=True, slots=True)
class Beat:
    at: datetime
    detail: Mapping[str, Any]


class Pulse:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def beat(self, name: str, detail: dict[str, Any] | None = None) -> None:
        with self._db.write() as session:
            session.merge(PulseRow(name=name, at=self._clock.now(), detail=detail or {}))

    def forget(self, prefix: str, before: datetime) -> None:
        """Those whose names begin so and that were silent since."""
        with self._db.write() as session:
            gone = PulseRow.name.startswith(prefix, autoescape=True) & (PulseRow.at < before)
            session.execute(delete(PulseRow).where(gone))

    def read(self) -> dict[str, Beat]:
        """The last beat of each name: "engine", "feed"."""
        with self._db.read() as session:
            return {row.name: Beat(row.at, row.detail) for row in session.scalars(select(PulseRow))}
