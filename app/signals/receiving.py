"""The door of the webhooks: a message is proven, told apart from repeats, and written down before it is answered.

What doesn't prove itself leaves a count and the last reason, and no row: strangers can't fill the table. What proves
itself leaves one row, however often it comes. Of somebody who is switched off or may not trade any more only exits are
taken: what their webhook began can still end.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import networks
from app.core.clock import Clock
from app.core.crypto import Vault
from app.core.db import Database, after_commit, swap
from app.core.errors import DeskError, Invalid
from app.core.ids import new_id
from app.core.link import Link
from app.signals import message as messages
from app.signals import proof
from app.signals.message import Action, Asked, SignalState
from app.signals.models import Signal, Webhook
from app.strategies.scheduling import MAY_NOT, may_trade

COUNTED_EVERY = timedelta(seconds=1)  # how often at most a stranger's knocking is written down


class Unproven(DeskError):
    """The same for a wrong secret, an old signature and an address that is nobody's."""

    code = "auth_failed"
    status = 401

    def __init__(self) -> None:
        super().__init__("This message does not prove where it comes from: nothing was done.")


@dataclass(frozen=True, slots=True)
class Sent:
    body: bytes
    signature: str  # the header as it came, or ""
    ip: str


class Door:
    def __init__(self, db: Database, clock: Clock, link: Link, vault: Vault) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._vault = vault

    def receive(self, webhook_id: str, sent: Sent) -> Signal:
        """The row of the message, new or known. Raises Unproven, and Invalid for what is signed and no JSON object; a
        message that proved itself and asks for nothing clear is on record as refused."""
        webhook = self._open(webhook_id)
        if webhook is None:
            raise Unproven
        if not networks.allows(webhook.allowed_ips, sent.ip):
            self._turn_away(webhook, f"It came from {sent.ip}, which is not allowed.")
        message = self._signed(webhook, sent) if sent.signature else self._trusted(webhook, sent)
        return self.take(webhook, message, sent.signature)

    def _signed(self, webhook: Webhook, sent: Sent) -> dict[str, Any]:
        secret = self._vault.open(webhook.secret_sealed)
        why = proof.why_unsigned(secret, sent.signature, sent.body, self._clock.now())
        if why:
            self._turn_away(webhook, why)
        return messages.read(sent.body)

    def _trusted(self, webhook: Webhook, sent: Sent) -> dict[str, Any]:
        """It names the secret itself."""
        try:
            message = messages.read(sent.body)
        except Invalid as refused:
            self._turn_away(webhook, _sentence(refused))
        why = proof.why_unknown(self._vault.open(webhook.secret_sealed), message.get(messages.SECRET))
        if why:
            self._turn_away(webhook, why)
        return message

    def take(self, webhook: Webhook, message: dict[str, Any], signature: str = "") -> Signal:
        """One that is proven. Raises Invalid where its id is none."""
        event, now = messages.event_id(message), self._clock.now()
        try:
            wanted, why = messages.asked(message, webhook.silent_action), ""
        except Invalid as refused:
            wanted, why = None, _sentence(refused)
        if webhook.paused_at is not None and not why:
            why = "The webhook is paused."
        body = messages.kept(message)
        words = messages.same_words(body)
        with self._db.write(durable=True) as session:
            session.execute(select(Webhook.id).where(Webhook.id == webhook.id).with_for_update())  # one after another
            if wanted and wanted.action is Action.ENTER and not why and not may_trade(session, webhook.owner_id):
                why = MAY_NOT
            known = _known(session, webhook.id, event, signature, words, now)
            if known is not None:
                known.repeats += 1
                return known
            key = _key(event, signature) or messages.key_of_words(words, now)
            signal = _row(webhook, key, wanted, why, body, now)
            session.add(signal)
            swap(session, Webhook, webhook.id, {}, {"heard_at": now})
            after_commit(session, lambda: self._link.send("signals", {"owner": webhook.owner_id, "rooms": ["signals"]}))
            return signal

    def _open(self, webhook_id: str) -> Webhook | None:
        with self._db.read() as session:
            return session.scalar(select(Webhook).where(Webhook.id == webhook_id, Webhook.removed_at.is_(None)))

    def _turn_away(self, webhook: Webhook, why: str) -> NoReturn:
        now = self._clock.now()
        if webhook.unproven_at is None or now - webhook.unproven_at >= COUNTED_EVERY:
            with self._db.write() as session:
                count = {"unproven": Webhook.unproven + 1, "unproven_at": now, "unproven_why": why}
                swap(session, Webhook, webhook.id, {}, count)
        raise Unproven


def _row(webhook: Webhook, key: str, wanted: Asked | None, why: str, body: str, now: datetime) -> Signal:
    state = SignalState.REFUSED if why else SignalState.RECEIVED
    if wanted and wanted.is_test and not why:
        state, why = SignalState.TESTED, "A test: it proved itself and is understood. Nothing was done."
    decided_at = None if state is SignalState.RECEIVED else now
    return Signal(
        id=new_id(), webhook_id=webhook.id, owner_id=webhook.owner_id, key=key, action=wanted.action if wanted else "",
        state=state, reason=why, body=body, run_ids=[], received_at=now, decided_at=decided_at, repeats=0,
    )  # fmt: skip


def _key(event: str, signature: str) -> str:
    """What tells it from another: its own number, else the signature, which has its second in it."""
    if event:
        return f"id:{event}"
    return f"signed:{signature}" if signature else ""


def _known(session: Session, webhook_id: str, event: str, signature: str, words: str, now: datetime) -> Signal | None:
    of_webhook = select(Signal).where(Signal.webhook_id == webhook_id)
    key = _key(event, signature)
    if key:
        return session.scalar(of_webhook.where(Signal.key == key))
    same = (Signal.key.startswith(f"words:{words}:"), Signal.received_at > now - messages.SAME_WORDS)
    return session.scalar(of_webhook.where(*same).limit(1))


def _sentence(refused: Invalid) -> str:
    return next(iter(refused.fields.values()))[0]
