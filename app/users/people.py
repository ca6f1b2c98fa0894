"""The people of this desk, as their admin sees them. There is always an active admin left, and nobody loses sight of
what still trades in their name.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.core.actors import current
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Denied, NotFound
from app.users import names
from app.users.appearance import check_appearance
from app.users.invites import revoke_all_of
from app.users.models import User
from app.users.record import Record
from app.users.roles import Role
from app.users.sessions import Sessions

BusyWith = Callable[[Session, str], str]


class People:
    """`busy_with` answers what a person has under way that nobody else could see or end ("1 live run: …"), or ""."""

    def __init__(
        self, db: Database, clock: Clock, sessions: Sessions, record: Record,
        busy_with: BusyWith = lambda _session, _user_id: "",
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._sessions = sessions
        self._record = record
        self._busy_with = busy_with

    def none_yet(self) -> bool:
        with self._db.read() as session:
            return not session.scalar(select(exists(select(User.id))))

    def list(self) -> Sequence[User]:
        with self._db.read() as session:
            return session.scalars(select(User).order_by(User.created_at)).all()

    def get(self, user_id: str) -> User:
        with self._db.read() as session:
            return _existing(session.get(User, user_id))

    def named(self, name: str) -> User:
        with self._db.read() as session:
            return _existing(session.scalar(select(User).where(User.name_key == names.key(name))))

    def set_role(self, admin: User, user_id: str, role: Role) -> None:
        """A viewer sees the desk of the admin who made them one. Raises Denied for one who has something under way."""
        with self._db.write(durable=True) as session:
            user = self._changeable(session, user_id, keeps_admin=role == Role.ADMIN)
            if role == Role.VIEWER and user.role != Role.VIEWER:
                self._check_idle(session, user)
            if role != Role.ADMIN:
                revoke_all_of(session, user.id, self._clock.now())
            before, user.role = user.role, role.value
            user.sees_id = admin.id if role == Role.VIEWER and admin.id != user.id else None
            detail = {"before": {"role": before}, "after": {"role": role}}
            self._record(session, current(), "user.role_changed", ("user", user.id), detail)

    def set_active(self, admin: User, user_id: str, active: bool) -> None:
        """Someone who is switched off is signed out everywhere at once, and their API tokens stop working. Raises
        Denied for one who has something under way."""
        with self._db.write(durable=True) as session:
            user = self._changeable(session, user_id, keeps_admin=active)
            if not active and user.active:
                self._check_idle(session, user)
            before, user.active = user.active, active
            if not active:
                revoke_all_of(session, user.id, self._clock.now())
                self._sessions.revoke_all(session, user.id)
            detail = {"before": {"active": before}, "after": {"active": active}}
            self._record(session, current(), "user.activity_changed", ("user", user.id), detail)

    def set_appearance(self, user_id: str, appearance: dict[str, Any]) -> None:
        with self._db.write() as session:
            user = _existing(session.get(User, user_id))
            user.appearance = {**user.appearance, **check_appearance(appearance)}

    def _changeable(self, session: Session, user_id: str, keeps_admin: bool) -> User:
        """Lock the admins while we look, so that two of them can't remove each other at the same moment."""
        admins = session.scalars(
            select(User).where(User.role == Role.ADMIN, User.active).order_by(User.id).with_for_update()
        ).all()
        if not keeps_admin and [admin.id for admin in admins] == [user_id]:
            raise Denied("The desk needs an admin: make someone else one first.")
        return _existing(session.get(User, user_id))

    def _check_idle(self, session: Session, user: User) -> None:
        busy = self._busy_with(session, user.id)
        if busy:
            told = f"{user.name} has {busy}. Nobody could see or exit that any more: nothing was changed."
            raise Denied(f"{told} First the runs have to end: a kill switch for {user.name} ends them all.")


def _existing(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no such user.")
    return user
