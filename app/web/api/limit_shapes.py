"""What the limits of a run look at and what they did, as the API gives it."""

from typing import Annotated

from pydantic import Field

from app.web.api.shapes import Amount, Answer, Id, Instant


class LookedAtShown(Answer):
    """What a limit looks at beside the profit. All of these are held by the desk; a leg's stop and target alone may
    rest at the broker."""

    of: Annotated[str, Field(description="The account, or all of them.", examples=["All accounts"])]
    rule: Annotated[str, Field(examples=["supertrend"])]
    what: Annotated[str, Field(examples=["NIFTY 5m, down"])]
    value: Annotated[Amount | None, Field(examples=["25012.4"])]
    leaves: Annotated[str, Field(examples=["past 25040.15 at a close"])]
    at: Annotated[Instant | None, Field(description="Of what was looked at.")]
    trouble: Annotated[str, Field(description="Why it decides nothing.", examples=[""])]


class PriceSeen(Answer):
    exchange: Annotated[str, Field(examples=["NFO"])]
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2625000CE"])]
    price: Annotated[Amount, Field(examples=["112.4"])]
    age_ms: Annotated[int, Field(examples=[3])]


class LimitEventShown(Answer):
    """A limit that was touched. `threshold` and `value` are profits in currency, or what the rule looks at: the
    combined premium, the underlying, a close and its line, a delta; null for a time that came."""

    id: Id
    reach: Annotated[str, Field(description="run, part or leg", examples=["run"])]
    subject_id: Id
    name: Annotated[str, Field(examples=["Short strangle"])]
    rule: Annotated[str, Field(examples=["stop"])]
    threshold: Annotated[Amount | None, Field(examples=["-5000"])]
    value: Annotated[Amount | None, Field(examples=["-5012.5"])]
    prices: list[PriceSeen]
    decided: Annotated[bool, Field(description="False: the exit had been decided before.", examples=[True])]
    at: Instant
