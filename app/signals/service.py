"""What people do with webhooks, and what came in by them. Every method takes the owner first: someone else's is not
found. The door writes what came in; the engine acts on it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock
from app.core.crypto import Vault
from app.core.db import Database, after_commit, swap
from app.core.errors import Denied, Invalid
from app.core.ids import new_id
from app.core.link import Link
from app.core.owning import owned
from app.signals.draft import Draft
from app.signals.models import Signal, Webhook
from app.strategies.models import Strategy
from app.users.tickets import new_ticket

PREFIX = "mdw_"  # so that a leaked one is recognised by scanners
MOST = 50
CHANGED = "This webhook was changed meanwhile: look at it again, nothing was saved."


class SignalService:
    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail, vault: Vault) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail
        self._vault = vault

    # -- reading

    def list(self, owner_id: str) -> Sequence[Webhook]:
        with self._db.read() as session:
            return session.scalars(
                select(Webhook).where(Webhook.owner_id == owner_id, Webhook.removed_at.is_(None)).order_by(Webhook.id)
            ).all()

    def get(self, owner_id: str, webhook_id: str) -> Webhook:
        with self._db.read() as session:
            return owned(session, Webhook, owner_id, webhook_id, "webhook")

    def names(self, owner_id: str) -> dict[str, str]:
        """Of all webhooks by id, also of those that were deleted."""
        with self._db.read() as session:
            found = session.execute(select(Webhook.id, Webhook.name).where(Webhook.owner_id == owner_id))
            return {str(webhook_id): str(name) for webhook_id, name in found}

    def signals(self, owner_id: str, webhook_id: str = "", before: str = "", limit: int = 50) -> Sequence[Signal]:
        """The newest first; `before` is the id of the last of the page before."""
        query = select(Signal).where(Signal.owner_id == owner_id)
        if webhook_id:
            query = query.where(Signal.webhook_id == webhook_id)
        if before:
            query = query.where(Signal.id < before)
        with self._db.read() as session:
            return session.scalars(query.order_by(Signal.id.desc()).limit(limit)).all()

    def signal(self, owner_id: str, signal_id: str) -> Signal:
        with self._db.read() as session:
            return owned(session, Signal, owner_id, signal_id, "signal")

    # -- changing

    def create(self, owner_id: str, draft: Draft) -> tuple[str, str]:
        """Its id, and the secret that is never shown again."""
        now, (secret, _) = self._clock.now(), new_ticket(PREFIX)
        with self._db.write() as session:
            _check_strategy(session, owner_id, draft.strategy_id)
            _check_room(session, owner_id)
            webhook = Webhook(
                id=new_id(), owner_id=owner_id, created_at=now, changed_at=now, **self._sealed(secret),
                **draft.model_dump(),
            )  # fmt: skip
            session.add(webhook)
            self._done(session, webhook, "webhook.created", {"after": draft.model_dump(mode="json")})
            return webhook.id, secret

    def change(self, owner_id: str, webhook_id: str, draft: Draft, version: int) -> None:
        """`version` is the one the changes were made from."""
        with self._db.write() as session:
            webhook = owned(session, Webhook, owner_id, webhook_id, "webhook")
            _check_strategy(session, owner_id, draft.strategy_id)
            self._swap(session, webhook, draft.model_dump(), version)
            self._done(session, webhook, "webhook.changed", {"after": draft.model_dump(mode="json")})

    def rotate(self, owner_id: str, webhook_id: str) -> str:
        """A new secret, shown once; the old one opens nothing from this moment on."""
        secret, _ = new_ticket(PREFIX)
        with self._db.write(durable=True) as session:
            webhook = owned(session, Webhook, owner_id, webhook_id, "webhook")
            self._swap(session, webhook, self._sealed(secret), webhook.version)
            self._done(session, webhook, "webhook.rotated")
        return secret

    def pause(self, owner_id: str, webhook_id: str) -> None:
        """Its messages are refused until it is resumed; what was received before is carried out."""
        self._turn(owner_id, webhook_id, "webhook.paused", is_paused=True)

    def resume(self, owner_id: str, webhook_id: str) -> None:
        self._turn(owner_id, webhook_id, "webhook.resumed", is_paused=False)

    def remove(self, owner_id: str, webhook_id: str) -> None:
        """What came in stays on record."""
        with self._db.write() as session:
            webhook = owned(session, Webhook, owner_id, webhook_id, "webhook")
            self._swap(session, webhook, {"removed_at": self._clock.now()}, webhook.version)
            self._done(session, webhook, "webhook.removed")

    def verify_key(self) -> None:
        """Raises KeyProblem unless every secret can be opened; asked before the desk starts."""
        with self._db.read() as session:
            for sealed in session.scalars(select(Webhook.secret_sealed)):
                self._vault.open(sealed)

    def reseal(self) -> int:
        """Seal every secret anew under the newest key; how many."""
        with self._db.write(durable=True) as session:
            done = 0
            for webhook in session.scalars(select(Webhook)):
                old, new = webhook.secret_sealed, self._vault.reseal(webhook.secret_sealed)
                done += swap(session, Webhook, webhook.id, {"secret_sealed": old}, {"secret_sealed": new})
            return done

    def _sealed(self, secret: str) -> dict[str, str]:
        return {"secret_sealed": self._vault.seal(secret), "hint": secret[-4:]}

    def _turn(self, owner_id: str, webhook_id: str, action: str, *, is_paused: bool) -> None:
        with self._db.write() as session:
            webhook = owned(session, Webhook, owner_id, webhook_id, "webhook")
            if (webhook.paused_at is not None) == is_paused:
                return
            change = {"paused_at": self._clock.now() if is_paused else None}
            self._swap(session, webhook, change, webhook.version)
            self._done(session, webhook, action)

    def _swap(self, session: Session, webhook: Webhook, change: dict[str, Any], version: int) -> None:
        more = {"version": version + 1, "changed_at": self._clock.now()}
        if not swap(session, Webhook, webhook.id, {"version": version}, change | more):
            raise Denied(CHANGED)

    def _done(self, session: Session, webhook: Webhook, action: str, detail: dict[str, Any] | None = None) -> None:
        self._trail.record(session, actors.current(), action, ("webhook", webhook.id), detail)
        after_commit(session, lambda: self._link.send("told", {"owner": webhook.owner_id, "rooms": ["signals"]}))


def _check_strategy(session: Session, owner_id: str, strategy_id: str) -> None:
    mine = (Strategy.id == strategy_id, Strategy.owner_id == owner_id, Strategy.archived_at.is_(None))
    if session.scalar(select(Strategy.id).where(*mine)) is None:
        raise Invalid.field("strategy_id", "Choose a strategy.")


def _check_room(session: Session, owner_id: str) -> None:
    query = select(func.count()).where(Webhook.owner_id == owner_id, Webhook.removed_at.is_(None))
    if (session.scalar(query) or 0) >= MOST:
        raise Denied(f"You have {MOST} webhooks: delete one first.")
