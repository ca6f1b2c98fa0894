"""Orders written by hand, for one or many accounts: a ticket is written, looked at, and placed once.

Placing journals one wish per account in one transaction, as NEW rows that the engine finds; nothing is sent here. An
account that cannot take part is left out with a sentence, and the others go. The ticket's own row says that it was
placed: a double click, a second tab or a form sent again finds the first placing and changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.audit.trail import Trail
from app.core import actors, errands
from app.core.clock import Clock, day_in_india
from app.core.db import Database, after_commit
from app.core.errors import Denied, Invalid
from app.core.link import Link
from app.core.owning import owned
from app.execution.desk import Gate, Wish, plan, write
from app.execution.models import Intent, Order, OrderTicket
from app.execution.ticket import Draft, Found, Portion, portion
from app.instruments.models import Instrument
from app.instruments.service import InstrumentService
from app.venues.types import Side, Symbol

MARGINS = "ticket_margins"
TOO_OLD = timedelta(minutes=15)  # prices have moved: look again before placing
VENUE_KIND = "openalgo"
DERIVATIVES = ("FUT", "CE", "PE")


@dataclass(frozen=True, slots=True)
class Part:
    """What one account of a ticket would do; `trouble` says why it would be left out."""

    account: Account
    portion: Portion
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """A ticket as it would be placed now."""

    ticket: OrderTicket
    draft: Draft
    found: Found
    parts: Sequence[Part]

    @property
    def able(self) -> list[Part]:
        return [part for part in self.parts if not part.trouble]


class TicketService:
    """Every method takes the owner first: somebody else's ticket or account is not found."""

    def __init__(
        self, db: Database, clock: Clock, link: Link, trail: Trail, instruments: InstrumentService, gate: Gate
    ) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail
        self._instruments = instruments
        self._gate = gate

    def write(self, owner_id: str, draft: Draft, key: str, asks_margins: bool = True) -> str:
        """Keep a ticket to look at, and ask the accounts for their margin; its id. The same key is the same ticket.
        Raises Invalid by field."""
        found = self.find(draft.exchange, draft.symbol)
        found.check(draft)
        try:
            return self._write(owner_id, draft, key, asks_margins)
        except IntegrityError:  # the same click twice in the same instant: the other one wrote it
            return self._write(owner_id, draft, key, asks_margins)

    def _write(self, owner_id: str, draft: Draft, key: str, asks_margins: bool) -> str:
        now = self._clock.now()
        with self._db.write(durable=True) as session:
            known = session.scalar(select(OrderTicket).where(OrderTicket.owner_id == owner_id, OrderTicket.key == key))
            if known is not None:
                return _same(known, draft).id
            _accounts(session, owner_id, draft)
            ticket = OrderTicket(owner_id=owner_id, key=key, draft=draft.stored, refused={}, created_at=now)
            session.add(ticket)
            session.flush()
            if asks_margins:
                ticket.errand_id = errands.ask(session, owner_id, MARGINS, {"ticket_id": ticket.id}, now).id
                after_commit(session, lambda: self._link.send("errands", {}))
            return ticket.id

    def get(self, owner_id: str, ticket_id: str) -> OrderTicket:
        with self._db.read() as session:
            return owned(session, OrderTicket, owner_id, ticket_id, "ticket")

    def look(self, owner_id: str, ticket_id: str) -> Looked:
        """What placing it now would do, account by account."""
        with self._db.read() as session:
            ticket = owned(session, OrderTicket, owner_id, ticket_id, "ticket")
            draft = Draft.model_validate(ticket.draft)
            accounts = _accounts(session, owner_id, draft)
            found = self.find(draft.exchange, draft.symbol)
            parts = [self._part(session, ticket, draft, found, account) for account in accounts]
        return Looked(ticket, draft, found, parts)

    def place(self, owner_id: str, ticket_id: str) -> bool:
        """Journal its orders; False when that was done before. Raises Denied when nothing could go."""
        draft = Draft.model_validate(self.get(owner_id, ticket_id).draft)
        found = self.find(draft.exchange, draft.symbol)
        now = self._clock.now()
        with self._db.write(durable=True) as session:
            ticket = owned(session, OrderTicket, owner_id, ticket_id, "ticket", is_changed=True)
            if ticket.placed_at is not None:
                return False
            if now - ticket.created_at > TOO_OLD:
                raise Denied("This ticket is old: prices have moved since. Look at it again; nothing was sent.")
            found.check(draft)
            accounts = _accounts(session, owner_id, draft)
            parts = [self._part(session, ticket, draft, found, account) for account in accounts]
            able = [part for part in parts if not part.trouble]
            if not able:
                raise Denied("No account can take this order now; each says why. Nothing was sent.")
            wishes = [self._wish(ticket, draft, found, part.account, part.portion) for part in able]
            write(session, [plan(session, wish, self._gate) for wish in wishes], now)
            ticket.placed_at = now
            ticket.refused = {part.account.id: part.trouble for part in parts if part.trouble}
            about = {"symbol": draft.symbol, "side": draft.side, "accounts": len(able), "of": len(parts)}
            self._trail.record(session, actors.current(), "order.placed", ("ticket", ticket.id), about)
            after_commit(session, lambda: self._link.send("runs", {}))
        return True

    def orders(self, owner_id: str, ticket_id: str) -> Sequence[Order]:
        """What it was split into, oldest first."""
        with self._db.read() as session:
            return session.scalars(
                select(Order)
                .join(Intent, Intent.id == Order.intent_id)
                .where(Intent.owner_id == owner_id, Intent.key.startswith(f"ticket:{ticket_id}:", autoescape=True))
                .order_by(Order.id)
            ).all()

    def find(self, exchange: str, symbol: str) -> Found:
        """Raises Invalid when it cannot be traded through the desk."""
        row = self._instruments.find(VENUE_KIND, exchange, symbol)
        if row is None or not row.active:
            raise Invalid.field("symbol", f"{symbol} is not listed on {exchange}: choose one from the search.")
        return Found(
            row.exchange, row.symbol, row.name, row.kind, row.lot_size, row.tick, self._freeze(row), row.expiry
        )

    def _freeze(self, row: Instrument) -> Decimal | None:
        freeze = self._instruments.freeze_quantity(row, day_in_india(self._clock.now()))
        if freeze is None and row.kind in DERIVATIVES:
            sentence = f"The freeze quantity of {row.name} is not known, so {row.symbol} cannot be split safely."
            raise Invalid.field("symbol", f"{sentence} Add it under Instruments.")
        return freeze

    def _part(self, session: Session, ticket: OrderTicket, draft: Draft, found: Found, account: Account) -> Part:
        share = portion(draft, draft.multiplier(account.id), found)
        trouble = share.trouble
        if not trouble:
            trouble = self._gate(session, self._wish(ticket, draft, found, account, share)) or obstacle(account)
        return Part(account, share, trouble)

    def _wish(self, ticket: OrderTicket, draft: Draft, found: Found, account: Account, share: Portion) -> Wish:
        terms = draft.terms(share.quantity)
        return Wish(
            key=f"ticket:{ticket.id}:{account.id}",
            owner_id=account.owner_id,
            account_id=account.id,
            purpose="manual",
            symbol=Symbol(found.exchange, found.symbol),
            side=Side(draft.side),
            quantity=share.quantity,
            product=draft.product,
            lot=found.lot_size,
            freeze=found.freeze,
            price_type=terms.price_type,
            price=terms.price,
            trigger_price=terms.trigger_price,
            reason="by hand",
        )


def obstacle(account: Account) -> str:
    """Why an account takes no order at all, from its own row; what it may not open, the gate says."""
    return "" if account.removed_at is None and account.enabled else f"{account.name} is disabled."


def _same(known: OrderTicket, draft: Draft) -> OrderTicket:
    if known.draft != draft.stored:
        raise Denied("This key was used for another ticket: choose a new one.")
    return known


def _accounts(session: Session, owner_id: str, draft: Draft) -> list[Account]:
    """In the order of the draft. Raises Invalid when one is not the owner's."""
    wanted = [share.account_id for share in draft.accounts]
    rows = session.scalars(select(Account).where(Account.owner_id == owner_id, Account.id.in_(wanted)))
    known = {row.id: row for row in rows if row.venue_kind == VENUE_KIND}
    if set(wanted) - set(known):
        raise Invalid.field("accounts", "One of these accounts does not exist.")
    return [known[account_id] for account_id in wanted]
