"""What people do with replays, and what plays them. Whoever asks for somebody else's finds nothing.

Asking writes a row with all that the replay needs: the strategy as it is now, its accounts by name, its terms. A
process of its own plays it; the same row gives the same journal whenever it is played.
"""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, defer

from app.accounts.models import Account
from app.audit.trail import Trail
from app.core import actors
from app.core.clock import INDIA, Clock
from app.core.db import Database, swap
from app.core.errors import Denied, NotFound
from app.core.ids import new_id
from app.core.owning import owned
from app.replays.models import Recording, Replay
from app.replays.terms import Terms
from app.strategies.models import StrategyAccount
from app.strategies.owning import own_strategy
from app.strategies.versions import content_of, draft_of

MOST_WAITING = 10  # of one person
NOBODY = {"id": "simulated", "name": "Simulated", "currency": "INR"}
OVER = ("done", "failed", "cancelled")


class Replays:
    def __init__(self, db: Database, clock: Clock, trail: Trail) -> None:
        self._db = db
        self._clock = clock
        self._trail = trail

    # -- what people do

    def list(self, owner_id: str, strategy_id: str = "", limit: int = 100) -> Sequence[Replay]:
        """The newest first, with their totals alone."""
        query = select(Replay).options(defer(Replay.journal), defer(Replay.result)).where(Replay.owner_id == owner_id)
        if strategy_id:
            query = query.where(Replay.strategy_id == strategy_id)
        with self._db.read() as session:
            return session.scalars(query.order_by(Replay.asked_at.desc(), Replay.id.desc()).limit(limit)).all()

    def get(self, owner_id: str, replay_id: str) -> Replay:
        with self._db.read() as session:
            return owned(session, Replay, owner_id, replay_id, "replay")

    def journal(self, owner_id: str, replay_id: str) -> bytes:
        """JSON lines. Raises NotFound while there are none."""
        row = self.get(owner_id, replay_id)
        if row.journal is None:
            raise NotFound("This replay has no journal: it was not played to its end.")
        return zlib.decompress(row.journal)

    def ask(self, owner_id: str, strategy_id: str, terms: Terms, state: str = "waiting") -> str:
        """It waits for its turn. Raises NotFound for a strategy or a recording that is not there, and Denied where
        too many wait."""
        now = self._clock.now()
        with self._db.write() as session:
            strategy = own_strategy(session, owner_id, strategy_id)
            waiting = (Replay.owner_id == owner_id, Replay.state.in_(("waiting", "playing")))
            if (session.scalar(select(func.count()).where(*waiting)) or 0) >= MOST_WAITING:
                raise Denied(f"{MOST_WAITING} replays wait already: let them be played, or cancel some.")
            shares = session.scalars(select(StrategyAccount).where(StrategyAccount.strategy_id == strategy_id)).all()
            row = Replay(
                id=new_id(), owner_id=owner_id, strategy_id=strategy_id, version=strategy.version, name=strategy.name,
                content=content_of(draft_of(strategy, shares)), accounts=_accounts(session, shares),
                terms=terms.model_dump(mode="json"), tape=_tape(session, owner_id, terms), state=state, progress=0,
                asked_at=now, trouble="", fingerprint="", began_at=now if state == "playing" else None,
            )  # fmt: skip
            session.add(row)
            session.flush()
            about = {"strategy": strategy.name, "tape": row.tape}
            self._trail.record(session, actors.current(), "replay.asked", ("replay", row.id), about)
            return row.id

    def cancel(self, owner_id: str, replay_id: str) -> None:
        """What waits is cancelled at once, what plays within moments; what is over stays as it is."""
        now = self._clock.now()
        with self._db.write() as session:
            row = owned(session, Replay, owner_id, replay_id, "replay")
            if row.state == "waiting":
                row.state, row.ended_at = "cancelled", now
            elif row.state == "playing" and row.cancel_asked_at is None:
                row.cancel_asked_at = now

    def remove(self, owner_id: str, replay_id: str) -> None:
        """Raises Denied for one that is not over."""
        with self._db.write() as session:
            row = owned(session, Replay, owner_id, replay_id, "replay")
            if row.state not in OVER:
                raise Denied("This replay is not over: cancel it first.")
            about = {"strategy": row.name, "tape": row.tape}
            self._trail.record(session, actors.current(), "replay.removed", ("replay", row.id), about)
            session.delete(row)

    # -- what plays them

    def claim(self) -> str | None:
        """The one that has waited longest is played now; None where none waits."""
        with self._db.read() as session:
            waiting = select(Replay.id).where(Replay.state == "waiting").order_by(Replay.asked_at, Replay.id).limit(1)
            found = session.scalar(waiting)
        if found is None:
            return None
        change = {"state": "playing", "began_at": self._clock.now(), "progress": 0}
        with self._db.write() as session:
            return found if swap(session, Replay, found, {"state": "waiting"}, change) else None

    def again(self) -> None:
        """Those that were played by whoever is no more are played anew."""
        with self._db.write() as session:
            session.execute(update(Replay).where(Replay.state == "playing").values(state="waiting", progress=0))

    def cancel_asked_at(self, replay_id: str) -> datetime | None:
        """When a person wanted it ended; None for one that is gone, too."""
        with self._db.read() as session:
            return session.scalar(select(Replay.cancel_asked_at).where(Replay.id == replay_id))

    def row(self, replay_id: str) -> Replay:
        """For whoever plays it."""
        with self._db.read() as session:
            return session.get_one(Replay, replay_id)

    def recording(self, row: Replay) -> Recording:
        """What it is played over. Raises Denied where that is gone."""
        with self._db.read() as session:
            found = session.get(Recording, row.terms["recording_id"])
        if found is None or found.owner_id != row.owner_id:
            raise Denied("The recording is gone: nothing can be played.")
        return found

    def go_on(self, replay_id: str, percent: int) -> bool:
        """Note how far it is; whether to go on."""
        with self._db.write() as session:
            row = session.get_one(Replay, replay_id)
            row.progress = min(percent, 100)
            return row.state == "playing" and row.cancel_asked_at is None

    def finish(self, replay_id: str, fingerprint: str, journal: bytes, result: dict[str, Any]) -> None:
        change = {"state": "done", "progress": 100, "ended_at": self._clock.now(), "fingerprint": fingerprint}
        kept = {"journal": zlib.compress(journal, 6), "result": result, "totals": result["totals"]}
        with self._db.write() as session:
            swap(session, Replay, replay_id, {"state": "playing"}, change | kept)

    def fail(self, replay_id: str, why: str, state: str = "failed") -> None:
        change = {"state": state, "ended_at": self._clock.now(), "trouble": why}
        with self._db.write() as session:
            swap(session, Replay, replay_id, {"state": "playing"}, change)


def _accounts(session: Session, shares: Sequence[StrategyAccount]) -> list[dict[str, Any]]:
    ids = [share.account_id for share in shares]
    rows = session.scalars(select(Account).where(Account.id.in_(ids)).order_by(Account.name_key))
    return [{"id": row.id, "name": row.name, "currency": row.currency} for row in rows] or [NOBODY]


def _tape(session: Session, owner_id: str, terms: Terms) -> str:
    """In words. Raises NotFound for a recording that is not there."""
    if terms.tape == "synthetic" and terms.start is not None:
        return f"Synthetic day from {india(terms.start):%d %b %Y %H:%M}, seed {terms.seed}"
    row = owned(session, Recording, owner_id, terms.recording_id, "recording")
    return f"{row.day:%d %b %Y}: {row.title}"[:160]


def india(moment: datetime) -> datetime:
    """What has no zone is meant there."""
    return moment.replace(tzinfo=INDIA) if moment.tzinfo is None else moment.astimezone(INDIA)
