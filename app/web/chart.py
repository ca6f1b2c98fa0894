"""The chart: candles of a contract, or what the legs of a run or a strategy are worth together, live."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.feed.candles import DAILY, INTERVALS
from app.venues.types import Candle
from app.web import format as say
from app.web.chart_levels import read_levels
from app.web.chart_lines import KINDS, overlays_of
from app.web.chart_subject import interval_of, subject_of
from app.web.chart_view import ChartView, as_drawn, read_chart
from app.web.current import owner_id, services
from app.web.whole import whole

bp = Blueprint("chart", __name__, url_prefix="/chart")

MOST_FOUND = 12
LONGEST_SEARCH = 64
ROWS = 100
TRADINGVIEW = "https://www.tradingview.com/"
HEADINGS = ("start", "open", "high", "low", "close", "volume")


@bp.get("")
def index() -> ResponseReturnValue:
    if not any(request.args.get(name) for name in ("symbol", "run", "strategy")):
        return render_template("chart/find.html", found=_found(), searched=_searched())
    overlays = overlays_of(request.args)
    page = render_template("chart/index.html", **_shown(), overlays=overlays, kinds=KINDS, **_addresses())
    return page, 422 if overlays.errors else 200


@bp.get("/find")
def find() -> ResponseReturnValue:
    return render_template("chart/_found.html", found=_found(), searched=_searched())


@bp.get("/state")
def state() -> ResponseReturnValue:
    return render_template("chart/_state.html", **partials())


@bp.get("/levels")
def levels() -> ResponseReturnValue:
    return render_template("chart/_levels.html", **_shown())


@bp.get("/bars")
def bars() -> ResponseReturnValue:
    return jsonify(as_drawn(_view(), overlays_of(request.args)))


@bp.get("/table")
def table() -> ResponseReturnValue:
    view, before = _view(), request.args.get("before", "")
    limit = whole(before)
    older = [one for one in view.candles if limit is None or int(one.start.timestamp()) < limit]
    rows = older[-ROWS:][::-1]
    return render_template(
        "chart/table.html", view=view, rows=rows, before=before, more=len(older) > ROWS, **_addresses()
    )


@bp.get("/candles.csv")
def csv() -> ResponseReturnValue:
    view = _view()
    name = "-".join(view.subject.args.values())
    headers = {"Content-Disposition": f'attachment; filename="candles-{name}-{view.interval}.csv"'}
    return Response("".join(_lines(view)), mimetype="text/csv", headers=headers)


def partials() -> dict[str, Any]:
    """What the chart says of itself; the first paint and each refresh use the same."""
    view = _view()
    return {"view": view, "state_address": url_for("chart.state", **view.subject.args, interval=view.interval)}


def _shown() -> dict[str, Any]:
    """With the levels at which a run is left, too."""
    found = partials()
    subject = found["view"].subject
    address = url_for("chart.levels", **subject.args, interval=found["view"].interval)
    return found | {"levels": read_levels(owner_id(), subject), "levels_address": address}


def _view() -> ChartView:
    return read_chart(owner_id(), subject_of(owner_id(), request.args))


def _addresses() -> dict[str, Any]:
    """Of the other intervals with the same lines, and of the same candles in other shapes."""
    args: dict[str, Any] = {
        name: request.args.getlist(name) for name in request.args if name not in ("interval", "before", "q")
    }
    interval = interval_of(request.args.get("interval", ""))
    return {
        "intervals": [
            {"label": one, "href": url_for("chart.index", **args, interval=one), "current": one == interval}
            for one in INTERVALS
        ],
        "addresses": {
            name: url_for(f"chart.{name}", **args, interval=interval) for name in ("bars", "table", "csv", "index")
        },
        "tradingview": TRADINGVIEW,
        "daily": DAILY,
    }


def _lines(view: ChartView) -> Iterator[str]:
    yield ",".join(HEADINGS) + "\r\n"
    for one in view.candles:
        yield ",".join(_cells(one)) + "\r\n"


def _cells(one: Candle) -> list[str]:
    figures = (one.open, one.high, one.low, one.close, one.volume)
    return [one.start.isoformat(), *(say.csv(value) for value in figures)]


def _searched() -> str:
    return request.args.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]


def _found() -> Any:
    return services().instruments.search(_searched(), "openalgo", "", MOST_FOUND) if _searched() else []
