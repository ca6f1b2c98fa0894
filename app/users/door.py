"""The ways in and out: first run, invitation, name and password, one-time link.

Whoever fails learns nothing about who exists: one sentence and one time for a wrong name, a wrong password
and a person who was switched off. The first person becomes the admin, and only one can be first: the
database says so.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.actors import Actor
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Denied, DeskError, Invalid, NotFound
from app.core.ids import new_id
from app.users import names
from app.users.invites import USED_UP, Invites, SignInLinks
from app.users.models import User
from app.users.passwords import Passwords, check_strength
from app.users.record import Record
from app.users.roles import Role
from app.users.sessions import Sessions
from app.users.throttle import Throttle


class SignInFailed(DeskError):
    code = "auth_failed"
    status = 401

    def __init__(self) -> None:
        super().__init__("That name and password don't match.")


@dataclass(frozen=True, slots=True)
class Visitor:
    ip: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Someone came in: the secret of their new session and when they came the time before."""

    user: User
    secret: str
    last_sign_in_at: datetime | None = None


class Door:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        passwords: Passwords,
        sessions: Sessions,
        invites: Invites,
        record: Record,
    ) -> None:
        self._db = db
        self._clock = clock
        self._passwords = passwords
        self._sessions = sessions
        self._invites = invites
        self._links = SignInLinks(clock)
        self._throttle = Throttle(db)
        self._record = record

    def found(self, name: str, password: str, visitor: Visitor) -> Entry:
        """The first person of a new desk; Denied once there is one."""
        user = self._person(name, password, Role.ADMIN)
        user.founder = True
        try:
            with self._db.write(durable=True) as session:
                if session.scalar(select(exists(select(User.id)))):
                    raise Denied("This desk has its admin already: sign in, or ask for an invitation.")
                return self._admit(session, user, visitor, "user.founded")
        except IntegrityError as error:  # another one was first, in the same instant
            raise Denied("This desk has its admin already: sign in, or ask for an invitation.") from error

    def join(self, secret: str, name: str, password: str, visitor: Visitor) -> Entry:
        """Accept an invitation."""
        if self._invites.open(secret) is None:
            raise NotFound(USED_UP)
        user = self._person(name, password, Role.VIEWER)
        try:
            with self._db.write(durable=True) as session:
                invite = self._invites.use(session, secret)
                user.role = invite.role
                user.sees_id = invite.created_by if invite.role == Role.VIEWER else None
                entry = self._admit(session, user, visitor, "user.joined")
                invite.used_by = user.id
                return entry
        except IntegrityError as error:
            raise Invalid.field("name", "That name is taken.") from error

    def sign_in(self, name: str, password: str, visitor: Visitor) -> Entry:
        name_key = names.key(name)
        self._throttle.enter(name_key, visitor.ip, self._clock.now())
        with self._db.read() as session:
            user = session.scalar(select(User).where(User.name_key == name_key))
        right = self._passwords.matches(user.password_hash if user else None, password)
        if user is None or not right or not user.active:
            self._note_failure(user, visitor)
            raise SignInFailed
        fresh = self._passwords.hash(password) if self._passwords.outdated(user.password_hash) else None
        with self._db.write(durable=True) as session:
            self._throttle.forgive(session, name_key, visitor.ip)
            known = session.get_one(User, user.id)
            if fresh and known.password_hash == user.password_hash:
                known.password_hash = fresh
            return self._come_in(session, known, visitor, "user.signed_in")

    def make_link(self, name: str) -> str:
        """A one-time sign-in link's secret, for whoever sits at the desk's own machine."""
        with self._db.write(durable=True) as session:
            user = session.scalar(select(User).where(User.name_key == names.key(name), User.active))
            if user is None:
                raise NotFound("There is no such user.")
            self._record(session, Actor(None, "desk"), "sign_in_link.created", ("user", user.id))
            return self._links.create(session, user.id)

    def enter(self, secret: str, visitor: Visitor) -> Entry:
        """Come in by a one-time link."""
        with self._db.write(durable=True) as session:
            user = session.get_one(User, self._links.use(session, secret))
            if not user.active:
                raise NotFound(USED_UP)
            return self._come_in(session, user, visitor, "user.entered_by_link")

    def leave(self, user: User, session_id: str, ip: str) -> None:
        with self._db.write(durable=True) as session:
            self._sessions.revoke(session, user.id, session_id)
            self._record(session, Actor(user.id, user.name, ip), "user.signed_out", ("user", user.id))

    def confirm(self, user: User, password: str, ip: str, field: str = "password") -> None:
        """Ask for the password again before something that can't be undone; Invalid when it is wrong."""
        self._throttle.enter(user.name_key, ip, self._clock.now())
        if not self._passwords.matches(user.password_hash, password):
            raise Invalid.field(field, "That is not your password.")
        with self._db.write() as session:
            self._throttle.forgive(session, user.name_key, ip)

    def change_password(self, user: User, session_id: str, old: str, new: str, ip: str) -> int:
        """Set a new password and end all other sessions; says how many."""
        self.confirm(user, old, ip, field="old_password")
        check_strength(new, user.name, field="new_password")
        password_hash = self._passwords.hash(new)
        with self._db.write(durable=True) as session:
            known = session.get_one(User, user.id, with_for_update=True)
            if known.password_hash != user.password_hash:
                raise Denied("Your password was changed somewhere else a moment ago.")
            known.password_hash = password_hash
            known.password_changed_at = self._clock.now()
            self._record(session, Actor(user.id, user.name, ip), "user.password_changed", ("user", user.id))
            return self._sessions.revoke_all(session, user.id, but=session_id)

    def _person(self, name: str, password: str, role: Role) -> User:
        name = names.check(name)
        check_strength(password, name)
        now = self._clock.now()
        return User(
            id=new_id(),
            name=name,
            name_key=names.key(name),
            password_hash=self._passwords.hash(password),
            role=role.value,
            active=True,
            appearance={},
            created_at=now,
            password_changed_at=now,
        )

    def _admit(self, session: Session, user: User, visitor: Visitor, action: str) -> Entry:
        session.add(user)
        session.flush()
        return self._come_in(session, user, visitor, action)

    def _come_in(self, session: Session, user: User, visitor: Visitor, action: str) -> Entry:
        before, user.last_sign_in_at = user.last_sign_in_at, self._clock.now()
        secret = self._sessions.open(session, user.id, visitor.ip, visitor.user_agent)
        actor = Actor(user.id, user.name, visitor.ip)
        self._record(session, actor, action, ("user", user.id), {"user_agent": visitor.user_agent[:300]})
        return Entry(user, secret, before)

    def _note_failure(self, user: User | None, visitor: Visitor) -> None:
        """Without the name that was typed: people type passwords into the wrong field."""
        actor = Actor(user.id if user else None, user.name if user else "unknown", visitor.ip)
        with self._db.write() as session:
            self._record(session, actor, "user.sign_in_failed", ("user", user.id if user else "unknown"))
