"""What is stopped, as pages and API read and say it: whose voice a caller has, and what all of it looks like now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.errors import NotFound
from app.core.pulse import Beat
from app.risk.gate import standing_of_account
from app.risk.service import PULSE, Asker, Told
from app.risk.states import WHOLE_DESK, Extent, Kind, Standing, refusal
from app.users.roles import Scope
from app.web.current import identity, owner_id, services
from app.web.order_lines import owned_accounts


@dataclass(frozen=True, slots=True)
class Overview:
    """Trading states from the widest to the narrowest; of strategies only those that do not trade."""

    desk: Standing
    mine: Standing
    accounts: Sequence[Standing]
    strategies: Sequence[Standing]
    kills: Sequence[Told]

    @property
    def engaged(self) -> list[Told]:
        return [told for told in self.kills if told.is_engaged]

    @property
    def past(self) -> list[Told]:
        return [told for told in self.kills if not told.is_engaged]


def asker() -> Asker:
    return Asker(owner_id(), for_all=identity().may(Scope.ADMIN))


def extent_of(kind: str, row_id: str = "") -> Extent:
    """As it stands in a form or an address; without a kind it is one's own desk."""
    if kind in ("", Kind.USER):
        return Extent(Kind.USER, owner_id())
    if kind == Kind.DESK:
        return WHOLE_DESK
    if kind not in (Kind.ACCOUNT, Kind.STRATEGY) or not row_id:
        raise NotFound("There is nothing of that kind to stop.")
    return Extent(Kind(kind), row_id)


def sentences(owner: str, beats: Mapping[str, Beat]) -> list[tuple[Standing, str]]:
    """All that does not trade, for the head of every page. The signs of life say whether there is more to read."""
    known = beats.get(PULSE)
    stands = services().risk.stands(owner) if known is not None and known.detail.get("still") else []
    found = [*stands, *_accounts(owner)]
    return [(standing, sentence) for standing in found if (sentence := refusal(standing))]


def overview() -> Overview:
    owner, risk = owner_id(), services().risk
    found = {standing.extent: standing for standing in risk.stands(owner, by_limits=False)}
    mine = Extent(Kind.USER, owner)
    return Overview(
        desk=found.get(WHOLE_DESK, Standing(WHOLE_DESK)),
        mine=found.get(mine, Standing(mine)),
        accounts=_accounts(owner),
        strategies=[one for one in found.values() if one.extent.kind is Kind.STRATEGY and not one.is_active],
        kills=risk.kills(asker()),
    )


def _accounts(owner: str) -> list[Standing]:
    return [standing_of_account(one) for one in owned_accounts(owner).values() if one.removed_at is None]
