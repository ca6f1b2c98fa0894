"""Finding an instrument by what a person types: `nifty`, `nifty 26050 ce`, `banknifty nov fut`.

The first word begins the name or the symbol, the others narrow it down. Cash and indices come before
contracts, near expiries before far ones, low strikes before high ones.
"""

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from app.instruments.models import Instrument
from app.instruments.symbols import FUTURE, OPTIONS

DERIVATIVES = (FUTURE, *OPTIONS)
SEARCH_LIMIT = 50
MOST_WORDS = 6
LONGEST = 64
LAST_CHARACTER = "\U0010ffff"


def query(text: str, venue_kind: str, exchange: str, limit: int) -> Select[Instrument] | None:
    """The statement that finds it, or None when nothing was typed that could be found."""
    words = text[:LONGEST].upper().replace("\0", "").split()[:MOST_WORDS]
    if not words:
        return None
    found = select(Instrument).where(Instrument.active, _begins(words[0]), *map(_narrows, words[1:]))
    if venue_kind:
        found = found.where(Instrument.venue_kind == venue_kind)
    if exchange:
        found = found.where(Instrument.exchange == exchange)
    return found.order_by(
        Instrument.expiry.is_(None).desc(),
        Instrument.expiry,
        func.length(Instrument.symbol),
        Instrument.symbol,
    ).limit(limit)


def _begins(word: str) -> ColumnElement[bool]:
    """A range, not LIKE: it uses the index on every database."""
    end = word + LAST_CHARACTER
    return or_(
        and_(Instrument.symbol >= word, Instrument.symbol < end),
        and_(Instrument.name >= word, Instrument.name < end),
    )


def _narrows(word: str) -> ColumnElement[bool]:
    if word in DERIVATIVES:
        return Instrument.kind == word
    return Instrument.symbol.contains(word, autoescape=True)
