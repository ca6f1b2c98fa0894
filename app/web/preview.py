"""What a run would do, before it does it; and the button that runs it.

The engine answers the preview in its row. One preview starts one run at most: the preview's own id is the run's key, so
a double click, a second tab or a form sent again leads to the same run. What was not previewed is not run.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.core import errands
from app.core.db import after_commit
from app.core.errands import Errand
from app.core.errors import Denied, Invalid, NotFound
from app.core.money import number
from app.strategies.models import Run, Strategy
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import owner_id, services
from app.web.format import day, money, quantity
from app.web.order_lines import owned_accounts

bp = Blueprint("preview", __name__, url_prefix="/strategies")

KIND = "preview_run"
SLOW_ENGINE = timedelta(seconds=10)
TOO_OLD = timedelta(minutes=15)  # prices have moved: look again before running


@dataclass(frozen=True, slots=True)
class Preview:
    """`problem` says why it can't be run as it is, or nothing."""

    strategy: Strategy
    errand: Errand
    waits_for_engine: bool
    problem: str
    run_id: str | None

    @property
    def is_pending(self) -> bool:
        return self.errand.done_at is None

    @property
    def answer(self) -> dict[str, Any]:
        return self.errand.answer or {"trouble": "", "legs": [], "accounts": []}

    @property
    def able(self) -> list[dict[str, Any]]:
        """The accounts that would trade."""
        return [account for account in self.answer["accounts"] if not account["trouble"]]

    @property
    def orders(self) -> int:
        return sum(account["orders"] for account in self.able)

    def margin(self, account: dict[str, Any]) -> str:
        """The estimate of one account, in its currency."""
        owned = owned_accounts(self.strategy.owner_id).get(account["account_id"])
        return money(number(account["margin"]), owned.currency if owned else "INR")

    def units(self, text: str | None) -> str:
        return quantity(number(text))

    def day(self, text: str) -> str:
        return day(date.fromisoformat(text))

    @property
    def can_run(self) -> bool:
        return not self.is_pending and not self.problem and not self.run_id


@bp.post("/<strategy_id>/preview")
def start(strategy_id: str) -> ResponseReturnValue:
    services().strategies.get(owner_id(), strategy_id)
    errand_id = ask_preview(owner_id(), strategy_id)
    return redirect(url_for("preview.show", strategy_id=strategy_id, errand_id=errand_id), 303)


@bp.get("/<strategy_id>/preview/<errand_id>")
@needs(Scope.TRADE)
def show(strategy_id: str, errand_id: str) -> ResponseReturnValue:
    return render_template("strategies/preview.html", **partials(strategy_id, errand_id))


@bp.get("/<strategy_id>/preview/<errand_id>/look")
@needs(Scope.TRADE)
def look(strategy_id: str, errand_id: str) -> ResponseReturnValue:
    return render_template("strategies/_preview.html", **partials(strategy_id, errand_id))


@bp.post("/<strategy_id>/run")
def run(strategy_id: str) -> ResponseReturnValue:
    key = request.form.get("intent_id", "")
    run_id = _run_of(owner_id(), strategy_id, key)
    if run_id is None:
        preview = _read(owner_id(), strategy_id, _errand(owner_id(), strategy_id, key))
        if not preview.can_run:
            raise Denied(preview.problem or "The preview is not ready yet: nothing was sent.")
        run_id = services().strategies.run(owner_id(), strategy_id, key)
    return redirect(url_for("runs.detail", run_id=run_id), 303)


def partials(strategy_id: str, errand_id: str) -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    return {"preview": _read(owner_id(), strategy_id, _errand(owner_id(), strategy_id, errand_id))}


def ask_preview(owner: str, strategy_id: str) -> str:
    """The id of the errand that the engine will answer."""
    desk = services()
    with desk.db.write() as session:
        errand = errands.ask(session, owner, KIND, {"strategy_id": strategy_id}, desk.clock.now())
        after_commit(session, lambda: desk.link.send("errands", {}))
        return errand.id


def _errand(owner: str, strategy_id: str, errand_id: str) -> Errand:
    if not errand_id:
        raise Invalid.field("intent_id", "Preview the run first: nothing was sent.")
    with services().db.read() as session:
        errand = errands.find(session, owner, errand_id)
    if errand is None or errand.kind != KIND or errand.question.get("strategy_id") != strategy_id:
        raise NotFound("This preview is gone. Preview the run again.")
    return errand


def _read(owner: str, strategy_id: str, errand: Errand) -> Preview:
    strategy = services().strategies.get(owner, strategy_id)
    age = services().clock.now() - errand.created_at
    untaken = errand.taken_at is None and age > SLOW_ENGINE
    return Preview(strategy, errand, untaken, _problem(strategy, errand, age), _run_of(owner, strategy_id, errand.id))


def _problem(strategy: Strategy, errand: Errand, age: timedelta) -> str:
    answer = errand.answer
    if errand.error:
        return errand.error
    if strategy.updated_at > errand.created_at:
        return "The strategy was changed after this preview. Preview it again."
    if age > TOO_OLD:
        return "This preview is old: prices have moved since. Preview the run again."
    if answer is None:
        return ""
    if answer["trouble"]:
        return str(answer["trouble"])
    if not answer["accounts"]:
        return f"{strategy.name} has no accounts yet. Edit it and tick at least one."
    if all(account["trouble"] for account in answer["accounts"]):
        return "No account can take part now; each says why."
    return ""


def _run_of(owner: str, strategy_id: str, key: str) -> str | None:
    """The run that this key started already."""
    if not key:
        return None
    with services().db.read() as session:
        return session.scalar(
            select(Run.id).where(Run.owner_id == owner, Run.strategy_id == strategy_id, Run.key == key)
        )
