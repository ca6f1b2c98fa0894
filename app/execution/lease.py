"""One engine acts at a time. The lease is a row taken by compare-and-swap; its epoch is part of every claim, so an
engine that lost the lease without noticing can claim nothing more."""

from datetime import timedelta

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.core.clock import Clock
from app.core.db import Database
from app.execution.journal import Claimant
from app.execution.models import EngineLease

NAME = "engine"
TERM = timedelta(seconds=8)


class Lease:
    def __init__(self, db: Database, clock: Clock, engine_id: str) -> None:
        self._db = db
        self._clock = clock
        self.engine_id = engine_id
        self.epoch = 0

    @property
    def claimant(self) -> Claimant:
        return Claimant(self.engine_id, self.epoch)

    def take(self) -> bool:
        """Take or renew the lease; False while another engine holds it."""
        now = self._clock.now()
        mine = EngineLease.holder == self.engine_id
        with self._db.write() as session:
            epoch = session.scalar(
                update(EngineLease)
                .where(EngineLease.id == NAME, mine)
                .values(expires_at=now + TERM)
                .returning(EngineLease.epoch)
                .execution_options(synchronize_session=False)
            )
            if epoch is None:
                epoch = session.scalar(
                    update(EngineLease)
                    .where(EngineLease.id == NAME, or_(EngineLease.expires_at < now, EngineLease.holder == ""))
                    .values(holder=self.engine_id, epoch=EngineLease.epoch + 1, expires_at=now + TERM)
                    .returning(EngineLease.epoch)
                    .execution_options(synchronize_session=False)
                )
        if epoch is None:
            return self._create()
        self.epoch = epoch
        return True

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
        self.epoch = 1
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
