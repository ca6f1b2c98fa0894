"""An account as a page shows it: every state as a word, every figure with its age, what is not known as `–`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.accounts.health import age_seconds
from app.accounts.kinds import KindForm
from app.accounts.models import Account, AccountHealth, HealthState, TradingState
from app.core.money import number
from app.web import format as say

ICONS = {"tone-ok": "circle-check", "tone-bad": "circle-x", "": "circle-question-mark"}


@dataclass(frozen=True, slots=True)
class Row:
    account: Account
    health: AccountHealth
    kind: str
    now: datetime

    @property
    def state(self) -> str:
        """The state of health in words, with capitals as at the start of a sentence; the mode stands beside it."""
        if not self.account.enabled:
            return "Disabled"
        state = HealthState(self.health.state)
        return "Healthy" if state.usable else state.capitalize()

    @property
    def tone(self) -> str:
        state = HealthState(self.health.state)
        if state is HealthState.UNKNOWN or not self.account.enabled:
            return ""
        return "tone-ok" if state.usable else "tone-bad"

    @property
    def icon(self) -> str:
        return ICONS[self.tone]

    @property
    def mode(self) -> str:
        """PAPER or LIVE as the venue said it last; before that, as the owner expects it."""
        return (self.health.mode or self.account.expected_mode).upper()

    @property
    def wrong_mode(self) -> bool:
        return bool(self.health.mode) and self.health.mode != self.account.expected_mode

    @property
    def needs_login(self) -> bool:
        return self.account.enabled and self.health.state == HealthState.NOT_LOGGED_IN

    @property
    def is_paused(self) -> bool:
        return self.account.trading_state == TradingState.REDUCING

    @property
    def is_halted(self) -> bool:
        return self.account.trading_state == TradingState.HALTED

    @property
    def latency(self) -> str:
        return say.MISSING if self.health.latency_ms is None else f"{self.health.latency_ms}{say.BLANK}ms"

    def funds(self, name: str) -> str:
        return say.money(number((self.health.funds or {}).get(name)), self.account.currency)

    @property
    def used_part(self) -> int | None:
        """How much of the funds margin takes, in percent; None when the venue did not say."""
        available, used = (number((self.health.funds or {}).get(name)) for name in ("available", "used"))
        if available is None or used is None or available + used <= 0:
            return None
        return int(max(Decimal(0), min(Decimal(100), used * 100 / (available + used))))

    def age(self, name: str) -> float | None:
        """How many seconds ago `checked_at`, `last_error_at`, `funds_at`, … was; None for never."""
        return age_seconds(getattr(self.health, name), self.now)


def row_of(account: Account, seen: AccountHealth | None, kinds: Mapping[str, KindForm], now: datetime) -> Row:
    health = seen or AccountHealth(account_id=account.id, state=HealthState.UNKNOWN, mode="", last_error="")
    kind = kinds.get(account.venue_kind)
    return Row(account, health, kind.label if kind else account.venue_kind, now)
