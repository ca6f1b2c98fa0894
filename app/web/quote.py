"""One instrument closely: its day, its five best prices on each side, and the ways on from here."""

from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.broadcast.market import LEVELS
from app.core.clock import INDIA
from app.core.errors import NotFound
from app.execution.tickets import VENUE_KIND
from app.instruments.models import Instrument
from app.venues.types import Symbol
from app.web.current import owner_id, services
from app.web.watch_view import KINDS, rows_of

bp = Blueprint("quote", __name__, url_prefix="/quote")

SIDES = ("bp", "bq", "bs", "ap", "aq", "as")
DEPTH = tuple(f"{side}{level}" for side in SIDES for level in range(1, LEVELS + 1))
DAY = ("open", "close", "src", "bt", "at", "spread", "book")


@bp.get("")
def find() -> ResponseReturnValue:
    """`?exchange=NFO&symbol=NIFTY…`, as other pages link."""
    exchange, symbol = (request.args.get(name, "").strip().upper() for name in ("exchange", "symbol"))
    if not exchange or not symbol:
        raise NotFound("Say which: exchange and symbol.")
    return redirect(url_for("quote.show", exchange=exchange, symbol=symbol))


@bp.get("/<exchange>/<symbol>")
def show(exchange: str, symbol: str) -> ResponseReturnValue:
    return render_template("quote/index.html", **partials(exchange.upper(), symbol.upper()))


def partials(exchange: str, symbol: str) -> dict[str, Any]:
    """What the page starts with; the stream takes over from there."""
    found = find_instrument(exchange, symbol)
    (row,) = rows_of([Symbol(found.exchange, found.symbol)], (*KINDS, *DAY, *DEPTH))
    lists = [one for one, _ in services().watchlists.lists(owner_id())]
    return {
        "row": row,
        "instrument": found,
        "freeze": freeze_of(found),
        "lists": lists,
        "levels": range(1, LEVELS + 1),
        "is_index": found.kind == "INDEX",
    }


def find_instrument(exchange: str, symbol: str) -> Instrument:
    found = None if "\x00" in exchange + symbol else services().instruments.find(VENUE_KIND, exchange, symbol)
    if found is None:
        raise NotFound("There is no such instrument on record.")
    return found


def freeze_of(found: Instrument) -> Decimal | None:
    """The most units in one order today; None where there is no limit or it is not known."""
    today: date = services().clock.now().astimezone(INDIA).date()
    return services().instruments.freeze_quantity(found, today)
