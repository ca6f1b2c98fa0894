"""What each account would hold of legs that nothing was bought for yet: their lots times its multiplier, as a run sizes
them, and the margin that the newest preview of the same strategy estimated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.core import errands
from app.strategies.legs import lots_for
from app.strategies.models import Strategy
from app.web.current import services
from app.web.payoff_positions import Position, Share, Subject, margins_in
from app.web.preview import KIND

LOOKED_THROUGH = 20  # previews of a person; they are kept for a day
PREVIEW = "A preview asks for it."
SIZED = "Its lots are decided by the size when a run starts: these are of the legs as written."


@dataclass(frozen=True, slots=True)
class Taker:
    """An account that takes part."""

    account_id: str
    name: str
    multiplier: Decimal


def shared(subject: Subject, takers: Sequence[Taker], is_sized: bool, margins: Mapping[str, Decimal | None]) -> Subject:
    """With a share for each account that would get a lot of every leg; `is_sized`: a size decides the lots."""
    shares = [_share(one, subject.positions, is_sized, margins) for one in takers]
    return replace(subject, shares=[one for one in shares if all(each.units for each in one.positions)])


def _share(one: Taker, positions: Sequence[Position], is_sized: bool, margins: Mapping[str, Decimal | None]) -> Share:
    margin = margins.get(one.account_id)
    note = "" if margin is not None else SIZED if is_sized else PREVIEW
    return Share(one.name, [_times(each, one.multiplier) for each in positions], margin, note)


def _times(one: Position, multiplier: Decimal) -> Position:
    """Whole lots, rounded down, as a run sizes them."""
    lots = lots_for(int(one.lots), multiplier)
    return replace(one, units=lots * one.contract.lot_size * (1 if one.units > 0 else -1))


def takers_of(strategy: Strategy) -> list[Taker]:
    accounts = {account.id: account for account in services().accounts.list(strategy.owner_id)}
    return [
        Taker(share.account_id, accounts[share.account_id].name, share.multiplier)
        for share in services().strategies.shares(strategy.owner_id, strategy.id)
        if share.account_id in accounts
    ]


def margins_of(strategy: Strategy) -> dict[str, Decimal | None]:
    """By account, of the newest preview that was made of the strategy as it is; empty where there is none."""
    with services().db.read() as session:
        previews = errands.answered(session, strategy.owner_id, KIND, strategy.updated_at, LOOKED_THROUGH)
    newest = next((one.answer for one in previews if one.question.get("strategy_id") == strategy.id), None)
    return margins_in(newest)
