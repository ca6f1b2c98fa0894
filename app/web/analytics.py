"""Analytics: what was realised and how, by day, month, weekday, strategy, account and symbol; and as files."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from app.core.money import number
from app.portfolio.analytics import BOTH, Choice
from app.portfolio.measures import FEWEST_TRIPS
from app.web.analytics_view import Report, read_report, strategy_names
from app.web.current import owner_id
from app.web.curve_view import draw_curve, draw_equity
from app.web.order_lines import owned_accounts
from app.web.sheets import Cell, kind_here, sheet

bp = Blueprint("analytics", __name__, url_prefix="/analytics")

MODES = {"": "Live, else paper", "live": "Live", "paper": "Paper", BOTH: "Live and paper"}
FILTERS = ("from", "to", "account", "strategy", "mode", "currency", "capital")
MOST_CAPITAL = Decimal(10) ** 13
HEAD = ("day", "realised", "charges_estimated", "net", "turnover", "orders", "unknown_results", "currency", "mode")


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("analytics/index.html", **partials())


@bp.get("/days.csv")
@bp.get("/days.xlsx")
def file() -> Response:
    return sheet(kind_here(), "results", HEAD, day_rows(read_report(choice_here())))


def partials() -> dict[str, Any]:
    capital = number(request.args.get("capital", ""))
    report = read_report(choice_here(), capital if capital and 0 < capital < MOST_CAPITAL else None)
    currency = report.choice.currency
    return {
        "report": report,
        "asked": request.args,
        "kept": kept_here(FILTERS),
        "accounts": list(owned_accounts(owner_id()).values()),
        "strategies": strategy_names(owner_id()),
        "currencies": sorted({kind for _, kind, _ in report.kinds}),
        "modes": MODES,
        "equity": draw_equity(report.equity, currency),
        "today": draw_curve(report.today, currency, "P&L of the day"),
        "fewest_trips": FEWEST_TRIPS,
    }


def choice_here() -> Choice:
    """What the address asks for; what makes no sense in it is left out."""
    asked = request.args
    mode = asked.get("mode", "")
    return Choice(
        owner_id(),
        _day(asked.get("from", "")),
        _day(asked.get("to", "")),
        mode if mode in MODES else "",
        _word(asked.get("currency", "")),
        _word(asked.get("account", "")),
        _word(asked.get("strategy", "")),
    )


def kept_here(names: Sequence[str]) -> dict[str, str]:
    """What was asked for by these names, for the address of a file or another page of the same."""
    return {name: request.args[name] for name in names if request.args.get(name)}


def day_rows(report: Report) -> Iterable[Sequence[Cell]]:
    for day, sums in sorted(report.days.items()):
        yield (
            day, sums.realised, sums.charges, sums.net, sums.turnover, sums.orders, sums.unknown,
            report.choice.currency, report.mode,
        )  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _word(text: str) -> str:
    return text if text.isalnum() and text.isascii() and len(text) <= 40 else ""
