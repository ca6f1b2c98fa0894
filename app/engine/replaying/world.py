"""The database that a replay has to itself: the strategy as it was, its accounts, and what was listed on that day."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert, select

from app import tables
from app.accounts.models import Account
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Denied
from app.instruments.models import Fact, Holiday, Instrument, Master, Override
from app.replays.models import Replay
from app.strategies.legs import AccountShare, Draft
from app.strategies.sizing import Sizing
from app.users.models import User
from app.users.roles import Role
from app.wiring import Services, build
from config import Settings

KNOWN = (Fact, Holiday, Override)  # of the calendar, and of what admins overruled


@contextmanager
def world(settings: Settings, live: Database, replay: Replay, clock: Clock) -> Iterator[Services]:
    """Services over an empty database, with what the desk knows of calendars; gone when the replay is over."""
    path = folder_of(settings, replay.id)
    shutil.rmtree(path, ignore_errors=True)  # of a process that was killed
    path.mkdir(mode=0o700, parents=True)
    try:
        alone = replace(settings, instance=path, database_url=f"sqlite:///{path / 'tape.db'}", redis_url="")
        services = build(alone, clock=clock)
        try:
            tables.declared().create_all(services.db.writer)
            _know(services.db, live)
            _people(services.db, replay, clock.now())
            yield services
        finally:
            services.close()
    finally:
        shutil.rmtree(path, ignore_errors=True)


def folder_of(settings: Settings, replay_id: str) -> Path:
    """What a replay has to itself while it is played."""
    return settings.instance / f"replay-{replay_id}"


def _know(here: Database, live: Database) -> None:
    with live.read() as there, here.write() as session:
        for model in KNOWN:
            table: Table = model.__table__  # type: ignore[assignment]  # a declarative class has a Table
            rows = [dict(row) | {"set_by": None} for row in there.execute(select(table)).mappings()]
            names = {column.name for column in table.columns}
            if rows:
                session.execute(insert(table), [{k: v for k, v in row.items() if k in names} for row in rows])


def _people(here: Database, replay: Replay, now: datetime) -> None:
    with here.write() as session:
        name = {"name": "replay", "name_key": "replay", "password_hash": "", "role": Role.TRADER}
        session.add(User(id=replay.owner_id, created_at=now, password_changed_at=now, **name))
        session.flush()
        session.add_all(_account(replay.owner_id, one, rank, now) for rank, one in enumerate(replay.accounts))


def _account(owner_id: str, of: dict[str, Any], rank: int, now: datetime) -> Account:
    """As it trades there: nothing of it leads to a venue."""
    place = {"venue_kind": "openalgo", "host_url": "", "stream_url": "", "api_key_sealed": ""}
    how = {"default_product": "NRML", "expected_mode": "paper", "currency": of["currency"]}
    named = {"id": of["id"], "owner_id": owner_id, "name": of["name"], "name_key": of["name"].casefold()}
    return Account(failover_rank=rank, created_at=now, updated_at=now, **named, **place, **how)


def list_contracts(here: Database, rows: Sequence[Instrument], now: datetime) -> None:
    """What was listed on the day of the tape. Raises Denied where nothing is."""
    if not rows:
        raise Denied("Nothing says what was listed on that day: the recording has no contracts.")
    with here.write() as session:
        session.add_all(rows)
        counted = Counter((row.venue_kind, row.exchange) for row in rows)
        session.add_all(
            Master(venue_kind=kind, exchange=exchange, source="the tape", synced_at=now, contracts=count)
            for (kind, exchange), count in counted.items()
        )


def draft_of(replay: Replay) -> tuple[Draft, list[str]]:
    """The strategy to play, and what of it is not played, in sentences."""
    draft, said = Draft.model_validate(replay.content), []
    if not draft.sizing.is_fixed:
        said.append("Lots are as written in the legs: what an account had on that day nobody knows, so no size rule.")
    shares = [AccountShare(account_id=one.account_id, multiplier=one.multiplier) for one in draft.accounts]
    if not shares:
        shares = [AccountShare(account_id=replay.accounts[0]["id"])]
        said.append("The strategy has no accounts: one simulated account with the multiplier 1 plays it.")
    return draft.model_copy(update={"accounts": shares, "sizing": Sizing()}), said
