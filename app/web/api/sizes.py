"""What counts for the sizes of all strategies, over the API."""

from typing import Annotated

from flask import Blueprint
from pydantic import ConfigDict, Field

from app.strategies.sizing_settings import SizingRules
from app.web.api.operation import operation
from app.web.api.shapes import Amount, Answer
from app.web.current import owner_id, services

bp = Blueprint("sizing", __name__, url_prefix="/api/v1/sizing")

TAG = "Strategies"
DETAIL = "All of it anew. Runs under way keep their lots; what begins from now on is sized by these."


class GradeShown(Answer):
    """What share of its free margin an account of this grade may bind."""

    name: Annotated[str, Field(examples=["A"])]
    percent: Annotated[Amount, Field(examples=["95"])]


class MarginShown(Answer):
    """Margin of one lot, where a venue does not tell it; null is not known. An expiry day without a figure is as any
    other, a call and a put sold together without one are two options."""

    exchange: Annotated[str, Field(examples=["NFO"])]
    underlying: Annotated[str, Field(examples=["NIFTY"])]
    option: Annotated[Amount | None, Field(examples=["250000"])]
    option_expiry: Annotated[Amount | None, Field(examples=["205000"])]
    pair: Annotated[Amount | None, Field(examples=["320000"])]
    pair_expiry: Annotated[Amount | None, Field(examples=["250000"])]
    future: Annotated[Amount | None, Field(examples=["215000"])]
    future_expiry: Annotated[Amount | None, Field(examples=["215000"])]


class SizingRulesShown(Answer):
    """`on_stale`: what an account does whose funds are older than `funds_age` seconds and can't be read anew: it is
    left out (refuse), takes the legs' own lots (lots), or is sized by the old figures (use)."""

    grades: list[GradeShown]
    on_stale: Annotated[str, Field(description="refuse, lots or use", examples=["refuse"])]
    funds_age: Annotated[int, Field(examples=[120])]
    margins: list[MarginShown]


class SizingRulesAsked(SizingRules):
    """Grades, what happens when funds are old, and margins by hand."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "grades": [{"name": "A", "percent": "95"}, {"name": "B", "percent": "65"}],
                "on_stale": "refuse",
                "funds_age": 120,
                "margins": [{"exchange": "NFO", "underlying": "NIFTY", "option": "250000", "pair": "320000"}],
            }
        }
    )


@bp.get("")
@operation(TAG, "Look at the settings of sizes", gives=SizingRulesShown)
def get() -> SizingRulesShown:
    return _shown()


@bp.put("")
@operation(TAG, "Replace the settings of sizes", DETAIL, takes=SizingRulesAsked, gives=SizingRulesShown)
def replace(body: SizingRulesAsked) -> SizingRulesShown:
    services().sizing.save(owner_id(), body)
    return _shown()


def _shown() -> SizingRulesShown:
    return SizingRulesShown.model_validate(services().sizing.rules(owner_id()))
