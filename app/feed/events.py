"""What happened to the feed, in the past tense, and how it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.venues.port import StreamState
from app.venues.types import PriceSource, Symbol


class FeedState(StrEnum):
    LIVE = "live"
    SLOW = "slow"
    STALE = "stale"
    FROZEN = "frozen"  # prices come, but what always moves in session stands still
    CLOSED = "closed"  # no market of a wanted symbol is open
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """The feed as a badge shows it; figures are raw."""

    state: FeedState
    account_id: str | None
    last_at: datetime | None  # when the newest price of any symbol came, or when one last moved if they stand still
    reason: str = ""
    source: PriceSource | None = None  # where prices come from now; None: from nowhere, or none are due


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection; `number` counts those of an account from 0. `role` is carrier, trial or overflow."""

    account_id: str
    number: int
    role: str
    state: StreamState
    symbols: int
    last_at: datetime | None
    words: str = ""
    refused: int = 0  # symbols the server would not subscribe
    garbage: int = 0  # frames that made no sense


@dataclass(frozen=True, slots=True)
class FeedReport:
    """Everything a person may want to know of the feed."""

    status: FeedStatus
    connections: Sequence[ConnectionStatus]
    wanted: int
    left_out: int  # on no connection: priced by request only
    stale: Sequence[Symbol]  # wanted, their market open, and no price that may be used
    received: int
    dropped: Mapping[str, int]  # by reason


@dataclass(frozen=True, slots=True)
class FeedSwitched:
    """The market stream moved to another account; None is "no account"."""

    from_account_id: str | None
    to_account_id: str | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """Prices come from elsewhere now: pushed, by request, or (None) from nowhere although they are due."""

    before: PriceSource | None
    after: PriceSource | None
    account_id: str | None
    at: datetime
