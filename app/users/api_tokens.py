"""API tokens: shown once, stored hashed, limited to scopes and, if wished, to addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from app.core import networks
from app.core.clock import Clock
from app.core.db import Database, swap
from app.core.errors import Invalid, NotFound
from app.core.ids import new_id
from app.users.models import ApiToken, User
from app.users.roles import TOKEN_SCOPES
from app.users.tickets import digest, new_ticket

PREFIX = "mdk_"  # so that a leaked one is recognised by scanners
USED_EVERY = timedelta(minutes=1)
MOST = 50


@dataclass(frozen=True, slots=True)
class TokenOwner:
    user: User
    token: ApiToken


@dataclass(frozen=True, slots=True)
class TokenWish:
    name: str
    scopes: list[str]
    allowed_ips: list[str]
    expires_at: datetime | None = None


class ApiTokens:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def create(self, session: Session, user_id: str, wish: TokenWish) -> tuple[ApiToken, str]:
        """The row, and the secret that is never shown again."""
        _check(wish)
        if len(session.scalars(self._of(user_id)).all()) >= MOST:
            raise Invalid.field("name", f"You have {MOST} tokens already: revoke one first.")
        secret, token_hash = new_ticket(PREFIX)
        token = ApiToken(
            id=new_id(),
            user_id=user_id,
            name=wish.name.strip(),
            token_hash=token_hash,
            hint=secret[-4:],
            scopes=[scope.value for scope in TOKEN_SCOPES if scope in wish.scopes],
            allowed_ips=networks.plain(wish.allowed_ips),
            created_at=self._clock.now(),
            expires_at=wish.expires_at,
        )
        session.add(token)
        return token, secret

    def find(self, secret: str, ip: str) -> TokenOwner | None:
        """Who calls with this token from this address; None for every reason it does not open."""
        now = self._clock.now()
        with self._db.read() as session:
            row = session.execute(
                select(User, ApiToken)
                .join(ApiToken, ApiToken.user_id == User.id)
                .where(
                    ApiToken.token_hash == digest(secret),
                    ApiToken.revoked_at.is_(None),
                    or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
                    User.active,
                )
            ).first()
        if row is None or not networks.allows(row[1].allowed_ips, ip):
            return None
        self._note_used(row[1], now)
        return TokenOwner(row[0], row[1])

    def list(self, user_id: str) -> Sequence[ApiToken]:
        with self._db.read() as session:
            return session.scalars(self._of(user_id)).all()

    def revoke(self, session: Session, user_id: str, token_id: str) -> None:
        change = {"revoked_at": self._clock.now()}
        if not swap(session, ApiToken, token_id, {"user_id": user_id, "revoked_at": None}, change):
            raise NotFound("There is no such token.")

    def _of(self, user_id: str) -> Select[ApiToken]:
        mine = select(ApiToken).where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
        return mine.order_by(ApiToken.created_at.desc())

    def _note_used(self, token: ApiToken, now: datetime) -> None:
        if token.last_used_at and now - token.last_used_at < USED_EVERY:
            return
        with self._db.write() as session:
            swap(session, ApiToken, token.id, {"revoked_at": None}, {"last_used_at": now})


def _check(wish: TokenWish) -> None:
    fields: dict[str, list[str]] = {}
    if not 1 <= len(wish.name.strip()) <= 60:
        fields["name"] = ["Give it a name of at most 60 characters."]
    if not wish.scopes or not set(wish.scopes) <= set(TOKEN_SCOPES):
        fields["scopes"] = ["Choose at least one of read, trade, manage and metrics."]
    wrong = networks.unreadable(wish.allowed_ips)
    if wrong:
        fields["allowed_ips"] = [f"{text} is neither an address nor a network." for text in wrong]
    if fields:
        raise Invalid(fields)
