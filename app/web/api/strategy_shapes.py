"""Strategies as the API takes and gives them: what is saved is what the strategies room calls a draft."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from app.strategies.legs import MOST_LEGS, AccountShare, Draft, Leg, Price
from app.strategies.models import Strategy, StrategyAccount
from app.web.api.shapes import EXAMPLE_ID, Amount, Answer, Id, Instant, refuse_booleans

LEG_EXAMPLE: dict[str, Any] = {
    "action": "SELL",
    "kind": "CE",
    "exchange": "NFO",
    "underlying": "NIFTY",
    "expiry": "current_week",
    "strike": "OTM2",
    "lots": 2,
    "product": "NRML",
    "price_type": "MARKET",
}
SHARE_EXAMPLE: dict[str, Any] = {"account_id": EXAMPLE_ID, "multiplier": "1.5"}


class LegAsked(Leg):
    """One line of a strategy. `kind` CE, PE, FUT need an underlying and an expiry; SYMBOL needs a symbol."""

    model_config = ConfigDict(json_schema_extra={"example": LEG_EXAMPLE})

    price: Annotated[Price, BeforeValidator(refuse_booleans)] | None = None


class ShareAsked(AccountShare):
    """An account that takes part; its lots are the leg's lots times the multiplier, rounded down."""

    model_config = ConfigDict(json_schema_extra={"example": SHARE_EXAMPLE})

    multiplier: Annotated[
        Decimal,
        Field(gt=0, le=1000, max_digits=10, decimal_places=4, allow_inf_nan=False),
        BeforeValidator(refuse_booleans),
    ] = Decimal(1)


class StrategyAsked(Draft):
    """A strategy as it is saved. Saving it again replaces it whole; runs under way keep what they started with."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Short strangle",
                "legs": [LEG_EXAMPLE, LEG_EXAMPLE | {"kind": "PE"}],
                "accounts": [SHARE_EXAMPLE],
                "on_failure": "unwind",
            }
        }
    )

    legs: Annotated[list[LegAsked], Field(min_length=1, max_length=MOST_LEGS)]  # type: ignore[assignment]  # a leg, checked more closely
    accounts: Annotated[list[ShareAsked], Field(max_length=500)] = Field(default_factory=list)  # type: ignore[assignment]  # a share, checked more closely


class StrategyReplaced(StrategyAsked):
    """The whole strategy anew; with the `version` it was made from, a change of somebody else's is not overwritten."""

    version: Annotated[int | None, Field(ge=1, le=1_000_000_000), BeforeValidator(refuse_booleans)] = None


class LegShown(Answer):
    number: Annotated[int, Field(examples=[1])]
    words: Annotated[str, Field(examples=["SELL 2 lots NIFTY current week OTM2 CE"])]
    action: Annotated[str, Field(examples=["SELL"])]
    kind: Annotated[str, Field(examples=["CE"])]
    exchange: Annotated[str, Field(examples=["NFO"])]
    underlying: Annotated[str, Field(examples=["NIFTY"])]
    expiry: Annotated[str, Field(examples=["current_week"])]
    strike: Annotated[str, Field(examples=["OTM2"])]
    symbol: Annotated[str, Field(examples=[""])]
    lots: Annotated[int, Field(examples=[2])]
    product: Annotated[str, Field(examples=["NRML"])]
    price_type: Annotated[str, Field(examples=["MARKET"])]
    price: Annotated[Amount | None, Field(examples=[None])]


class ShareShown(Answer):
    account_id: Id
    multiplier: Annotated[Amount, Field(examples=["1"])]


class StrategyShown(Answer):
    id: Id
    name: Annotated[str, Field(examples=["Short strangle"])]
    legs: list[LegShown]
    accounts: list[ShareShown]
    on_failure: Annotated[str, Field(description="unwind or hold", examples=["unwind"])]
    venue_kind: Annotated[str, Field(examples=["openalgo"])]
    version: Annotated[int, Field(examples=[1])]
    created_at: Instant
    updated_at: Instant


class StrategyList(Answer):
    items: list[StrategyShown]


def leg_shown(number: int, row: dict[str, Any]) -> LegShown:
    leg = Leg.model_validate(row)
    return LegShown(number=number, words=leg.words, **leg.model_dump())


def strategy_shown(row: Strategy, shares: list[StrategyAccount]) -> StrategyShown:
    return StrategyShown(
        id=row.id,
        name=row.name,
        legs=[leg_shown(number, leg) for number, leg in enumerate(row.legs, 1)],
        accounts=[ShareShown.model_validate(share) for share in shares],
        on_failure=row.on_failure,
        venue_kind=row.venue_kind,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
