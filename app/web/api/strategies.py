"""Strategies over the API, and what a run of one would do."""

from collections import defaultdict
from collections.abc import Sequence

from flask import Blueprint, url_for
from sqlalchemy import select

from app.strategies.models import Strategy, StrategyAccount
from app.web.api import waiting
from app.web.api.operation import Reply, operation
from app.web.api.strategy_shapes import StrategyAsked, StrategyList, StrategyReplaced, StrategyShown, strategy_shown
from app.web.api.waiting import ErrandShown, WaitAsked
from app.web.current import owner_id, services
from app.web.tiers import tier

bp = Blueprint("strategies", __name__, url_prefix="/api/v1/strategies")

TAG = "Strategies"


@bp.get("")
@operation(TAG, "List the strategies", gives=StrategyList)
def index() -> StrategyList:
    return StrategyList(items=_shown(services().strategies.list(owner_id())))


@bp.post("")
@operation(TAG, "Save a new strategy", takes=StrategyAsked, gives=StrategyShown, status=201)
def create(body: StrategyAsked) -> Reply:
    strategy_id = services().strategies.create(owner_id(), body)
    return Reply(one(strategy_id), location=url_for("api.strategies.get", strategy_id=strategy_id))


@bp.get("/<strategy_id>")
@operation(TAG, "Look at a strategy", gives=StrategyShown)
def get(strategy_id: str) -> StrategyShown:
    return one(strategy_id)


@bp.put("/<strategy_id>")
@operation(
    TAG,
    "Replace a strategy",
    "Runs under way keep theirs. With the version it was made from, a change made meanwhile is not overwritten.",
    takes=StrategyReplaced,
    gives=StrategyShown,
)
def replace(strategy_id: str, body: StrategyReplaced) -> StrategyShown:
    services().strategies.edit(owner_id(), strategy_id, body, body.version)
    return one(strategy_id)


@bp.delete("/<strategy_id>")
@operation(TAG, "Remove a strategy", "Its runs and orders stay. Refused while a run is live.", status=204)
def remove(strategy_id: str) -> None:
    services().strategies.remove(owner_id(), strategy_id)


@bp.post("/<strategy_id>/preview")
@tier("heavy")
@operation(
    TAG,
    "Preview a run",
    "Contracts, quantities, slices and margin per account. Sends nothing. 202 when the engine needs longer: look at "
    "the errand then.",
    query=WaitAsked,
    gives=ErrandShown,
    also={202: ErrandShown},
)
def preview(strategy_id: str, query: WaitAsked) -> Reply:
    services().strategies.get(owner_id(), strategy_id)
    errand = waiting.ask(owner_id(), "preview_run", {"strategy_id": strategy_id})
    return waiting.answered(errand, query.wait)


def one(strategy_id: str) -> StrategyShown:
    return _shown([services().strategies.get(owner_id(), strategy_id)])[0]


def _shown(rows: Sequence[Strategy]) -> list[StrategyShown]:
    """Two reads for any number of strategies."""
    shares: dict[str, list[StrategyAccount]] = defaultdict(list)
    with services().db.read() as session:
        taking_part = session.scalars(
            select(StrategyAccount)
            .where(StrategyAccount.strategy_id.in_([row.id for row in rows]))
            .order_by(StrategyAccount.id)
        )
        for share in taking_part:
            shares[share.strategy_id].append(share)
    return [strategy_shown(row, shares[row.id]) for row in rows]
