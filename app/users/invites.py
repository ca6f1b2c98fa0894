"""Doors that open once: an invitation makes a person, a sign-in link opens a session. The winner is decided
by swap. An invitation is worth what its maker is: it opens only while they are an admin who may sign in.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.db import Database, swap
from app.core.errors import NotFound
from app.core.ids import new_id
from app.users.models import Invite, SignInLink, User
from app.users.roles import Role
from app.users.tickets import digest, new_ticket

INVITE_LASTS = timedelta(days=3)
LINK_LASTS = timedelta(hours=1)
USED_UP = "This link has been used, has expired or was withdrawn. Ask for a new one."


class Invites:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def create(self, session: Session, created_by: str, role: Role) -> tuple[Invite, str]:
        now = self._clock.now()
        secret, token_hash = new_ticket()
        invite = Invite(
            id=new_id(),
            token_hash=token_hash,
            role=role.value,
            created_by=created_by,
            created_at=now,
            expires_at=now + INVITE_LASTS,
        )
        session.add(invite)
        return invite, secret

    def open(self, secret: str) -> Invite | None:
        """The invitation behind a link, while it can still be accepted."""
        with self._db.read() as session:
            return self._open(session, secret)

    def use(self, session: Session, secret: str) -> Invite:
        """Take it, in the unit of work that makes the person; the second to try finds nothing."""
        invite = self._open(session, secret)
        free = {"used_at": None, "revoked_at": None}
        if invite is None or not swap(session, Invite, invite.id, free, {"used_at": self._clock.now()}):
            raise NotFound(USED_UP)
        return invite

    def list(self) -> Sequence[Invite]:
        """Those that wait for someone."""
        with self._db.read() as session:
            return session.scalars(_waiting(self._clock.now()).order_by(Invite.created_at.desc())).all()

    def revoke(self, session: Session, invite_id: str) -> None:
        free = {"used_at": None, "revoked_at": None}
        if not swap(session, Invite, invite_id, free, {"revoked_at": self._clock.now()}):
            raise NotFound("That invitation is no longer open.")

    def _open(self, session: Session, secret: str) -> Invite | None:
        return session.scalar(_waiting(self._clock.now()).where(Invite.token_hash == digest(secret)))


def revoke_all_of(session: Session, maker_id: str, now: datetime) -> int:
    """Withdraw what this person made and nobody has accepted yet; says how many."""
    free = (Invite.created_by == maker_id, Invite.used_at.is_(None), Invite.revoked_at.is_(None))
    change = update(Invite).where(*free).values(revoked_at=now).returning(Invite.id)
    return len(session.scalars(change.execution_options(synchronize_session=False)).all())


def _waiting(now: datetime) -> Select[Invite]:
    """Those that can be accepted."""
    maker = (User.active, User.role == Role.ADMIN)
    free = (*_usable(Invite, now), Invite.revoked_at.is_(None))
    return select(Invite).join(User, User.id == Invite.created_by).where(*maker, *free)


class SignInLinks:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def create(self, session: Session, user_id: str) -> str:
        now = self._clock.now()
        secret, token_hash = new_ticket()
        session.add(
            SignInLink(
                id=new_id(),
                user_id=user_id,
                token_hash=token_hash,
                created_at=now,
                expires_at=now + LINK_LASTS,
            )
        )
        return secret

    def use(self, session: Session, secret: str) -> str:
        """The user's id, once."""
        now = self._clock.now()
        mine = SignInLink.token_hash == digest(secret)
        link = session.scalar(select(SignInLink).where(mine, *_usable(SignInLink, now)))
        if link is None or not swap(session, SignInLink, link.id, {"used_at": None}, {"used_at": now}):
            raise NotFound(USED_UP)
        return link.user_id


def _usable(table: type[Invite] | type[SignInLink], now: datetime) -> tuple:
    return (table.used_at.is_(None), table.expires_at > now)
