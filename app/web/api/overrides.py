"""The values that count and what admins overrule, one by one or as a file."""

from datetime import date
from typing import Annotated

from flask import Blueprint
from pydantic import Field, StringConstraints

from app.core.clock import day_in_india
from app.core.errors import Invalid
from app.instruments.checks import clean
from app.instruments.facts import ruling_of
from app.instruments.importing import Wrong, all_rows
from app.instruments.models import Override
from app.users.roles import Scope
from app.web.access import needs
from app.web.api.operation import operation
from app.web.api.shapes import Answer, Asked, Id, Instant
from app.web.current import services
from app.web.overrides import apply, as_csv, read_plan

bp = Blueprint("overrides", __name__, url_prefix="/api/v1/overrides")

TAG = "Instruments"
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=600)]
ADMINS = "For admins with a session; no API token can."


class OverrideAsked(Asked):
    kind: Annotated[Short, Field(examples=["freeze_quantity"])]
    exchange: Annotated[Short, Field(examples=["NFO"])]
    subject: Annotated[Short, Field(description="An underlying or a symbol; empty for hours and days.")] = ""
    value: Annotated[Text, Field(examples=["1755"])]
    effective_from: Annotated[date, Field(examples=["2026-12-01"])]
    source: Annotated[Text, Field(examples=["NSE/FAOP/70616"])]
    reason: Annotated[Text, Field(examples=["The venue's list is a day behind"])]


class EndAsked(Asked):
    reason: Annotated[Text, Field(examples=["The list is right again"])]


class OverrideShown(Answer):
    id: Id
    kind: Annotated[str, Field(examples=["freeze_quantity"])]
    exchange: Annotated[str, Field(examples=["NFO"])]
    subject: Annotated[str, Field(examples=["NIFTY"])]
    value: Annotated[str, Field(examples=["1755"])]
    effective_from: date
    until: Annotated[date | None, Field(description="The first day without it; null while it stands.")]
    source: Annotated[str, Field(examples=["NSE/FAOP/70616"])]
    reason: Annotated[str, Field(examples=["The venue's list is a day behind"])]
    set_by_name: Annotated[str, Field(examples=["Asha"])]
    set_at: Instant
    ended_at: Instant | None
    ended_by_name: str | None
    end_reason: str | None
    counts: Annotated[bool, Field(description="Whether it counts today.")]


class OverrideList(Answer):
    items: list[OverrideShown]


class FileAsked(Asked):
    csv: Annotated[
        str,
        StringConstraints(min_length=1, max_length=700_000),
        Field(
            description="Columns kind, exchange, subject, value, effective_from, source; others are ignored.",
            examples=["kind,exchange,subject,value,effective_from,source\nlot_size,NFO,NIFTY,70,2026-12-01,Circular"],
        ),
    ]
    reason: Annotated[Text, Field(examples=["Circular of 28 Nov"])]
    apply: Annotated[bool, Field(description="False: only say what it would change.")] = False


class ValueChange(Answer):
    line: int
    kind: str
    exchange: str
    subject: str
    effective_from: date | None
    before: str
    after: str


class FileTaken(Answer):
    applied: bool
    new: int
    changed: int
    same: int
    changes: list[ValueChange]


class FileGiven(Answer):
    csv: str


@bp.get("")
@operation(TAG, "List the overrides, ended ones too", gives=OverrideList)
def index() -> OverrideList:
    return OverrideList(items=[_shown(row) for row in services().overrides.list()])


@bp.post("")
@needs(Scope.ADMIN)
@operation(TAG, "Overrule a value", ADMINS, takes=OverrideAsked, gives=OverrideShown, status=201)
def add(body: OverrideAsked) -> OverrideShown:
    day = body.effective_from.isoformat()
    asked = clean(body.kind, body.exchange, body.subject, body.value, day, body.source, body.reason)
    return _shown(services().overrides.set(asked))


@bp.post("/<override_id>/end")
@needs(Scope.ADMIN)
@operation(TAG, "End an override", f"{ADMINS} It stays in the history.", takes=EndAsked, gives=OverrideShown)
def end(override_id: str, body: EndAsked) -> OverrideShown:
    return _shown(services().overrides.end(override_id, body.reason))


@bp.get("/file")
@operation(TAG, "Take all values out as CSV", gives=FileGiven)
def give() -> FileGiven:
    return FileGiven(csv=as_csv(all_rows(services().instruments.rulings(services().clock.now()))))


@bp.post("/file")
@needs(Scope.ADMIN)
@operation(TAG, "Take values in as CSV, all or none", ADMINS, takes=FileAsked, gives=FileTaken)
def take(body: FileAsked) -> FileTaken:
    found = read_plan(body.csv.replace("\x00", ""), body.reason)
    if found.wrong:
        raise Invalid({_place(one): [one.sentence] for one in found.wrong[:100]})
    if body.apply and found.changes:
        apply(found)
    changes = [
        ValueChange(
            line=one.line,
            kind=one.asked.kind,
            exchange=one.asked.exchange,
            subject=one.asked.subject,
            effective_from=one.asked.effective_from,
            before=one.before,
            after=one.asked.value,
        )
        for one in found.changes
    ]
    applied = body.apply and bool(changes)
    return FileTaken(applied=applied, new=found.new, changed=found.changed, same=found.same, changes=changes)


def _shown(row: Override) -> OverrideShown:
    counts = ruling_of(row).holds_on(day_in_india(services().clock.now()))
    return OverrideShown.model_validate({**vars(row), "counts": counts})


def _place(wrong: Wrong) -> str:
    """Where a file is wrong, as `csv.3.value` for its third line; before its first line is what was sent with it."""
    return f"csv.{wrong.line}.{wrong.field}" if wrong.line else wrong.field
