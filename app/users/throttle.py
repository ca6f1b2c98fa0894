"""Guessing gets slower: failures are counted per name and per address, in the database, for every process
at once.

A try is counted before its password is looked at and forgiven when it was right, so many tries at the same
moment can't slip past the count. A name is counted whether or not it exists. People who are already signed
in stay so.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import DeskError
from app.core.ids import new_id
from app.users.models import SignInAttempt
from app.users.tickets import digest

WINDOW = timedelta(minutes=15)
PER_NAME_AND_IP = 5
PER_IP = 20
PER_NAME = 50  # from anywhere: high, or a stranger could lock a person out


class TooManyTries(DeskError):
    code = "rate_limit"
    status = 429


class Throttle:
    def __init__(self, db: Database) -> None:
        self._db = db

    def enter(self, name_key: str, ip: str, now: datetime) -> None:
        """Count this try. Raises TooManyTries when there were too many."""
        attempt = SignInAttempt(id=new_id(), name_hash=digest(name_key), ip=ip, at=now)
        with self._db.write() as session:
            session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - WINDOW))
            session.add(attempt)
        if self._too_many(attempt.name_hash, ip, now):
            raise TooManyTries("Too many tries. Wait fifteen minutes, then try again.")

    def forgive(self, session: Session, name_key: str, ip: str) -> None:
        mine = SignInAttempt.name_hash == digest(name_key), SignInAttempt.ip == ip
        session.execute(delete(SignInAttempt).where(*mine))

    def _too_many(self, name_hash: str, ip: str, now: datetime) -> bool:
        same_name, same_ip = SignInAttempt.name_hash == name_hash, SignInAttempt.ip == ip
        counts = select(
            func.count().filter(same_name, same_ip),
            func.count().filter(same_ip),
            func.count().filter(same_name),
        ).where(or_(same_name, same_ip), SignInAttempt.at >= now - WINDOW)
        with self._db.read() as session:
            both, by_ip, by_name = session.execute(counts).one()
        return both > PER_NAME_AND_IP or by_ip > PER_IP or by_name > PER_NAME
