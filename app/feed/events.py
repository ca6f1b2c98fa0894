"""What happened to the feed, in the past tense."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FeedState(StrEnum):
    LIVE = "live"
    SLOW = "slow"
    STALE = "stale"
    CLOSED = "closed"  # no market of a wanted symbol is open
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """The feed as a badge shows it; figures are raw."""

    state: FeedState
    account_id: str | None
    last_at: datetime | None  # when the newest price of any symbol came
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FeedSwitched:
    """The market stream moved to another account; None is "no account"."""

    from_account_id: str | None
    to_account_id: str | None
    reason: str
    at: datetime
