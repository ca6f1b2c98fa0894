"""People and what proves them. A secret that opens a door is stored as its SHA-256 only (passwords:
Argon2id).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment
from app.core.ids import new_id
from app.users.roles import Role


class User(Base):
    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)  # the name as compared: case and Unicode forms folded
    password_hash: Mapped[str]
    role: Mapped[str]
    founder: Mapped[bool | None] = mapped_column(unique=True)  # True once, else NULL: only one can be first
    sees_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))  # whose desk a viewer looks at
    active: Mapped[bool] = mapped_column(default=True)
    appearance: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(Moment)
    password_changed_at: Mapped[datetime] = mapped_column(Moment)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(Moment)

    @property
    def owner_id(self) -> str:
        """Whose rows this person works with: a viewer sees the desk of the one who invited them."""
        return self.sees_id if self.role == Role.VIEWER and self.sees_id else self.id


class LoginSession(Base):
    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    last_seen_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)  # whatever happens; idleness ends it earlier
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    ip: Mapped[str]
    user_agent: Mapped[str]


class ApiToken(Base):
    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    hint: Mapped[str]  # the last four characters, to tell tokens apart
    scopes: Mapped[list[str]] = mapped_column(JSON)
    allowed_ips: Mapped[list[str]] = mapped_column(JSON, default=list)  # addresses or networks; empty: any
    created_at: Mapped[datetime] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class Invite(Base):
    __tablename__ = "invites"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    created_by: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    used_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class SignInLink(Base):
    """Opens the desk once without a password; made on the desk's own machine only."""

    __tablename__ = "sign_in_links"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)


class SignInAttempt(Base):
    """A try whose password was not right, or is still being checked; counted to slow guessing down."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("ix_sign_in_attempts_name", "name_hash", "at"),
        Index("ix_sign_in_attempts_ip", "ip", "at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name_hash: Mapped[str]  # people type passwords into the wrong field
    ip: Mapped[str]
    at: Mapped[datetime] = mapped_column(Moment, index=True)
