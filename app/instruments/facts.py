"""Facts and holidays: what ships with the desk, and all that is on record, read whole."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from importlib.resources import files
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.ids import new_id
from app.instruments.models import Fact, FactKind, Holiday, Override
from app.instruments.rulings import EVERY, Ruling, Rulings, spell_day
from app.instruments.trading_days import SpecialDay


def seed(session: Session) -> int:
    """Add the facts and holidays that ship with the desk and are not on record yet; the number of rows added.

    What is on record stays: a person's correction outlives every later start.
    """
    known_facts = {
        tuple(row) for row in session.execute(select(Fact.kind, Fact.exchange, Fact.subject, Fact.effective_from))
    }
    known_days = {tuple(row) for row in session.execute(select(Holiday.exchange, Holiday.date))}
    facts = [row for row in _facts() if (row.kind, row.exchange, row.subject, row.effective_from) not in known_facts]
    days = [row for row in _holidays() if (row.exchange, row.date) not in known_days]
    session.add_all([*facts, *days])
    session.flush()
    return len(facts) + len(days)


def put(session: Session, fact: Fact) -> Fact:
    """Record a fact, replacing the one of the same day."""
    known = session.scalar(
        select(Fact).where(
            Fact.kind == fact.kind,
            Fact.exchange == fact.exchange,
            Fact.subject == fact.subject,
            Fact.effective_from == fact.effective_from,
        )
    )
    if known is None:
        session.add(fact)
    else:
        known.value, known.source, known.set_by = fact.value, fact.source, fact.set_by
    session.flush()
    return known or fact


def read(session: Session) -> Rulings:
    """All that is on record now."""
    shipped = [
        Ruling(row.kind, row.exchange, row.subject, row.value, row.effective_from, row.source)
        for row in session.scalars(select(Fact))
    ]
    overrides = [ruling_of(row) for row in session.scalars(select(Override))]
    days = [
        Ruling(FactKind.DAY, row.exchange, EVERY, spell_day(_special(row)), row.date, row.source)
        for row in session.scalars(select(Holiday))
    ]
    return Rulings([*shipped, *overrides, *days])


def _special(row: Holiday) -> SpecialDay:
    return SpecialDay(row.kind, row.name, row.opens, row.closes)


def version(session: Session) -> tuple[int, datetime | None]:
    """Another one as soon as an override was set or ended."""
    count, newest = session.execute(select(func.count(), func.max(Override.changed_at))).one()
    return count, newest


def ruling_of(row: Override) -> Ruling:
    return Ruling(
        kind=row.kind,
        exchange=row.exchange,
        subject=row.subject,
        value=row.value,
        effective_from=row.effective_from,
        source=row.source,
        until=row.until,
        override_id=row.id,
        reason=row.reason,
        set_by=row.set_by_name,
        set_at=row.set_at,
        ended_by=row.ended_by_name or "",
        end_reason=row.end_reason or "",
    )


def put_holidays(session: Session, rows: Iterable[Holiday]) -> None:
    """Record holidays, replacing those of the same exchange and day."""
    for row in rows:
        known = session.scalar(select(Holiday).where(Holiday.exchange == row.exchange, Holiday.date == row.date))
        if known is None:
            session.add(row)
        else:
            known.name, known.kind, known.source = row.name, row.kind, row.source
            known.opens, known.closes = row.opens, row.closes
    session.flush()


def _facts() -> Iterator[Fact]:
    for row in _table("facts.csv"):
        yield Fact(
            id=new_id(),
            kind=row["kind"],
            exchange=row["exchange"],
            subject=row["subject"],
            value=row["value"],
            effective_from=date.fromisoformat(row["effective_from"]),
            source=row["source"],
        )


def _holidays() -> Iterator[Holiday]:
    for row in _table("holidays.csv"):
        for exchange in row["exchanges"].split():
            yield Holiday(
                id=new_id(),
                exchange=exchange,
                date=date.fromisoformat(row["date"]),
                name=row["name"],
                kind=row["kind"],
                opens=_time(row["opens"]),
                closes=_time(row["closes"]),
                source=row["source"],
            )


def _time(text: str) -> time | None:
    return time.fromisoformat(text) if text else None


def _table(name: str) -> list[dict[str, Any]]:
    text = files("app.instruments").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
