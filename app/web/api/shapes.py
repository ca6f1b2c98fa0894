"""What all answers and requests of the API share: exact numbers as text, times in UTC with a Z, ids as text.

A request with a field that nobody knows is refused. A number may be sent as text or as a number; neither passes
through a float.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    computed_field,
)
from pydantic import WithJsonSchema as Schema

from app.core.money import plain
from app.core.validation import no_boolean
from app.web.contracts import contract_name

EXAMPLE_ID = "01KAJ9Q4T5V6W7X8Y9Z0A1B2C3"
ID = r"^[0-9A-Za-z]{1,40}$"
PLACES = Decimal("1e-8")  # of averages, which need not end


class Asked(BaseModel):
    """A request's body or query."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class OfContract(Answer):
    """What is about one contract."""

    symbol: Annotated[str, Field(description="As venues spell it.", examples=["NIFTY24NOV2626050CE"])]

    @computed_field(description="As people say it.", examples=["NIFTY 24 Nov 26 26,050 CE"])  # type: ignore[prop-decorator]  # pydantic wants it on a property
    @property
    def name(self) -> str:
        return contract_name(self.symbol)


class Nothing(Asked):
    """An empty object."""


def in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def rounded(value: Decimal | None) -> Decimal | None:
    """An average that need not end, as far as anybody needs it."""
    return None if value is None else value.quantize(PLACES)


Id = Annotated[str, Field(examples=[EXAMPLE_ID])]
IdAsked = Annotated[str, StringConstraints(pattern=ID), Field(examples=[EXAMPLE_ID])]
Amount = Annotated[
    Decimal,
    PlainSerializer(plain, return_type=str),
    Schema({"type": "string", "format": "decimal", "examples": ["171.05"]}),
]
Quantity = Annotated[
    Decimal,
    Field(gt=0, lt=100_000_000, max_digits=18, decimal_places=8, allow_inf_nan=False, examples=["2"]),
    BeforeValidator(no_boolean),
]
Instant = Annotated[
    datetime,
    PlainSerializer(in_utc, return_type=str),
    Schema({"type": "string", "format": "date-time", "examples": ["2026-11-23T04:15:02.125Z"]}),
]
Moment = Annotated[
    AwareDatetime,
    Field(
        ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2100, 1, 1, tzinfo=UTC), examples=["2026-11-23T04:15:02.125Z"]
    ),
]
Limit = Annotated[int, Field(ge=1, le=200, description="How many at most."), BeforeValidator(no_boolean)]
Cursor = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Za-z]{0,40}$"),
    Field(description="The `next` of the page before; the first page has none."),
]
Next = Annotated[
    str | None, Field(description="Send it as `before` for the next page; null on the last.", examples=[None])
]
