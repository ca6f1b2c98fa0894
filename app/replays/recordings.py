"""What people do with recordings, and what the engine notes of them. Whoever asks for somebody else's finds nothing.

Asking only writes a row: the engine, which hears the prices, begins within a second. A recording is of one day in
India and ends with it; its ticks are files in a folder of its own.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock, day_in_india
from app.core.db import Database
from app.core.errors import Denied, Invalid, NotFound
from app.core.ids import new_id
from app.core.owning import owned
from app.replays.models import Recording, Replay
from app.replays.terms import no_number
from app.replays.tick_files import TickFolder
from app.strategies.owning import own_strategy

MOST_SYMBOLS = 500
OF_A_STRATEGY = ("strategy", "candles")
FURTHEST = timedelta(days=60)  # that candles are asked for
MOST_ON = 5  # of one person at a time
SYMBOL = r"^[A-Za-z0-9_]{1,32}:[A-Za-z0-9&._-]{1,64}$"


_ON = select(Recording).where(Recording.state == "on").order_by(Recording.id)


class RecordingWish(BaseModel):
    """`symbols` as EXCHANGE:NAME; of a `strategy` what its legs may trade is recorded, with the strikes around the
    money; `everything` is whatever the feed hears. `candles` are read of the broker instead, minute by minute, for what
    a strategy may trade on a `day` that was."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    what: Literal["symbols", "strategy", "everything", "candles"] = "symbols"
    symbols: Annotated[
        list[Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=SYMBOL)]],
        Field(max_length=MOST_SYMBOLS),
    ] = Field(default_factory=list)
    strategy_id: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Za-z]{0,40}$")] = ""
    day: Annotated[date | None, BeforeValidator(no_number)] = None

    @field_validator("symbols")
    @classmethod
    def _names_symbols(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if info.data.get("what") == "symbols" and not value:
            raise ValueError("say at least one symbol, as EXCHANGE:NAME")
        return value

    @field_validator("strategy_id")
    @classmethod
    def _names_a_strategy(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("what") in OF_A_STRATEGY and not value:
            raise ValueError("say which strategy")
        return value

    @field_validator("day")
    @classmethod
    def _names_a_day(cls, value: date | None, info: ValidationInfo) -> date | None:
        if info.data.get("what") == "candles" and value is None:
            raise ValueError("say which day")
        return value


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a batch added, and how much of the disk it all takes."""

    ticks: int
    heard: int
    dropped: int
    size: int
    first_at: datetime
    last_at: datetime


class Recordings:
    def __init__(self, db: Database, clock: Clock, trail: Trail, folder: Path) -> None:
        self._db = db
        self._clock = clock
        self._trail = trail
        self._folder = folder

    # -- what people do

    def list(self, owner_id: str) -> Sequence[Recording]:
        """The newest first."""
        query = select(Recording).where(Recording.owner_id == owner_id)
        with self._db.read() as session:
            return session.scalars(query.order_by(Recording.day.desc(), Recording.id.desc())).all()

    def get(self, owner_id: str, recording_id: str) -> Recording:
        with self._db.read() as session:
            return owned(session, Recording, owner_id, recording_id, "recording")

    def begin(self, owner_id: str, wish: RecordingWish) -> str:
        """From now until the end of the day in India. Raises Denied when too many are on."""
        now = self._clock.now()
        day = day_in_india(now) if wish.what != "candles" or wish.day is None else wish.day
        if not timedelta() <= day_in_india(now) - day <= FURTHEST:
            raise Invalid.field("day", f"Candles are read of a day that was, at most {FURTHEST.days} days ago.")
        with self._db.write() as session:
            on = (Recording.owner_id == owner_id, Recording.state == "on")
            if (session.scalar(select(func.count()).where(*on)) or 0) >= MOST_ON:
                raise Denied(f"{MOST_ON} recordings are on already: end one of them first.")
            row = Recording(
                id=new_id(), owner_id=owner_id, day=day, what=wish.what,
                symbols=sorted(set(wish.symbols)), strategy_id=wish.strategy_id if wish.what in OF_A_STRATEGY else None,
                title=_title(session, owner_id, wish), state="on", asked_at=now,
                heard=0, ticks=0, dropped=0, size=0, trouble="",
            )  # fmt: skip
            session.add(row)
            session.flush()
            self._note(session, "recording.begun", row.id, {"what": row.title})
            return row.id

    def end(self, owner_id: str, recording_id: str) -> None:
        """Ending what has ended changes nothing."""
        with self._db.write() as session:
            row = owned(session, Recording, owner_id, recording_id, "recording")
            if row.state == "on":
                row.state, row.ended_at = "ended", self._clock.now()
                self._note(session, "recording.ended", row.id, {"ticks": row.ticks})

    def remove(self, owner_id: str, recording_id: str) -> None:
        """With its files. Refused while it is on, or while it is played."""
        with self._db.write() as session:
            row = owned(session, Recording, owner_id, recording_id, "recording")
            if row.state == "on":
                raise Denied("This recording is on: end it first.")
            playing = select(Replay.terms).where(Replay.owner_id == owner_id, Replay.state.in_(("waiting", "playing")))
            if any(terms.get("recording_id") == recording_id for terms in session.scalars(playing)):
                raise Denied("A replay plays this recording now: wait for its end, or cancel it.")
            self._note(session, "recording.removed", row.id, {"what": row.title, "ticks": row.ticks})
            session.delete(row)
        shutil.rmtree(self.folder(row), ignore_errors=True)

    def files(self, owner_id: str, recording_id: str) -> Sequence[Path]:
        """Its files of ticks, in their order, and what was listed that day."""
        folder = self.folder(self.get(owner_id, recording_id))
        others = sorted(folder.glob("*.json"))
        return [*(part.path for part in TickFolder(folder).parts), *others]

    def file(self, owner_id: str, recording_id: str, name: str) -> Path:
        """Raises NotFound for what is none of its files."""
        found = next((path for path in self.files(owner_id, recording_id) if path.name == name), None)
        if found is None:
            raise NotFound("The recording has no such file. Small ones are put together now and then: look again.")
        return found

    def folder(self, row: Recording) -> Path:
        return self._folder / row.day.isoformat() / row.id

    # -- what the engine does

    def on(self) -> Sequence[Recording]:
        """Of everybody, the oldest first."""
        with self._db.read() as session:
            return session.scalars(_ON.where(Recording.what != "candles")).all()

    def candle_days(self) -> Sequence[Recording]:
        """Those that candles are to be read for."""
        with self._db.read() as session:
            return session.scalars(_ON.where(Recording.what == "candles")).all()

    def add(self, recording_id: str, flushed: Flushed) -> None:
        with self._db.write() as session:
            row = session.get(Recording, recording_id)
            if row is None:
                return
            row.ticks, row.dropped = row.ticks + flushed.ticks, row.dropped + flushed.dropped
            row.heard, row.size = flushed.heard, flushed.size
            row.first_at, row.last_at = row.first_at or flushed.first_at, flushed.last_at

    def over(self, recording_id: str, trouble: str = "") -> None:
        """Its day has ended, or it cannot go on."""
        change = {"state": "ended", "ended_at": self._clock.now(), "trouble": trouble}
        with self._db.write() as session:
            where = (Recording.id == recording_id, Recording.state == "on")
            session.execute(update(Recording).where(*where).values(**change))

    def _note(self, session: Session, action: str, recording_id: str, detail: dict[str, object]) -> None:
        self._trail.record(session, actors.current(), action, ("recording", recording_id), detail)


def is_of(row: Recording, now: datetime) -> bool:
    """Whether its day is this one."""
    today: date = day_in_india(now)
    return row.day == today


def _title(session: Session, owner_id: str, wish: RecordingWish) -> str:
    """For people. Raises NotFound where the strategy is not there."""
    if wish.what == "everything":
        return "Everything the feed hears"
    if wish.what in OF_A_STRATEGY:
        name = own_strategy(session, owner_id, wish.strategy_id).name
        kind = "Minute candles, the worst price first," if wish.what == "candles" else "Contracts"
        return f"{kind} {'for' if wish.what == 'candles' else 'of'} {name}"[:120]
    first = ", ".join(wish.symbols[:3])
    more = len(wish.symbols) - 3
    return (f"{first} and {more} more" if more > 0 else first)[:120]
