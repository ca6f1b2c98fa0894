"""Positions over the API: the desk's own from fills, the venue's beside them, and whether they agree."""

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from app.web.api.operation import operation
from app.web.api.shapes import Amount, Answer, Asked, Id, IdAsked, Instant, OfContract, rounded
from app.web.current import owner_id, services
from app.web.position_view import Holding, Net, read_book

bp = Blueprint("positions", __name__, url_prefix="/api/v1/positions")

TAG = "Positions"
Age = Annotated[int | None, Field(description="In seconds.", examples=[2])]
Pnl = Annotated[Amount | None, Field(description="Null where a price or a cost is not known.", examples=["-420.75"])]


class PositionsAsked(Asked):
    account_id: IdAsked | None = None


class Contract(OfContract):
    exchange: Annotated[str, Field(examples=["NFO"])]
    product: Annotated[str, Field(examples=["NRML"])]
    currency: Annotated[str, Field(examples=["INR"])]
    last_price: Annotated[Amount | None, Field(description="The newest any account's venue said.", examples=["168.4"])]
    last_price_at: Instant | None
    last_price_age_seconds: Age


class PositionShown(Contract):
    """One account's position. `quantity` is what the desk filled, signed: sold is negative."""

    account_id: Id
    account_name: Annotated[str, Field(examples=["Zerodha main"])]
    mode: Annotated[str, Field(examples=["live"])]
    quantity: Annotated[Amount, Field(examples=["-150"])]
    average_price: Amount | None
    venue_quantity: Annotated[
        Amount | None, Field(description="Null while the venue's book was never read.", examples=["-150"])
    ]
    venue_average_price: Amount | None
    venue_read_at: Instant | None
    venue_age_seconds: Age
    agreement: Annotated[str, Field(description="equal, differs, external or not compared", examples=["equal"])]
    changed_at: Instant | None
    unrealised: Pnl
    realised_today: Pnl
    pnl_today: Pnl


class NetShown(Contract):
    """An instrument with a product, over all accounts of a mode."""

    mode: Annotated[str, Field(description="live or paper", examples=["live"])]
    quantity: Annotated[Amount, Field(examples=["-450"])]
    accounts: Annotated[int, Field(examples=[3])]
    disagreements: Annotated[int, Field(description="Accounts whose venue says otherwise.", examples=[0])]
    pnl_today: Pnl


class PositionList(Answer):
    items: list[PositionShown]


class NetList(Answer):
    items: list[NetShown]


@bp.get("")
@operation(TAG, "List positions by account", query=PositionsAsked, gives=PositionList)
def index(query: PositionsAsked) -> PositionList:
    return PositionList(items=positions_of(query.account_id) if query.account_id else _all())


@bp.get("/net")
@operation(TAG, "List net positions over all accounts", gives=NetList)
def net() -> NetList:
    return NetList(items=[_net(net) for net in read_book(owner_id()).nets])


def positions_of(account_id: str) -> list[PositionShown]:
    """Raises NotFound for somebody else's account."""
    services().accounts.get(owner_id(), account_id)
    return [item for item in _all() if item.account_id == account_id]


def _all() -> list[PositionShown]:
    return [_shown(net, holding) for net in read_book(owner_id()).nets for holding in net.holdings]


def _contract(net: Net) -> dict[str, object]:
    seen = net.seen
    return {
        "exchange": net.exchange,
        "symbol": net.symbol,
        "product": net.product,
        "currency": net.currency,
        "last_price": seen.price if seen else None,
        "last_price_at": seen.at if seen else None,
        "last_price_age_seconds": int(seen.age) if seen else None,
    }


def _net(net: Net) -> NetShown:
    return NetShown.model_validate(
        _contract(net)
        | {
            "mode": net.mode,
            "quantity": net.quantity,
            "accounts": len(net.holdings),
            "disagreements": len(net.troubles),
            "pnl_today": net.today,
        }
    )


def _shown(net: Net, holding: Holding) -> PositionShown:
    position, account = holding.position, holding.account
    return PositionShown.model_validate(
        _contract(net)
        | {
            "account_id": account.id,
            "account_name": account.name,
            "currency": account.currency,
            "mode": account.mode,
            "quantity": position.quantity,
            "average_price": rounded(position.held.position.average_price),
            "venue_quantity": position.venue_quantity,
            "venue_average_price": position.venue.average_price if position.venue else None,
            "venue_read_at": position.venue_read_at,
            "venue_age_seconds": None if holding.venue_age is None else int(holding.venue_age),
            "agreement": position.agreement.value,
            "changed_at": position.held.changed_at,
            "unrealised": holding.open,
            "realised_today": holding.realised,
            "pnl_today": holding.today,
        }
    )
