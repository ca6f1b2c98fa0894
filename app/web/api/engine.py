"""The engine and its feed over the API: what the Engine page shows."""

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from app.accounts.health import age_seconds
from app.web.api.operation import operation
from app.web.api.shapes import Answer, Instant
from app.web.engine_view import FeedView, look

bp = Blueprint("engine_api", __name__, url_prefix="/api/v1/engine")

DETAIL = (
    "Accounts of others are not named, and of symbols without a usable price only those are listed that you hold, "
    "besides the indices; `stale_count` counts all."
)


class ConnectionShown(Answer):
    account: Annotated[str, Field(examples=["Zerodha main"])]
    number: Annotated[int, Field(description="Counts the connections of an account from 0.", examples=[0])]
    role: Annotated[str, Field(description="carrier, trial or overflow", examples=["carrier"])]
    state: Annotated[str, Field(description="connecting, live, down or refused", examples=["live"])]
    symbols: Annotated[int, Field(examples=[212])]
    last_at: Instant | None
    refused: Annotated[int, Field(description="Symbols the server would not subscribe.", examples=[0])]
    garbage: Annotated[int, Field(description="Frames that made no sense.", examples=[0])]
    words: Annotated[str, Field(description="What the server said last.", examples=[""])]


class FeedEventShown(Answer):
    at: Instant
    text: Annotated[str, Field(examples=["Alpha gave no usable price: prices come from Beta now."])]
    is_good: bool


class FeedShown(Answer):
    state: Annotated[str, Field(description="live, slow, stale, frozen, closed, down or unknown", examples=["live"])]
    badge: Annotated[str, Field(examples=["Live 0.4 s"])]
    account: Annotated[str | None, Field(description="Whose stream carries the feed.", examples=["Zerodha main"])]
    source: Annotated[str | None, Field(description="stream, request or null", examples=["stream"])]
    last_at: Instant | None
    wanted: Annotated[int, Field(description="Symbols that somebody wants a price of.", examples=[212])]
    left_out: Annotated[int, Field(description="On no connection: priced by request.", examples=[0])]
    stale_count: Annotated[int, Field(description="Without a price that may be used.", examples=[0])]
    stale: Annotated[list[str], Field(examples=[["NFO:NIFTY24NOV2626050CE"]])]
    received: Annotated[int, Field(description="Prices since the engine's start.", examples=[184_202])]
    dropped: Annotated[dict[str, int], Field(description="By reason.", examples=[{"zero": 3}])]
    requests_failed: int
    requests_without_price: int
    connections: list[ConnectionShown]
    events: Annotated[list[FeedEventShown], Field(description="The newest 50, the newest first.")]


class JobShown(Answer):
    loop: Annotated[str, Field(examples=["house"])]
    name: Annotated[str, Field(examples=["feed"])]
    period_seconds: Annotated[float, Field(examples=[2.0])]
    age_seconds: Annotated[float | None, Field(description="Since it ended last.", examples=[0.4])]
    took_ms: Annotated[int, Field(examples=[1])]
    failures: Annotated[int, Field(description="In a row.", examples=[0])]
    is_late: bool


class LaneShown(Answer):
    account: Annotated[str, Field(examples=["Zerodha main"])]
    waiting: Annotated[int, Field(description="Calls queued.", examples=[0])]
    is_held: Annotated[bool, Field(description="Nobody is logged in at its broker.")]


class EngineShown(Answer):
    state: Annotated[str, Field(description="live, slow, stale or unknown", examples=["live"])]
    beat_at: Instant | None
    beat_age_seconds: int | None
    jobs: list[JobShown]
    lanes: list[LaneShown]
    feed: FeedShown


@bp.get("")
@operation("Desk", "How the engine and the price feed are", DETAIL, gives=EngineShown)
def show() -> EngineShown:
    view = look()
    return EngineShown(
        state=view.badge.state,
        beat_at=view.beat_at,
        beat_age_seconds=age_seconds(view.beat_at, view.now),
        jobs=[
            JobShown(
                loop=job.loop, name=job.name, period_seconds=job.period, age_seconds=job.age, took_ms=job.took_ms,
                failures=job.failures, is_late=job.is_late,
            )
            for job in view.jobs
        ],
        lanes=[LaneShown.model_validate(lane) for lane in view.lanes],
        feed=_feed(view.feed),
    )  # fmt: skip


def _feed(feed: FeedView) -> FeedShown:
    return FeedShown(
        badge=feed.badge.text,
        connections=[ConnectionShown.model_validate(one) for one in feed.connections],
        events=[FeedEventShown.model_validate(one) for one in feed.events],
        **{
            name: getattr(feed, name)
            for name in FeedShown.model_fields
            if name not in ("badge", "connections", "events")
        },
    )
