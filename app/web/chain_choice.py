"""Which option chains there are to look at, and the one that was asked for."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import select

from app.broadcast.chain_keys import ChainKey
from app.instruments.models import FactKind, Family
from app.instruments.symbols import CALL, parse_date
from app.web.chain_look import CHAIN, Look, look_of
from app.web.current import services
from app.web.stream import live

KIND = "openalgo"
FIRST = "NIFTY"

Families = dict[str, list[date]]  # listed expiries by underlying: "NFO:NIFTY"


def families(now: datetime) -> Families:
    """Everything with listed options that have not expired, indices first."""
    with services().db.read() as session:
        rows = session.execute(
            select(Family.exchange, Family.name, Family.expiry).where(
                Family.venue_kind == KIND, Family.kind == CALL, Family.expiry.is_not(None)
            )
        ).all()
    days: Families = defaultdict(list)
    calendar = services().instruments.calendar(now)
    for exchange, name, expiry in rows:
        if expiry is not None and expiry >= calendar.trading_date(exchange, now):
            days[f"{exchange}:{name}"].append(expiry)
    ranks = _ranks()
    return {place: sorted(days[place]) for place in sorted(days, key=lambda place: (ranks.get(place, 99), place))}


def _ranks() -> dict[str, int]:
    """Indices in the order they are on record, NIFTY before all."""
    spots = [fact for fact in services().instruments.facts(FactKind.SPOT) if fact.subject != "*"]
    places = dict.fromkeys(f"{fact.exchange}:{fact.subject}" for fact in spots)
    order = sorted(places, key=lambda place: (not place.endswith(f":{FIRST}"), not place.startswith("NFO:")))
    return {place: rank for rank, place in enumerate(order)}


def chosen(asked: Mapping[str, str], known: Families) -> Look | None:
    """The chain a page shows: what was asked for, else the nearest expiry of the first underlying; None when no
    options are on record.
    """
    place = asked.get("underlying", "").strip().upper()
    place = (
        place if place in known else next((one for one in known if one.endswith(f":{place}")), next(iter(known), ""))
    )
    if not place:
        return None
    days = known[place]
    expiry = parse_date(asked.get("expiry", ""))
    exchange, _, name = place.partition(":")
    return look_of(ChainKey(exchange, name, expiry if expiry in days else days[0]), asked)


def want(look: Look) -> None:
    """Have the engine work the chain out for a while; a page's stream then renews the wish while it is open."""
    live().link.send("watch", {"holder": f"look:{look.wish}", "symbols": [look.wish], "mode": CHAIN})
