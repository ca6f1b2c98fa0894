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
from app.core.money import ZERO, number
from app.strategies.models import Run, Strategy
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import owner_id, services
from app.web.format import day, money, quantity
from app.web.order_lines import owned_accounts
from app.web.size_view import SizeView, size_view

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

    @property
    def waiting(self) -> int:
        """How many legs are entered only later."""
        return sum(1 for leg in self.answer["legs"] if leg.get("waits"))

    def margin(self, account: dict[str, Any]) -> str:
        """The estimate of one account, in its currency."""
        return money(number(account["margin"]), self._currency(account))

    def _currency(self, account: dict[str, Any]) -> str:
        owned = owned_accounts(self.strategy.owner_id).get(account["account_id"])
        return owned.currency if owned else "INR"

    def size(self, account: dict[str, Any]) -> SizeView | None:
        return size_view(account.get("sizing"), self._currency(account))

    def short(self, account: dict[str, Any]) -> str:
        """By how much the margin is more than what is free, as far as both are known; "" where it fits."""
        free, margin = number((account.get("sizing") or {}).get("free")), number(account["margin"])
        lacks = margin - free if margin is not None and free is not None else ZERO
        return money(lacks, self._currency(account)) if lacks > 0 else ""

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
    run_id = _run_of(owner_id(), strategy_id, key) or _begun(owner_id(), strategy_id, key)
    return redirect(url_for("runs.detail", run_id=run_id), 303)


def _begun(owner: str, strategy_id: str, key: str) -> str:
    preview = _read(owner, strategy_id, _errand(owner, strategy_id, key))
    if preview.run_id:  # another tab was faster by a moment
        return preview.run_id
    if not preview.can_run:
        raise Denied(preview.problem or "The preview is not ready yet: nothing was sent.")
    return services().strategies.run(owner, strategy_id, key)


def partials(strategy_id: str, errand_id: str) -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    return {"preview": read_preview(strategy_id, errand_id)}


def read_preview(strategy_id: str, errand_id: str) -> Preview:
    """Raises NotFound for what is somebody else's, or of another strategy."""
    return _read(owner_id(), strategy_id, _errand(owner_id(), strategy_id, errand_id))


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
