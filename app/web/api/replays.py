"""Recorded days and replays over the API. A replay is a simulation: nothing of it reaches an account."""

from datetime import date
from typing import Annotated, Any

import orjson
from flask import Blueprint, url_for
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.core.errors import Forbidden
from app.replays.models import Recording, Replay
from app.replays.recordings import RecordingWish
from app.replays.terms import Terms
from app.users.roles import Scope
from app.web.api.operation import Reply, operation
from app.web.api.shapes import EXAMPLE_ID, Answer, Asked, Id, IdAsked, Instant
from app.web.current import identity, owner_id, services
from app.web.tiers import tier

bp = Blueprint("replays", __name__, url_prefix="/api/v1")

TAG = "Replays"
Lines = Annotated[list[dict[str, Any]], Field(examples=[[{"what": "fill", "order": 1, "price": "99.95"}]])]
EXAMPLE: JsonDict = {
    "strategy_id": EXAMPLE_ID, "tape": "synthetic", "seed": 7, "start": "2026-11-20T09:15:00", "minutes": 375,
    "slippage": "0.05",
}  # fmt: skip


class RecordingAsked(RecordingWish):
    model_config = ConfigDict(json_schema_extra={"example": {"what": "symbols", "symbols": ["NSE_INDEX:NIFTY"]}})


class ReplayAsked(Terms):
    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    strategy_id: IdAsked

    def terms(self) -> Terms:
        return Terms.model_validate(self.model_dump(exclude={"strategy_id"}))


class RecordingShown(Answer):
    id: Id
    day: Annotated[date, Field(description="In India.", examples=["2026-11-20"])]
    title: Annotated[str, Field(examples=["Contracts of Short strangle"])]
    what: Annotated[str, Field(description="symbols, strategy, everything or candles", examples=["strategy"])]
    state: Annotated[str, Field(description="on or ended", examples=["on"])]
    asked_at: Instant
    ended_at: Instant | None
    first_at: Annotated[Instant | None, Field(description="Of its ticks.")]
    last_at: Instant | None
    heard: Annotated[int, Field(description="Symbols that had a tick.", examples=[51])]
    ticks: Annotated[int, Field(examples=[918_000])]
    dropped: Annotated[int, Field(description="There was no room for them.", examples=[0])]
    size: Annotated[int, Field(description="Bytes on the disk.", examples=[8_400_000])]
    trouble: Annotated[str, Field(examples=[""])]


class RecordingList(Answer):
    items: list[RecordingShown]


class ReplayShown(Answer):
    """`result` is there once it is done: totals, trades, exits, and the curve as [at, total, stop]."""

    id: Id
    strategy_id: Id
    name: Annotated[str, Field(examples=["Short strangle"])]
    version: Annotated[int, Field(examples=[3])]
    tape: Annotated[str, Field(examples=["20 Nov 2026: Contracts of Short strangle"])]
    terms: Annotated[dict[str, Any], Field(examples=[{"tape": "recording", "slippage": "0"}])]
    state: Annotated[str, Field(description="waiting, playing, done, failed or cancelled", examples=["done"])]
    progress: Annotated[int, Field(description="Percent.", examples=[100])]
    asked_at: Instant
    began_at: Instant | None
    ended_at: Instant | None
    trouble: Annotated[str, Field(examples=[""])]
    fingerprint: Annotated[str, Field(description="Of the tape, SHA-256.", examples=["9f86d081884c7d65"])]
    is_simulated: Annotated[bool, Field(description="Always: nothing of it was traded.", examples=[True])] = True


class ReplayWhole(ReplayShown):
    result: Annotated[
        dict[str, Any] | None, Field(examples=[{"totals": {"net": "883.03"}, "trades": [], "exits": [], "curve": []}])
    ]


class ReplayList(Answer):
    items: list[ReplayShown]


class JournalShown(Answer):
    """The same tape, strategy and terms give the same lines."""

    lines: Lines


class OfStrategy(Asked):
    strategy_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{0,40}$", description="Of this one alone.")] = ""


@bp.get("/recordings")
@operation(TAG, "List the recorded days, newest first", gives=RecordingList)
def recordings() -> RecordingList:
    return RecordingList(items=[_recording(row) for row in services().recordings.list(owner_id())])


@bp.post("/recordings")
@operation(
    TAG,
    "Begin to record ticks",
    "Until the end of the day in India. Everything the feed hears is for admins alone. Minute candles of a day that "
    "was are read of a broker, the worst price of each first.",
    takes=RecordingAsked,
    gives=RecordingShown,
    status=201,
)
def record(body: RecordingAsked) -> Reply:
    if body.what == "everything" and not identity().may(Scope.ADMIN):
        raise Forbidden("Only an admin may record what everybody looks at.")
    recording_id = services().recordings.begin(owner_id(), body)
    location = url_for("api.replays.recording", recording_id=recording_id)
    return Reply(_recording(services().recordings.get(owner_id(), recording_id)), location=location)


@bp.get("/recordings/<recording_id>")
@operation(TAG, "Look at a recorded day", gives=RecordingShown)
def recording(recording_id: str) -> RecordingShown:
    return _recording(services().recordings.get(owner_id(), recording_id))


@bp.post("/recordings/<recording_id>/end")
@operation(TAG, "End a recording", "What was recorded stays. Asking again does no harm.", gives=RecordingShown)
def end(recording_id: str) -> RecordingShown:
    services().recordings.end(owner_id(), recording_id)
    return _recording(services().recordings.get(owner_id(), recording_id))


@bp.delete("/recordings/<recording_id>")
@operation(TAG, "Delete a recorded day", "With its files. Refused while it is on, or played.", status=204)
def delete_recording(recording_id: str) -> None:
    services().recordings.remove(owner_id(), recording_id)


@bp.get("/replays")
@operation(TAG, "List the replays, newest first", query=OfStrategy, gives=ReplayList)
def index(query: OfStrategy) -> ReplayList:
    rows = services().replays.list(owner_id(), query.strategy_id)
    return ReplayList(items=[ReplayShown.model_validate(row) for row in rows])


@bp.post("/replays")
@tier("heavy")
@operation(
    TAG,
    "Replay a strategy",
    "Its rules over a recorded or a synthetic day. It is played beside the desk; look at it for how far it is.",
    takes=ReplayAsked,
    gives=ReplayWhole,
    status=202,
)
def ask(body: ReplayAsked) -> Reply:
    replay_id = services().replays.ask(owner_id(), body.strategy_id, body.terms())
    return Reply(_replay(replay_id), location=url_for("api.replays.get", replay_id=replay_id))


@bp.get("/replays/<replay_id>")
@operation(TAG, "Look at a replay", gives=ReplayWhole)
def get(replay_id: str) -> ReplayWhole:
    return _replay(replay_id)


@bp.get("/replays/<replay_id>/journal")
@operation(TAG, "Read the journal of a replay", gives=JournalShown)
def journal(replay_id: str) -> JournalShown:
    text = services().replays.journal(owner_id(), replay_id)
    return JournalShown(lines=[orjson.loads(line) for line in text.splitlines()])


@bp.post("/replays/<replay_id>/cancel")
@operation(TAG, "Cancel a replay", "Asking again does no harm.", gives=ReplayWhole, status=202)
def cancel(replay_id: str) -> ReplayWhole:
    services().replays.cancel(owner_id(), replay_id)
    return _replay(replay_id)


@bp.delete("/replays/<replay_id>")
@operation(TAG, "Delete a replay", "Refused while it waits or plays.", status=204)
def delete(replay_id: str) -> None:
    services().replays.remove(owner_id(), replay_id)


def _recording(row: Recording) -> RecordingShown:
    return RecordingShown.model_validate(row)


def _replay(replay_id: str) -> ReplayWhole:
    row: Replay = services().replays.get(owner_id(), replay_id)
    return ReplayWhole.model_validate(row)
