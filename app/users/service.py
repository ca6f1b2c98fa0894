"""The room's front desk: everything about people, put together over one database."""

from dataclasses import dataclass
from datetime import timedelta

from app.core.clock import Clock
from app.core.db import Database
from app.users.api_tokens import ApiTokens
from app.users.door import Door
from app.users.invites import Invites
from app.users.keyring import Keyring
from app.users.passwords import Passwords
from app.users.people import People
from app.users.record import Record
from app.users.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Users:
    people: People
    door: Door
    sessions: Sessions
    tokens: ApiTokens
    invites: Invites
    keyring: Keyring


def build(db: Database, clock: Clock, record: Record, passwords: Passwords, session_hours: int) -> Users:
    sessions = Sessions(db, clock, timedelta(hours=session_hours))
    invites, tokens = Invites(db, clock), ApiTokens(db, clock)
    return Users(
        people=People(db, clock, sessions, record),
        door=Door(db, clock, passwords, sessions, invites, record),
        sessions=sessions,
        tokens=tokens,
        invites=invites,
        keyring=Keyring(db, sessions, tokens, invites, record),
    )
