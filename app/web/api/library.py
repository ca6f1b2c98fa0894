"""What strategies are made from, over the API: templates, copies, files, and versions of before."""

from typing import Annotated, Any

from flask import Blueprint, url_for
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from app.core.validation import no_boolean
from app.strategies.document import StrategyDocument, written
from app.strategies.legs import MOST_LEGS, Draft
from app.strategies.library import LONGEST_NAME
from app.strategies.models import StrategyTemplate, StrategyVersion
from app.strategies.templates import EXPIRIES, TEMPLATES
from app.web.api.operation import Reply, operation
from app.web.api.shapes import Answer, Asked, Id, IdAsked, Instant
from app.web.api.strategies import one as one_strategy
from app.web.api.strategy_shapes import LEG_EXAMPLE, LegAsked, LegShown, StrategyShown, leg_shown
from app.web.current import owner_id, services
from app.web.strategy_library import MOST_LOTS, draft_of_template

bp = Blueprint("library", __name__, url_prefix="/api/v1")

TAG = "Strategies"
Version = Annotated[int | None, Field(ge=1, le=1_000_000_000), BeforeValidator(no_boolean)]


class DocumentAsked(StrategyDocument):
    """A strategy as it was exported; accounts are matched by their names."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "format": "mirrordesk-strategy",
                "format_version": 1,
                "name": "Short strangle",
                "legs": [LEG_EXAMPLE, LEG_EXAMPLE | {"kind": "PE"}],
                "accounts": [{"account": "Demo 1", "multiplier": "1"}],
            }
        }
    )

    legs: Annotated[list[LegAsked], Field(min_length=1, max_length=MOST_LEGS)]  # type: ignore[assignment]  # a leg, checked more closely


class DocumentShown(Answer):
    """A strategy as a file: what an import takes. No id and no secret of an account is in it."""

    model_config = ConfigDict(extra="allow")

    format: Annotated[str, Field(examples=["mirrordesk-strategy"])]
    format_version: Annotated[int, Field(examples=[1])]
    name: Annotated[str, Field(examples=["Short strangle"])]


class ImportedShown(Answer):
    strategy: StrategyShown
    unknown: Annotated[list[str], Field(description="Accounts nothing was found for.", examples=[["Demo 9"]])]


class VersionShown(Answer):
    number: Annotated[int, Field(examples=[2])]
    at: Instant
    by: Annotated[str, Field(description="Empty where nobody wrote it down.", examples=["Asha"])]
    changes: Annotated[list[str], Field(examples=[["Leg 2 removed: BUY 1 lot NIFTY current week OTM4 CE"]])]


class VersionList(Answer):
    items: list[VersionShown]


class VersionWhole(VersionShown):
    name: Annotated[str, Field(examples=["Short strangle"])]
    legs: list[LegShown]
    content: Annotated[dict[str, Any], Field(description="All that was saved.", examples=[{"on_failure": "unwind"}])]


class RestoreAsked(Asked):
    """With the `version` in force that was looked at, a change of somebody else's is not passed over."""

    version: Version = None


class TemplateShown(Answer):
    template: Annotated[str, Field(description="Its key, or the id of one of your own.", examples=["iron-condor"])]
    name: Annotated[str, Field(examples=["Iron condor"])]
    summary: Annotated[str, Field(examples=["A short strangle with bought wings."])]
    is_own: Annotated[bool, Field(examples=[False])]


class TemplateList(Answer):
    items: list[TemplateShown]


class TemplateSaved(Answer):
    id: Id
    name: Annotated[str, Field(examples=["Short strangle"])]


class TemplateAsked(Asked):
    strategy_id: IdAsked
    name: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=LONGEST_NAME), Field(examples=["My strangle"])
    ] = ""


class FillAsked(Asked):
    template: Annotated[str, StringConstraints(min_length=1, max_length=40), Field(examples=["iron-condor"])]
    underlying: Annotated[
        str, StringConstraints(max_length=40, pattern=r"^[A-Za-z0-9&.\-_]*$"), Field(examples=["NIFTY"])
    ] = ""
    expiry: Annotated[str, Field(description=", ".join(EXPIRIES), pattern=f"^({'|'.join(EXPIRIES)})$")] = EXPIRIES[0]
    lots: Annotated[int, Field(ge=1, le=MOST_LOTS)] = 1


@bp.get("/strategies/<strategy_id>/export")
@operation(TAG, "Export a strategy", "As a file for another desk.", gives=DocumentShown)
def export(strategy_id: str) -> DocumentShown:
    return DocumentShown.model_validate(services().library.exported(owner_id(), strategy_id))


@bp.post("/strategies/import")
@operation(
    TAG,
    "Import a strategy",
    "Saved as a new one; a name that is taken gets a number. Accounts that are not found by name take no part.",
    takes=DocumentAsked,
    gives=ImportedShown,
    status=201,
)
def take_in(body: DocumentAsked) -> Reply:
    found = services().library.take_in(owner_id(), body)
    shown = ImportedShown(strategy=one_strategy(found.strategy_id), unknown=list(found.unknown))
    return Reply(shown, location=url_for("api.strategies.get", strategy_id=found.strategy_id))


@bp.post("/strategies/<strategy_id>/clone")
@operation(TAG, "Copy a strategy", gives=StrategyShown, status=201)
def clone(strategy_id: str) -> Reply:
    copy_id = services().library.clone(owner_id(), strategy_id)
    return Reply(one_strategy(copy_id), location=url_for("api.strategies.get", strategy_id=copy_id))


@bp.get("/strategies/<strategy_id>/versions")
@operation(TAG, "List the versions of a strategy, newest first", gives=VersionList)
def versions(strategy_id: str) -> VersionList:
    kept = services().library.versions(owner_id(), strategy_id)
    return VersionList(items=[VersionShown.model_validate(one) for one in kept])


@bp.get("/strategies/<strategy_id>/versions/<int:number>")
@operation(TAG, "Look at a version", gives=VersionWhole)
def version(strategy_id: str, number: int) -> VersionWhole:
    return _whole(services().library.version(owner_id(), strategy_id, number))


@bp.post("/strategies/<strategy_id>/versions/<int:number>/restore")
@operation(
    TAG,
    "Restore a version",
    "Saved as a new version; nothing is lost. Runs under way keep theirs.",
    takes=RestoreAsked,
    gives=StrategyShown,
)
def restore(strategy_id: str, number: int, body: RestoreAsked) -> StrategyShown:
    services().library.restore(owner_id(), strategy_id, number, body.version)
    return one_strategy(strategy_id)


@bp.get("/strategy-templates")
@operation(TAG, "List the templates", gives=TemplateList)
def templates() -> TemplateList:
    known = [TemplateShown(template=t.key, name=t.name, summary=t.summary, is_own=False) for t in TEMPLATES]
    own = [_own(template) for template in services().library.templates(owner_id())]
    return TemplateList(items=known + own)


@bp.post("/strategy-templates")
@operation(
    TAG,
    "Save a strategy as a template",
    "Without its accounts. One of the same name is replaced.",
    takes=TemplateAsked,
    gives=TemplateSaved,
    status=201,
)
def save_template(body: TemplateAsked) -> Reply:
    saved = services().library.save_template(owner_id(), body.strategy_id, body.name)
    return Reply(TemplateSaved.model_validate(saved))


@bp.delete("/strategy-templates/<template_id>")
@operation(TAG, "Remove a template of your own", "Strategies made from it stay.", status=204)
def remove_template(template_id: str) -> None:
    services().library.remove_template(owner_id(), template_id)


@bp.get("/strategy-templates/filled")
@operation(
    TAG, "Fill a template for an underlying", "What it would be as a strategy; import it to save it.",
    query=FillAsked, gives=DocumentShown,
)  # fmt: skip
def fill(query: FillAsked) -> DocumentShown:
    draft: Draft = draft_of_template(owner_id(), query.template, query.underlying, query.expiry, query.lots)
    return DocumentShown.model_validate(written(draft, {}))


def _own(template: StrategyTemplate) -> TemplateShown:
    legs = len(template.content["legs"])
    return TemplateShown(
        template=template.id, name=template.name, summary=f"{legs} {'leg' if legs == 1 else 'legs'}", is_own=True
    )


def _whole(kept: StrategyVersion) -> VersionWhole:
    legs = [leg_shown(number, leg) for number, leg in enumerate(kept.content["legs"], 1)]
    said = {name: getattr(kept, name) for name in ("number", "at", "by", "changes", "content")}
    return VersionWhole(name=kept.content["name"], legs=legs, **said)
