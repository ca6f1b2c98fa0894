"""The accounts room's front desk. Everything is asked in the name of an owner; another's account is not
found.

Who is primary changes only here, one owner at a time: the owner's row is locked first, and the database
allows one primary per owner at most. Secrets are sealed before the row is written and never leave through
this door except inside a `Connection`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import vault as sealing
from app.accounts.events import AccountChanged
from app.accounts.form import Checker, CheckHost, Draft, Values
from app.accounts.kinds import KINDS, KindForm
from app.accounts.models import Account, AccountHealth, HealthState
from app.accounts.primary import in_order, locked, own, put_primary, settle_primary
from app.audit.trail import Trail
from app.core.actors import current
from app.core.clock import Clock
from app.core.crypto import Vault
from app.core.db import Database, after_commit, swap
from app.core.errors import Denied, Invalid
from app.core.http import check_host as check_real_host
from app.core.ids import new_id
from app.core.money import plain
from app.venues.types import Connection

AUDITED = (
    "name", "venue_kind", "host_url", "stream_url", "bind_address", "default_product", "max_in_flight",
    "orders_per_second", "expected_mode", "kept_for_exits", "market_protection", "poll_seconds",
    "reads_per_minute", "grade", "max_lots", "max_value", "counts_collateral",
)  # fmt: skip
NAME_TAKEN = "You already have an account with this name."


@dataclass(frozen=True, slots=True)
class Setup:
    """What the room is given from above. `is_busy` answers why an account cannot be let go of ("2 open
    positions"), or None; `announce` hears `AccountChanged` after each commit.
    """

    kinds: Mapping[str, KindForm] = field(default_factory=lambda: KINDS)
    allow_private: bool = True
    check_host: CheckHost = check_real_host
    is_busy: Callable[[str], str | None] = lambda _account_id: None
    announce: Callable[[object], None] = lambda _event: None
    place_timeout: float = 30.0
    read_timeout: float = 10.0


class AccountService:
    def __init__(self, db: Database, clock: Clock, vault: Vault, trail: Trail, setup: Setup | None = None) -> None:
        self._db = db
        self._clock = clock
        self._vault = vault
        self._trail = trail
        self._setup = setup or Setup()

    @property
    def kinds(self) -> Mapping[str, KindForm]:
        return self._setup.kinds

    # -- reading

    def list(self, owner_id: str) -> Sequence[Account]:
        """The owner's accounts, the primary first, then in failover order."""
        with self._db.read() as session:
            return in_order(session, owner_id)

    def get(self, owner_id: str, account_id: str) -> Account:
        with self._db.read() as session:
            return own(session, owner_id, account_id)

    def all_enabled(self) -> Sequence[Account]:
        """For the engine: every owner's enabled accounts."""
        with self._db.read() as session:
            return list(
                session.scalars(
                    select(Account)
                    .where(Account.enabled, Account.removed_at.is_(None))
                    .order_by(Account.owner_id, Account.is_primary.desc(), Account.failover_rank)
                )
            )

    def failover_order(self, owner_id: str) -> Sequence[Account]:
        """Whose connection serves the feed: the primary, then the other enabled accounts by rank."""
        return [account for account in self.list(owner_id) if account.enabled]

    def connection(self, account: Account) -> Connection:
        """How to sign in, secrets in the clear. Raises KeyProblem when they cannot be opened."""
        setup = self._setup
        return sealing.connection(self._vault, account, setup.allow_private, setup.place_timeout, setup.read_timeout)

    def verify_key(self) -> None:
        """Raises KeyProblem unless every stored secret can be opened; asked before the desk starts."""
        with self._db.read() as session:
            sealing.verify_key(session, self._vault)

    def reseal(self) -> int:
        """Seal everything under the newest key; how many accounts."""
        return sealing.reseal_all(self._db, self._vault)

    # -- adding and editing

    def add(self, owner_id: str, values: Values) -> Account:
        """Raises Invalid with a sentence per wrong field."""
        draft = self._checker(values).draft()
        account = self._new(owner_id, draft)
        try:
            with self._db.write(durable=True) as session:
                mates = locked(session, owner_id)
                _refuse_taken(mates, draft.name)
                account.failover_rank = 1 + max((-1, *(mate.failover_rank for mate in mates)))
                session.add(account)
                settle_primary(session, account)
                session.add(AccountHealth(account_id=account.id, state=HealthState.UNKNOWN))
                self._tell(session, account, "account.added", _audited(_said(draft)))
        except IntegrityError as error:
            raise Invalid.field("name", NAME_TAKEN) from error
        return account

    def edit(self, owner_id: str, account_id: str, values: Values, version: int | None = None) -> Account:
        """Blank secrets keep the stored ones. `version` is that of the row the form was filled from."""
        known = self.get(owner_id, account_id)
        draft = self._checker(values).draft(known.venue_kind, keys_stored=True)
        change = self._change(known, draft, bool(values.get("clear_proxy")))
        opened = version or known.version
        before = _audited({name: getattr(known, name) for name in AUDITED})
        with self._db.write(durable=True) as session:
            _refuse_taken([mate for mate in locked(session, owner_id) if mate.id != known.id], draft.name)
            if not swap(
                session, Account, known.id, {"version": opened, "removed_at": None}, change | {"version": opened + 1}
            ):
                raise Denied("Somebody changed this account since you opened it. Look at it again.")
            keys = [name for name in ("api_key", "api_secret") if getattr(draft, name)]
            self._tell(
                session, known, "account.edited", {"before": before, "after": _audited(_said(draft)), "renewed": keys}
            )
        return self.get(owner_id, account_id)

    def _checker(self, values: Values) -> Checker:
        return Checker(values, self.kinds, self._setup.check_host, self._setup.allow_private)

    def _new(self, owner_id: str, draft: Draft) -> Account:
        now = self._clock.now()
        return Account(
            id=new_id(),
            owner_id=owner_id,
            is_primary=False,
            enabled=True,
            name_key=draft.name.casefold(),
            api_key_sealed=self._vault.seal(draft.api_key),
            api_secret_sealed=sealing.seal(self._vault, draft.api_secret),
            extra_sealed=sealing.seal_extra(self._vault, draft.extra),
            currency=self.kinds[draft.venue_kind].currency,
            created_at=now,
            updated_at=now,
            **_said(draft),
        )

    def _change(self, known: Account, draft: Draft, clear_proxy: bool) -> dict[str, Any]:
        change: dict[str, Any] = _said(draft)
        change |= {"name_key": draft.name.casefold(), "updated_at": self._clock.now()}
        if draft.api_key:
            change["api_key_sealed"] = self._vault.seal(draft.api_key)
        if draft.api_secret:
            change["api_secret_sealed"] = self._vault.seal(draft.api_secret)
        if draft.extra or clear_proxy:
            extra = sealing.open_extra(self._vault, known.extra_sealed) | draft.extra
            if clear_proxy and "proxy" not in draft.extra:
                extra.pop("proxy", None)
            change["extra_sealed"] = sealing.seal_extra(self._vault, extra)
        return change

    # -- state

    def set_enabled(self, owner_id: str, account_id: str, enabled: bool) -> Account:
        """A disabled account has no connection, so one that holds something cannot be disabled."""
        if not enabled:
            self._refuse_busy(owner_id, account_id, "disable")
        with self._db.write(durable=True) as session:
            locked(session, owner_id)
            account = own(session, owner_id, account_id)
            account.enabled = enabled
            heir = settle_primary(session, account)
            self._tell_heir(session, heir, account)
            self._tell(session, account, "account.enabled" if enabled else "account.disabled")
        return account

    def remove(self, owner_id: str, account_id: str) -> Account:
        """Take the account away and wipe its keys; its history stays. Refused while it holds something."""
        self._refuse_busy(owner_id, account_id, "remove")
        with self._db.write(durable=True) as session:
            locked(session, owner_id)
            account = own(session, owner_id, account_id)
            account.removed_at = account.updated_at = self._clock.now()
            account.enabled = False
            account.api_key_sealed, account.api_secret_sealed, account.extra_sealed = "", None, None
            heir = settle_primary(session, account)
            self._tell_heir(session, heir, account)
            self._tell(session, account, "account.removed")
        return account

    # -- primary and failover order

    def make_primary(self, owner_id: str, account_id: str) -> Account:
        with self._db.write(durable=True) as session:
            locked(session, owner_id)
            account = own(session, owner_id, account_id)
            if not account.enabled:
                raise Denied(f"{account.name} is disabled: enable it before making it primary.")
            put_primary(session, account)
            self._tell(session, account, "account.made_primary")
        return account

    def move(self, owner_id: str, account_id: str, up: bool) -> None:
        """Change places with the neighbour in the failover order; at the end of the list nothing happens."""
        with self._db.write(durable=True) as session:
            locked(session, owner_id)
            account = own(session, owner_id, account_id)
            ranked = sorted(in_order(session, owner_id), key=lambda mate: mate.failover_rank)
            place = ranked.index(account)
            other = place + (-1 if up else 1)
            if 0 <= other < len(ranked):
                ranked[place], ranked[other] = ranked[other], ranked[place]
            for rank, mate in enumerate(ranked):
                mate.failover_rank = rank
            self._tell(session, account, "account.reordered", {"order": [mate.name for mate in ranked]})

    def _refuse_busy(self, owner_id: str, account_id: str, wish: str) -> None:
        account = self.get(owner_id, account_id)
        reason = self._setup.is_busy(account_id)
        if reason:
            raise Denied(f"You cannot {wish} {account.name} now: {reason}. Pause it to stop new entries.")

    def _tell_heir(self, session: Session, heir: Account | None, gone: Account) -> None:
        if heir is not None:
            self._tell(session, heir, "account.made_primary", {"instead_of": gone.name})

    def _tell(self, session: Session, account: Account, action: str, detail: dict[str, Any] | None = None) -> None:
        self._trail.record(session, current(), action, ("account", account.id), detail or {"name": account.name})
        event = AccountChanged(account.owner_id, account.id)
        after_commit(session, lambda: self._setup.announce(event))


def _refuse_taken(mates: Sequence[Account], name: str) -> None:
    if any(mate.name_key == name.casefold() for mate in mates):
        raise Invalid.field("name", NAME_TAKEN)


def _said(draft: Draft) -> dict[str, Any]:
    """What was typed, without the secrets."""
    return {name: getattr(draft, name) for name in AUDITED}


def _audited(values: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}
