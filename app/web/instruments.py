"""What can be traded and when: the search, one instrument with where each value comes from, and the calendar."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.core.clock import day_in_india
from app.core.errors import NotFound
from app.instruments.models import Instrument
from app.instruments.search import SEARCH_LIMIT
from app.web.chrome import desk
from app.web.current import services
from app.web.instrument_view import contract_of, days_of

bp = Blueprint("instruments", __name__, url_prefix="/instruments")

VENUE_KIND = "openalgo"
MOST_IN_DIALOG = 12
LONGEST = 64
FIRST_YEAR, LAST_YEAR = 2000, 2099
FEW_DAYS = timedelta(days=45)  # before the holidays on record end


@bp.get("")
def index() -> ResponseReturnValue:
    exchange = _text("exchange").upper()
    found = _search(SEARCH_LIMIT, exchange)
    known = services().instruments.exchanges([VENUE_KIND], services().clock.now())
    exchanges = [("", "All"), *((one, one) for one in known)]
    return render_template(
        "instruments/index.html", found=found, searched=_text("q"), exchange=exchange, exchanges=exchanges
    )


@bp.get("/find")
def find() -> ResponseReturnValue:
    """For the dialog that every page has."""
    return render_template("instruments/_found.html", found=_search(MOST_IN_DIALOG), searched=_text("q"))


@bp.get("/contract")
def contract() -> ResponseReturnValue:
    instruments = services().instruments
    row = instruments.find_listed(VENUE_KIND, _text("exchange").upper(), _text("symbol").upper())
    if row is None:
        raise NotFound("There is no such instrument on record.")
    now = services().clock.now()
    return render_template("instruments/contract.html", view=contract_of(instruments, row, now))


@bp.get("/calendar")
def calendar() -> ResponseReturnValue:
    now = services().clock.now()
    first = month_of(_text("month"), day_in_india(now))
    last = first.replace(day=monthrange(first.year, first.month)[1])
    name = _text("underlying").upper()
    return render_template(
        "instruments/calendar.html",
        first=first,
        before=first - timedelta(days=1) if first.year > FIRST_YEAR else None,
        after=last + timedelta(days=1) if last.year < LAST_YEAR else None,
        days=days_of(services().instruments, first, last, now, name),
        underlying=name,
        coming=services().instruments.expiry_days(day_in_india(now), name) if name else [],
        ends=calendar_ends(),
        **markets_partial(),
    )


@bp.get("/markets")
def markets() -> ResponseReturnValue:
    return render_template("instruments/_markets.html", **markets_partial())


def markets_partial() -> dict[str, Any]:
    """This person's markets; the first paint and each refresh use the same."""
    return {"markets": desk().markets}


def month_of(text: str, today: date) -> date:
    """`2026-11` as its first day; this month when it is none."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return first if FIRST_YEAR <= first.year <= LAST_YEAR else today.replace(day=1)


def calendar_ends() -> date | None:
    """The last holiday on record, when it is so near that the next year's list should be there."""
    now = services().clock.now()
    last = services().instruments.calendar(now).last_holiday("NSE")
    return last if last is None or last - day_in_india(now) < FEW_DAYS else None


def _search(limit: int, exchange: str = "") -> Sequence[Instrument]:
    text = _text("q")
    return services().instruments.search(text, VENUE_KIND, exchange, limit) if text else []


def _text(name: str) -> str:
    return request.args.get(name, "").replace("\x00", "").strip()[:LONGEST]
