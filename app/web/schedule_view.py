"""A schedule as its page shows it: what it will do, what it did, and which accounts are ready for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from app.strategies.legs import lots_for
from app.strategies.models import ReadyCheck, ScheduledEntry, Strategy, StrategyAccount
from app.strategies.schedule import Slot
from app.strategies.scheduling import Plan
from app.web import format as fmt
from app.web.current import services
from app.web.order_lines import owned_accounts
from app.web.strategy_list import leg_words
from app.web.words import count

OUTCOMES = {  # word, icon, tone
    "started": ("Started", "circle-check", "ok"),
    "failed": ("Failed", "octagon-x", "bad"),
    "missed": ("Not made", "triangle-alert", "warn"),
    "skipped": ("Skipped", "ban", ""),
}


@dataclass(frozen=True)
class ScheduleView:
    plan: Plan
    shares: Sequence[StrategyAccount]
    history: Sequence[ScheduledEntry]

    @property
    def strategy(self) -> Strategy:
        return self.plan.strategy

    @property
    def legs(self) -> list[str]:
        return leg_words(self.strategy.legs)

    @property
    def modes(self) -> list[str]:
        accounts = owned_accounts(self.strategy.owner_id)
        return sorted({accounts[share.account_id].expected_mode for share in self.shares})

    @property
    def lots(self) -> int:
        """Of all legs that are counted in lots, in all accounts: with the units, what one entry trades."""
        return self._traded("lots")

    @property
    def units(self) -> int:
        """Of all legs that are counted in units, at most: an account rounds down to whole lots of the contract."""
        return self._traded("units")

    @property
    def size(self) -> str:
        """In words: "8 lots", "150 units", "8 lots and 150 units"."""
        counted = [count(number, word) for number, word in ((self.lots, "lot"), (self.units, "unit")) if number]
        return " and ".join(counted) or count(0, "lot")

    def _traded(self, counted_in: Literal["lots", "units"]) -> int:
        """A leg has one of them, the other is None or not there."""
        written = [int(leg.get(counted_in) or 0) for leg in self.strategy.legs]
        return sum(lots_for(number, share.multiplier) for number in written for share in self.shares)

    @property
    def zone(self) -> str:
        """Of the schedule, where it is not India's."""
        return "" if self.plan.rules.zone == "Asia/Kolkata" else self.plan.rules.zone

    def local(self, slot: Slot) -> str:
        """An entry's time where the schedule keeps its times, where that is not India."""
        return f"{slot.name} {slot.at.astimezone(ZoneInfo(self.zone)):%Z}" if self.zone else ""


def read_schedule(owner_id: str, strategy_id: str) -> ScheduleView:
    desk = services()
    strategy = desk.strategies.get(owner_id, strategy_id)
    shares = desk.strategies.shares(owner_id, strategy_id)
    plan = desk.schedules.plan(strategy, is_whole=True)
    return ScheduleView(plan, shares, desk.schedules.history(owner_id, strategy_id))


@dataclass(frozen=True, slots=True)
class Readiness:
    """The newest look at the accounts, if there was one; `armed` is how many strategies are armed now."""

    check: ReadyCheck | None
    armed: int
    now: datetime

    @property
    def age(self) -> str:
        return fmt.age((self.now - self.check.at).total_seconds()) if self.check else ""

    @property
    def strategies(self) -> Sequence[dict[str, Any]]:
        return self.check.findings["strategies"] if self.check else ()

    @property
    def is_of_today(self) -> bool:
        return self.check is not None and fmt.day(self.check.at) == fmt.day(self.now)


def read_readiness(owner_id: str) -> Readiness:
    desk = services()
    return Readiness(desk.schedules.newest_check(owner_id), len(desk.schedules.armed(owner_id)), desk.clock.now())
