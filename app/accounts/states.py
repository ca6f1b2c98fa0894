"""Whether an account may trade."""

from enum import StrEnum


class TradingState(StrEnum):
    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"  # paused: only what shrinks risk
    HALTED = "HALTED"  # nothing but cancels and exits
