"""One engine acts at a time. The lease is a row taken by compare-and-swap; its epoch is part of every claim, so an
engine that lost the lease without noticing can claim nothing more, and sends nothing it claimed before. What it has
open at the database is ended: it may stand still in the middle of a unit of work and keep its rows from us."""

import os
from datetime import datetime, timedelta

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.core.clock import Clock
from app.core.db import Database
from app.core.ids import new_id
from app.execution.journal import Claimant
from app.execution.models import EngineLease

NAME = "engine"
TERM = timedelta(seconds=8)


def new_engine_id(db: Database) -> str:
    """Which process it is, what its sessions are called at the database, and which engine of that process."""
    return f"{os.getpid()}-{db.name}-{new_id()[-8:]}"


class Lease:
    def __init__(self, db: Database, clock: Clock, engine_id: str) -> None:
        self._db = db
        self._clock = clock
        self.engine_id = engine_id
        self.epoch = 0
        self._until = clock.now()

    @property
    def claimant(self) -> Claimant:
        return Claimant(self.engine_id, self.epoch, self._until)

    def take(self) -> bool:
        """Take or renew the lease; False while another engine holds it. Whoever has lost it once never gets it back:
        what it claimed before, another engine has judged since."""
        now = self._clock.now()
        if not self.epoch:
            self._end_who_fell_silent(now)
        mine = EngineLease.holder == self.engine_id
        with self._db.write() as session:
            epoch = session.scalar(
                update(EngineLease)
                .where(EngineLease.id == NAME, mine)
                .values(expires_at=now + TERM)
                .returning(EngineLease.epoch)
                .execution_options(synchronize_session=False)
            )
            if epoch is None and not self.epoch:
                epoch = session.scalar(
                    update(EngineLease)
                    .where(EngineLease.id == NAME, or_(EngineLease.expires_at < now, EngineLease.holder == ""))
                    .values(holder=self.engine_id, epoch=EngineLease.epoch + 1, expires_at=now + TERM)
                    .returning(EngineLease.epoch)
                    .execution_options(synchronize_session=False)
                )
        if epoch is None:
            return not self.epoch and self._create()
        self.epoch, self._until = epoch, now + TERM
        return True

    def _end_who_fell_silent(self, now: datetime) -> None:
        with self._db.read() as session:
            lease = session.get(EngineLease, NAME)
        if lease is not None and lease.expires_at < now and lease.holder.count("-") == 2:
            self._db.end_sessions(lease.holder.split("-")[1])

    def _create(self) -> bool:
        now = self._clock.now()
        try:
            with self._db.write() as session:
                if session.scalar(select(EngineLease.id).where(EngineLease.id == NAME)):
                    return False
                session.execute(
                    insert(EngineLease).values(id=NAME, holder=self.engine_id, epoch=1, expires_at=now + TERM)
                )
        except IntegrityError:  # another engine made the row at the same moment
            return False
        self.epoch, self._until = 1, now + TERM
        return True

    def release(self) -> None:
        """Let the next engine start at once."""
        with self._db.write() as session:
            session.execute(
                update(EngineLease)
                .where(EngineLease.id == NAME, EngineLease.holder == self.engine_id)
                .values(holder="", expires_at=self._clock.now())
                .execution_options(synchronize_session=False)
            )
