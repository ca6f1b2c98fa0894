"""The newest of accounts' books for whoever reads: from the database alone, with the age that each part really has."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import select

from app.broadcast.models import CachedCount, CachedPart
from app.broadcast.parts import Part
from app.core.db import Database


@dataclass(frozen=True, slots=True)
class PartView:
    """A part as it was read last; `text` is JSON: a list of rows, of the funds the one row in it."""

    part: Part
    text: str
    size: int
    seq: int
    source: str
    read_at: datetime
    fresh: timedelta

    def age(self, now: datetime) -> timedelta:
        return max(timedelta(), now - self.read_at)

    def is_stale(self, now: datetime) -> bool:
        return self.age(now) > self.fresh

    @property
    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = orjson.loads(self.text)
        return found


Parts = Mapping[Part, PartView]  # a part that was never read is missing


class CachedAccounts:
    """Asks nobody whose account it is: the caller has found it among the owner's."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, account_ids: Collection[str], *parts: Part) -> dict[str, dict[Part, PartView]]:
        """By account id, one query; these parts or, without any named, all of them."""
        wanted = select(CachedPart).where(CachedPart.account_id.in_(account_ids))
        if parts:
            wanted = wanted.where(CachedPart.part.in_([part.value for part in parts]))
        found: dict[str, dict[Part, PartView]] = {account_id: {} for account_id in account_ids}
        with self._db.read() as session:
            for row in session.scalars(wanted):
                found[row.account_id][Part(row.part)] = _view(row)
        return found

    def counts(self, account_ids: Collection[str]) -> dict[str, CachedCount]:
        """An account that was never read is missing."""
        with self._db.read() as session:
            rows = session.scalars(select(CachedCount).where(CachedCount.account_id.in_(account_ids)))
            return {row.account_id: row for row in rows}


def _view(row: CachedPart) -> PartView:
    fresh = timedelta(milliseconds=row.fresh_ms)
    return PartView(Part(row.part), row.data, row.size, row.seq, row.source, row.read_at, fresh)
