"""What a person does with their sessions and tokens, and an admin with invitations: each done and recorded
at once.
"""

from app.core.actors import current
from app.core.db import Database
from app.users.api_tokens import ApiTokens, TokenWish
from app.users.invites import Invites
from app.users.models import ApiToken, Invite
from app.users.record import Record
from app.users.roles import Role
from app.users.sessions import Sessions


class Keyring:
    def __init__(self, db: Database, sessions: Sessions, tokens: ApiTokens, invites: Invites, record: Record) -> None:
        self._db = db
        self._sessions = sessions
        self._tokens = tokens
        self._invites = invites
        self._record = record

    def end_session(self, user_id: str, session_id: str) -> None:
        with self._db.write(durable=True) as session:
            self._sessions.revoke(session, user_id, session_id)
            self._record(session, current(), "session.ended", ("session", session_id))

    def end_other_sessions(self, user_id: str, but: str) -> int:
        with self._db.write(durable=True) as session:
            ended = self._sessions.revoke_all(session, user_id, but)
            self._record(session, current(), "session.others_ended", ("user", user_id), {"count": ended})
            return ended

    def create_token(self, user_id: str, wish: TokenWish) -> tuple[ApiToken, str]:
        """The row, and the secret that is never shown again."""
        with self._db.write(durable=True) as session:
            token, secret = self._tokens.create(session, user_id, wish)
            after = {
                "name": token.name,
                "scopes": token.scopes,
                "allowed_ips": token.allowed_ips,
                "expires_at": token.expires_at,
            }
            self._record(session, current(), "api_token.created", ("api_token", token.id), {"after": after})
            return token, secret

    def revoke_token(self, user_id: str, token_id: str) -> None:
        with self._db.write(durable=True) as session:
            self._tokens.revoke(session, user_id, token_id)
            self._record(session, current(), "api_token.revoked", ("api_token", token_id))

    def invite(self, admin_id: str, role: Role) -> tuple[Invite, str]:
        """The row, and the secret of the link that is never shown again."""
        with self._db.write(durable=True) as session:
            invite, secret = self._invites.create(session, admin_id, role)
            after = {"after": {"role": role}}
            self._record(session, current(), "invite.created", ("invite", invite.id), after)
            return invite, secret

    def withdraw(self, invite_id: str) -> None:
        with self._db.write(durable=True) as session:
            self._invites.revoke(session, invite_id)
            self._record(session, current(), "invite.withdrawn", ("invite", invite_id))
