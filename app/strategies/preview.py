"""What a run would do, said before anything is sent: contracts, quantities, slices and margin per account."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.accounts.models import Account
from app.core.errors import DeskError
from app.core.money import plain
from app.instruments.contracts import CannotResolve
from app.strategies.legs import Draft
from app.strategies.resolving import Portion, Resolver, portions
from app.venues.types import MarginReport, PlaceOrder, PriceType, Product, Side

Margin = Callable[[str, Sequence[PlaceOrder]], MarginReport]  # of an account; raises DeskError
Standing = Callable[[Account], str | None]
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Previewer:
    resolver: Resolver
    margin: Margin
    standing: Standing

    def preview(self, draft: Draft, venue_kind: str, accounts: Sequence[Account], now: datetime) -> dict[str, Any]:
        """JSON-ready. Contracts once; per account the quantities and the margin, or why it cannot take part."""
        try:
            resolved = self.resolver.resolve(venue_kind, draft.legs, now)
        except CannotResolve as error:
            return {"trouble": str(error), "legs": [], "accounts": []}
        multipliers = {share.account_id: share.multiplier for share in draft.accounts}
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            rows = pool.map(lambda a: self._account(a, resolved, multipliers[a.id]), accounts)
        legs = [
            {
                "number": item.number,
                "words": item.leg.words,
                "action": item.leg.action,
                "symbol": item.contract.symbol,
                "exchange": item.contract.exchange,
                "expiry": item.contract.expiry.isoformat() if item.contract.expiry else None,
                "strike": plain(item.contract.strike) if item.contract.strike else None,
                "lot_size": plain(item.contract.lot_size),
                "freeze_quantity": plain(item.freeze) if item.freeze else None,
                "product": item.leg.product,
                "price_type": item.leg.price_type,
                "price": plain(item.leg.price) if item.leg.price else None,
            }
            for item in resolved
        ]
        return {"trouble": "", "legs": legs, "accounts": list(rows)}

    def _account(self, account: Account, resolved: Sequence[Any], multiplier: Decimal) -> dict[str, Any]:
        row: dict[str, Any] = {"account_id": account.id, "name": account.name, "multiplier": plain(multiplier)}
        obstacle = self.standing(account)
        try:
            shares = portions(resolved, multiplier)
        except CannotResolve as error:
            return row | {"trouble": str(error), "legs": [], "orders": 0, "margin": None, "margin_trouble": ""}
        legs = [
            {
                "number": s.resolved.number,
                "lots": s.lots,
                "quantity": plain(s.quantity),
                "slices": [*map(plain, s.slices)],
            }
            for s in shares
        ]
        margin, margin_trouble = self._margin(account, shares)
        orders = sum(len(share.slices) for share in shares)
        found = {"trouble": obstacle or "", "legs": legs, "orders": orders}
        return row | found | {"margin": margin, "margin_trouble": margin_trouble}

    def _margin(self, account: Account, shares: Sequence[Portion]) -> tuple[str | None, str]:
        try:
            report = self.margin(account.id, [_command(share) for share in shares])
        except DeskError as error:
            return None, error.message
        return plain(report.total), ""


def _command(share: Portion) -> PlaceOrder:
    leg = share.resolved.leg
    return PlaceOrder(
        client_order_id="",
        symbol=share.resolved.symbol,
        side=Side(leg.action),
        quantity=share.quantity,
        price_type=PriceType(leg.price_type),
        product=Product(leg.product),
        price=leg.price,
    )
