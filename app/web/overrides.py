"""The values that count, and what admins overrule: set, ended, sent in as a file, taken out as one."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import FileField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.clock import day_in_india
from app.core.errors import Denied
from app.instruments.checks import LONGEST_TEXT, WORDS, clean
from app.instruments.importing import Plan, Wrong, all_rows, plan
from app.instruments.models import FactKind
from app.instruments.rulings import Ruling
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import services
from app.web.format import csv as csv_cell
from app.web.forms import DeskForm, clean_text
from app.web.words import count

bp = Blueprint("overrides", __name__, url_prefix="/instruments/values")

COLUMNS = (
    "kind", "exchange", "subject", "value", "effective_from", "source", "until", "origin", "reason", "set_by", "set_at",
)  # fmt: skip
STARTED = ("kind", "exchange", "subject")


class OverrideForm(DeskForm):
    kind = SelectField("What", choices=[SelectChoice(kind.value, words) for kind, words in WORDS.items()])
    exchange = StringField("Exchange")
    subject = StringField("Underlying or symbol", description="Empty for hours and days: they are the exchange's.")
    value = StringField(
        "Value",
        description="65, mon-fri 09:15-15:30, closed Diwali, 18:15-19:15 Muhurat, 20 for a band of 20 %, …",
    )
    effective_from = StringField("Counts from", description="A day: 2026-12-01.")
    source = StringField("Source", description="Where it is written: a circular's number, a broker's page.")
    reason = TextAreaField("Reason", description="Everyone sees it beside the value.")


class EndForm(DeskForm):
    reason = StringField("Why it ends")


class ImportForm(DeskForm):
    file = FileField("CSV file")
    table = TextAreaField("or its text")
    reason = StringField("Reason", description="For all lines. Everyone sees it beside each value.")


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("instruments/values.html", **partials())


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("instruments/_values.html", **partials())


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same. Days stand in the calendar."""
    now = services().clock.now()
    rulings, today = services().instruments.rulings(now), day_in_india(now)
    exchange = request.args.get("exchange", "").strip().upper()
    shows_all = request.args.get("all") == "y"
    shipped = [
        one
        for one in rulings.all
        if not one.is_override and one.kind != FactKind.DAY and exchange in ("", one.exchange)
    ]

    def counts(one: Ruling) -> bool:
        return rulings.shipped(one.kind, one.exchange, one.subject, today) is one

    if not shows_all:
        shipped = [one for one in shipped if counts(one) or one.effective_from > today]
    return {
        "overrides": [one for one in services().overrides.list() if exchange in ("", one.exchange)],
        "shipped": sorted(
            shipped, key=lambda one: (one.kind, one.exchange, one.subject, -one.effective_from.toordinal())
        ),
        "holding": counts,
        "shows_all": shows_all,
        "exchange": exchange,
        "exchanges": [("", "All"), *((one, one) for one in sorted(rulings.exchanges))],
        "today": today,
        "words": WORDS,
    }


@bp.route("/new", methods=["GET", "POST"])
@needs(Scope.ADMIN)
def new() -> ResponseReturnValue:
    form = OverrideForm(data=_started() if request.method == "GET" else None)
    if form.carries(lambda: services().overrides.set(_asked(form))):
        flash("It counts from that day on, for everybody; the engine knows it.", "ok")
        return redirect(url_for("overrides.index"), 303)
    return render_template("instruments/override.html", form=form, words=WORDS), 422 if form.is_submitted() else 200


@bp.route("/<override_id>/end", methods=["GET", "POST"])
@needs(Scope.ADMIN)
def end(override_id: str) -> ResponseReturnValue:
    override = services().overrides.get(override_id)
    form = EndForm()
    status = 200
    try:
        if form.carries(lambda: services().overrides.end(override_id, form.reason.data or "")):
            flash("It is ended. It stays in the history.", "ok")
            return redirect(url_for("overrides.index"), 303)
    except Denied as refused:
        form.form_errors.append(refused.message)
        status = refused.status
    page = render_template("instruments/end.html", form=form, override=override, words=WORDS)
    return page, 422 if form.errors and status == 200 else status


@bp.route("/import", methods=["GET", "POST"])
@needs(Scope.ADMIN)
def take_in() -> ResponseReturnValue:
    """The file is shown first, with what it would change in numbers; applied is what was shown, or nothing."""
    form, found = ImportForm(), None
    if form.validate_on_submit():
        text, reason = _table(form), (form.reason.data or "").strip()
        found = read_plan(text, reason)
        if found.can_be_applied and request.form.get("apply") == _numbers(found):
            apply(found)
            counting = count(len(found.changes), "value counts", "values count")
            flash(f"{counting[0].upper()}{counting[1:]} now. {found.same} of the file did so already.", "ok")
            return redirect(url_for("overrides.index"), 303)
        form.table.data = text
    status = 422 if found is not None and found.wrong else 200
    numbers = _numbers(found) if found else ""
    page = render_template("instruments/import.html", form=form, plan=found, numbers=numbers, words=WORDS)
    return page, status


@bp.get("/export.csv")
def export() -> Response:
    """Everything on record: what shipped, the days, and every override that ever was."""
    rulings = services().instruments.rulings(services().clock.now())
    answer = Response(as_csv(all_rows(rulings)), mimetype="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="instrument-values.csv"'
    return answer


def as_csv(rulings: Iterable[Ruling]) -> str:
    """Formula-safe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in rulings:
        cells = (one.kind, one.exchange, one.subject, one.value, one.effective_from, one.source, one.until)
        origin = "override" if one.is_override else "shipped"
        writer.writerow([csv_cell(cell) for cell in (*cells, origin, one.reason, one.set_by, one.set_at)])
    return out.getvalue()


def read_plan(text: str, reason: str) -> Plan:
    """What a file would change; a missing reason is wrong like a line is."""
    if not reason or len(reason) > LONGEST_TEXT:
        return Plan((), 0, [Wrong(0, "reason", f"Say why, in {LONGEST_TEXT} characters at most.")])
    return plan(text, reason, services().overrides.known())


def apply(found: Plan) -> None:
    services().overrides.set_all((change.asked, change.before) for change in found.changes)


def _numbers(found: Plan) -> str:
    """What a person saw: applied is this or nothing."""
    return f"{found.new}-{found.changed}-{found.same}"


def _table(form: ImportForm) -> str:
    sent = request.files.get("file")
    data = sent.read() if sent is not None and sent.filename else b""
    text = data.decode("utf-8", "replace") if data else form.table.data or ""
    return text.replace("\x00", "")


def _asked(form: OverrideForm) -> Any:
    parts = (form.kind, form.exchange, form.subject, form.value, form.effective_from, form.source, form.reason)
    return clean(*(part.data or "" for part in parts))


def _started() -> dict[str, str]:
    """What a link from an instrument's page fills in."""
    named = {name: clean_text(request.args.get(name, "")) for name in (*STARTED, "value")}
    return (
        {"kind": FactKind.FREEZE_QUANTITY}
        | {name: text for name, text in named.items() if text}
        | {"effective_from": day_in_india(services().clock.now()).isoformat()}
    )
