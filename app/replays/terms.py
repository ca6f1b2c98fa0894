"""What a replay is asked with. Pure; checked where it enters."""

from datetime import datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from app.core.validation import no_boolean

MOST_TICKS = 20_000_000
EARLIEST, LATEST = 2000, 2100  # years of a synthetic day


def no_number(value: Any) -> Any:
    """A time is said in words: seconds since whenever are somebody's mistake."""
    if isinstance(value, int | float):
        raise ValueError("this must be a time")
    return value


class Terms(BaseModel):
    """`recording_id` names a recorded day; or a synthetic day of the paper market begins at `start` (in India, where no
    zone is said) with `seed`, and lasts so many `minutes`. Where the strategy has no entry times of its own it enters
    once, at `enter_at` in India or five seconds after the first tick. `slippage` is in points, against each order at
    market."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    tape: Literal["recording", "synthetic"] = "recording"
    recording_id: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Za-z]{0,40}$")] = ""
    seed: Annotated[int, Field(ge=0, lt=2**31), BeforeValidator(no_boolean)] = 1
    start: Annotated[datetime | None, BeforeValidator(no_number)] = None
    minutes: Annotated[int, Field(ge=1, le=24 * 60), BeforeValidator(no_boolean)] = 375
    enter_at: Annotated[time | None, BeforeValidator(no_number)] = None
    slippage: Annotated[
        Decimal, Field(ge=0, le=1000, max_digits=8, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)
    ] = Decimal(0)

    @field_validator("recording_id")
    @classmethod
    def _names_a_day(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("tape") == "recording" and not value:
            raise ValueError("say which recorded day")
        return value

    @field_validator("start")
    @classmethod
    def _says_a_start(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        if info.data.get("tape") == "synthetic" and value is None:
            raise ValueError("say when the synthetic day begins")
        if value is not None and not EARLIEST <= value.year <= LATEST:
            raise ValueError(f"a year from {EARLIEST} to {LATEST}")
        return value

    @field_validator("enter_at")
    @classmethod
    def _is_in_india(cls, value: time | None) -> time | None:
        if value is not None and value.tzinfo is not None:
            raise ValueError("hours, minutes and seconds in India, without a zone")
        return value


def terms(saved: dict[str, Any]) -> Terms:
    return Terms.model_validate(saved)
