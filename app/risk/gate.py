"""What a wish must pass: nothing that opens while its account, its strategy, its user's desk or the whole desk stops.

All that is not trading is read once per unit of work, in the transaction that journals the wishes; whoever changes a
state waits for such a transaction, or it for them. So an order is either refused here, or it is a row already when the
state changes and is withdrawn by the same transaction that changes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, select, text
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.accounts.states import TradingState
from app.core.db import connection_of, once
from app.execution.desk import Wish
from app.risk.models import TradingStand
from app.risk.states import WHOLE_DESK, Effect, Extent, Kind, Standing, effect_of, refusal, strictest

TURN = 0x4D52534B  # any number no other advisory lock of this database uses
_KEPT = "risk_standings"
_stands: Table = TradingStand.__table__  # type: ignore[assignment]  # a declarative class has a Table
_accounts: Table = Account.__table__  # type: ignore[assignment]  # as above
_NOT_TRADING: Select[Any] = select(_stands).where(_stands.c.state != TradingState.ACTIVE)
_ACCOUNTS_NOT_TRADING: Select[Any] = select(
    *(_accounts.c[name] for name in ("id", "name", "trading_state", "state_by", "state_why", "state_at"))
).where(_accounts.c.trading_state != TradingState.ACTIVE)


@dataclass(frozen=True, slots=True)
class Standings:
    """All that is not trading now, by extent."""

    found: dict[Extent, Standing] = field(default_factory=dict)

    def of(self, extent: Extent) -> Standing:
        return self.found.get(extent) or Standing(extent)

    def over(self, owner_id: str, account_id: str = "", strategy_id: str = "") -> Standing | None:
        """The strictest that holds for an order of these; None when all trade."""
        if not self.found:
            return None
        asked = (
            WHOLE_DESK,
            Extent(Kind.USER, owner_id),
            Extent(Kind.ACCOUNT, account_id),
            Extent(Kind.STRATEGY, strategy_id),
        )
        return strictest(self.found[extent] for extent in asked if extent in self.found)


def read_standings(session: Session) -> Standings:
    session.flush()  # what was changed as an object is in the rows too
    connection = connection_of(session)
    stands: Sequence[Any] = connection.execute(_NOT_TRADING).all()
    accounts = connection.execute(_ACCOUNTS_NOT_TRADING).all()
    found: dict[Extent, Standing] = {}
    for standing in [*map(standing_of, stands), *(_of_account(*account) for account in accounts)]:
        known = found.get(standing.extent)
        found[standing.extent] = standing if known is None else strictest((known, standing)) or standing
    return Standings(found)


def why_stopped(session: Session, owner_id: str, account_id: str = "", strategy_id: str = "") -> str | None:
    """The sentence that says why nothing may be entered now, as of this unit of work; or None."""
    return refusal(_standings(session).over(owner_id, account_id, strategy_id))


def gate(session: Session, wish: Wish) -> str | None:
    """Exits pass whatever the state, and ask nothing."""
    effect = effect_of(wish.purpose)
    if effect is Effect.LEAVES:
        return None
    return refusal(_standings(session).over(wish.owner_id, wish.account_id), effect)


def take_turn(session: Session, changes: bool) -> None:
    """Let readers go together and each who changes a state alone, until the commit. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        kind = "" if changes else "_shared"
        session.execute(text(f"SELECT pg_advisory_xact_lock{kind}(:turn)"), {"turn": TURN})


def look_anew(session: Session) -> None:
    """A state changed in this unit of work: what was read of it before is not true any more."""
    session.info.pop(_KEPT, None)


def standing_of(stand: TradingStand) -> Standing:
    extent = Extent(Kind(stand.kind), stand.extent_id)
    return Standing(extent, stand.name, TradingState(stand.state), stand.state_by, stand.state_why, stand.state_at)


def standing_of_account(account: Account) -> Standing:
    said = (account.trading_state, account.state_by, account.state_why, account.state_at)
    return _of_account(account.id, account.name, *said)


def _of_account(account_id: str, name: str, state: str, by: str, why: str, at: datetime | None) -> Standing:
    return Standing(Extent(Kind.ACCOUNT, account_id), name, TradingState(state), by, why, at)


def _standings(session: Session) -> Standings:
    """Read once per transaction, whoever asks."""

    def read() -> Standings:
        take_turn(session, changes=False)
        return read_standings(session)

    return once(session, _KEPT, read)
