"""Pages of what strategies are made from: templates, copies, files, and versions of before."""

import json
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import DeskError, Invalid
from app.instruments.models import FactKind
from app.strategies import document
from app.strategies.legs import Draft
from app.strategies.templates import BY_KEY, EXPIRIES, TEMPLATES, fill, moved
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import owner_id, services
from app.web.forms import clean_text
from app.web.order_lines import owned_accounts

bp = Blueprint("library", __name__, url_prefix="/strategies")
MOST_LOTS = 1_000


def exchanges_of_underlyings() -> dict[str, str]:
    """Where the options of each underlying are listed that a price is known of."""
    spots = services().instruments.facts(FactKind.SPOT)
    return {fact.subject: fact.exchange for fact in spots if fact.subject != "*"}


def draft_of_template(owner: str, key: str, underlying: str = "", expiry: str = "", lots: int = 1) -> Draft:
    """A built-in template by its key, or one's own by its id, for an underlying. Raises NotFound."""
    underlying = underlying.strip().upper()
    exchange = exchanges_of_underlyings().get(underlying, "NFO")
    known = BY_KEY.get(key)
    if known is None:
        content = dict(services().library.template(owner, key).content)
        if underlying:
            content["legs"] = moved(content["legs"], underlying, exchange)
        return Draft.model_validate(content)
    underlying = underlying or "NIFTY"
    legs = fill(known.legs, underlying, exchange, expiry if expiry in EXPIRIES else EXPIRIES[0], lots)
    return Draft.model_validate({"name": f"{known.name} {underlying}", "legs": legs})


@bp.get("/templates")
@needs(Scope.TRADE)
def templates() -> str:
    groups: dict[str, list[Any]] = {}
    for template in TEMPLATES:
        groups.setdefault(template.view, []).append(template)
    return render_template(
        "strategies/templates.html",
        groups=groups,
        own=services().library.templates(owner_id()),
        underlyings=sorted(exchanges_of_underlyings()),
        expiries=[(name, name.replace("_", " ").capitalize()) for name in EXPIRIES],
    )


@bp.post("/<strategy_id>/template")
@needs(Scope.TRADE)
def save_template(strategy_id: str) -> ResponseReturnValue:
    saved = services().library.save_template(owner_id(), strategy_id)
    flash(f"{saved.name} is a template now, without its accounts.")
    return redirect(url_for("library.templates"), 303)


@bp.post("/templates/<template_id>/remove")
@needs(Scope.TRADE)
def remove_template(template_id: str) -> ResponseReturnValue:
    name = services().library.remove_template(owner_id(), template_id)
    flash(f"The template {name} is removed. Strategies made from it stay.")
    return redirect(url_for("library.templates"), 303)


@bp.post("/<strategy_id>/clone")
@needs(Scope.TRADE)
def clone(strategy_id: str) -> ResponseReturnValue:
    copy_id = services().library.clone(owner_id(), strategy_id)
    flash("This is the copy: change what shall be different.")
    return redirect(url_for("builder.edit", strategy_id=copy_id), 303)


@bp.get("/<strategy_id>/export")
def export(strategy_id: str) -> Response:
    text = json.dumps(services().library.exported(owner_id(), strategy_id), indent=2, ensure_ascii=False)
    named = {"Content-Disposition": f'attachment; filename="strategy-{strategy_id}.json"'}
    return Response(text + "\n", mimetype="application/json", headers=named)


@bp.route("/import", methods=["GET", "POST"])
@needs(Scope.TRADE)
def take_in() -> ResponseReturnValue:
    if request.method == "GET":
        return _import_page("", {})
    text = _uploaded() or str(clean_text(request.form.get("document", "")))
    try:
        found = services().library.take_in(owner_id(), document.read(text))
    except Invalid as refused:
        return _import_page(text, refused.fields), refused.status
    unknown = f" No account here is named {', '.join(found.unknown)}." if found.unknown else ""
    flash(f"Imported; nothing runs before you say so.{unknown}")
    return redirect(url_for("builder.edit", strategy_id=found.strategy_id), 303)


def _uploaded() -> str:
    sent = request.files.get("file")
    return sent.read(document.LARGEST + 1).decode("utf-8", "replace") if sent and sent.filename else ""


def _import_page(text: str, fields: dict[str, list[str]]) -> str:
    said = [sentences[0] if name == "document" else f"{name}: {sentences[0]}" for name, sentences in fields.items()]
    return render_template("strategies/import.html", text=text[: document.LARGEST], said=said)


@bp.get("/<strategy_id>/versions")
def versions(strategy_id: str) -> str:
    strategy = services().strategies.get(owner_id(), strategy_id)
    kept = services().library.versions(owner_id(), strategy_id)
    return render_template("strategies/versions.html", strategy=strategy, kept=kept)


@bp.get("/<strategy_id>/versions/<int:number>")
def version(strategy_id: str, number: int) -> str:
    strategy = services().strategies.get(owner_id(), strategy_id)
    kept = services().library.version(owner_id(), strategy_id, number)
    draft = Draft.model_validate(kept.content)
    return render_template(
        "strategies/version.html",
        strategy=strategy,
        kept=kept,
        draft=draft,
        accounts=_names(draft),
    )


@bp.post("/<strategy_id>/versions/<int:number>/restore")
@needs(Scope.TRADE)
def restore(strategy_id: str, number: int) -> ResponseReturnValue:
    try:
        services().library.restore(owner_id(), strategy_id, number)
    except DeskError as refused:
        if refused.status == 404:
            raise
        flash(refused.message)
    else:
        flash(f"Version {number} is in force again, as a new version.")
    return redirect(url_for("library.versions", strategy_id=strategy_id), 303)


def _names(draft: Draft) -> Sequence[str]:
    """The accounts of a version as they are called now."""
    names = {account_id: account.name for account_id, account in owned_accounts(owner_id()).items()}
    gone = "An account that is gone"
    return [f"{names.get(share.account_id, gone)} × {share.multiplier}" for share in draft.accounts]
