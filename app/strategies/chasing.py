"""A limit entry that follows the market: new terms by one change at a time, then at market or left to rest. Pure.

Time alone decides: so many seconds after it was sent it is due for its first new price, and so on. What a change does
to the order, and that two never meet, is the business of `execution.changes`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.core.validation import no_boolean
from app.strategies.exit_prices import UNFINISHED, NewTerms


class Chase(BaseModel):
    """`times` new prices, one every `every` seconds; what has not filled `every` seconds after the last one crosses the
    market by so many percent as the account allows (3 where it says nothing), or is left where it rests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: Annotated[int, Field(ge=1, le=50), BeforeValidator(no_boolean)]
    every: Annotated[int, Field(ge=1, le=600, description="Seconds."), BeforeValidator(no_boolean)] = 5
    then: Literal["market", "leave"] = "leave"

    @property
    def words(self) -> str:
        times = "once" if self.times == 1 else f"{self.times} times"
        end = "at market" if self.then == "market" else "left to rest"
        return f"follows {times}, every {self.every} s, then {end}"


class Step(StrEnum):
    WAIT = "wait"
    FOLLOW = "follow"  # a new limit
    MARKET = "market"


@dataclass(frozen=True, slots=True)
class Resting:
    """An entry that works at the venue at a limit, and the newest change that was asked for."""

    sent_at: datetime
    newest: NewTerms | None = None


def step(rule: Chase, resting: Resting, now: datetime) -> Step:
    """What is due for it. Once a change was asked for since it was due, the next one has to come."""
    newest, every = resting.newest, timedelta(seconds=rule.every)
    turn = (now - resting.sent_at) // every
    if turn < 1 or (newest is not None and newest.state in UNFINISHED):
        return Step.WAIT
    if turn > rule.times and rule.then == "leave":
        return Step.WAIT
    due = resting.sent_at + every * min(turn, rule.times + 1)
    if newest is not None and newest.asked_at >= due:
        return Step.WAIT
    return Step.MARKET if turn > rule.times else Step.FOLLOW
