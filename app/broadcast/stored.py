"""The newest of accounts' books in the database: written by the engine, read back after a restart."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

import orjson
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.broadcast.kept import Change, Kept, Known, Reading, milliseconds
from app.broadcast.models import CachedCount, CachedPart
from app.broadcast.parts import Part, Source


def write_parts(session: Session, account_id: str, seq: int, changes: Sequence[Change]) -> None:
    for is_new, statement in ((True, insert(CachedPart)), (False, update(CachedPart))):
        rows = [
            {
                "account_id": account_id,
                "part": one.part.value,
                "data": orjson.dumps(list(one.rows.values())).decode(),
                "size": len(one.rows),
                "seq": seq,
                "source": one.source.value,
                "changed_at": one.read_at,
                "read_at": one.read_at,
                "fresh_ms": milliseconds(one.fresh),
            }
            for one in changes
            if (one.kept.noted_at is None) is is_new
        ]
        if rows:
            session.execute(statement, rows)


def note_reads(session: Session, readings: Iterable[Reading]) -> None:
    rows = [
        {
            "account_id": one.account_id,
            "part": one.part.value,
            "read_at": one.at,
            "source": one.kept.source.value,
            "fresh_ms": milliseconds(one.kept.fresh),
        }
        for one in readings
    ]
    if rows:
        session.execute(update(CachedPart), rows)


def write_counts(session: Session, counted: Iterable[tuple[str, Known]], changed: Collection[str]) -> None:
    for account_id, known in counted:
        row = {
            "account_id": account_id,
            "seq": known.seq + (account_id in changed),
            "polls": dict(known.polls),
            "pushes": known.pushes,
            "errors": known.errors,
            "since": known.since,
            "last_success_at": known.last_success_at,
            "last_error_at": known.last_error_at,
            "last_error": known.last_error,
        }
        session.execute(update(CachedCount) if known.is_counted else insert(CachedCount), [row])


def load(session: Session, account_id: str, now: datetime) -> Known | None:
    account = session.get(Account, account_id)
    if account is None:
        return None
    known = Known(account.owner_id, account.currency, now)
    count = session.get(CachedCount, account_id)
    if count is not None:
        known.seq, known.since, known.is_counted = count.seq, count.since, True
        known.polls, known.pushes, known.errors = dict(count.polls), count.pushes, count.errors
        known.last_success_at, known.last_error_at = count.last_success_at, count.last_error_at
        known.last_error = count.last_error
    for row in session.scalars(select(CachedPart).where(CachedPart.account_id == account_id)):
        rows = {one["id"]: one for one in orjson.loads(row.data)}
        fresh = timedelta(milliseconds=row.fresh_ms)
        known.parts[Part(row.part)] = Kept(rows, row.read_at, Source(row.source), fresh, rows, row.read_at)
    return known
