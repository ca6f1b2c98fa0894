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
from app.strategies.resolving import Portion, Resolved, Resolver, portions_of
from app.strategies.sizing import Sized
from app.strategies.starting import Standing
from app.strategies.taking_part import Asked, part_of
from app.venues.types import MarginReport, PlaceOrder, PriceType, Product, Side

Sizes = Callable[[Asked, Sequence[Resolved], datetime], dict[str, Sized]]  # by account id
Margin = Callable[[str, Sequence[PlaceOrder]], MarginReport]  # of an account; raises DeskError
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Previewer:
    resolver: Resolver
    margin: Margin
    standing: Standing
    sizes: Sizes
    warm: Callable[[str], None] = lambda _account_id: None  # its connections, before somebody runs what is previewed

    def preview(self, draft: Draft, venue_kind: str, accounts: Sequence[Account], now: datetime) -> dict[str, Any]:
        """JSON-ready. Contracts once; per account the quantities and the margin, or why it cannot take part."""
        try:
            resolved = self.resolver.resolve(venue_kind, draft.legs, now)
        except CannotResolve as error:
            return {"trouble": str(error), "legs": [], "accounts": []}
        shares = {share.account_id: share for share in draft.accounts}
        parts = [part_of(shares[account.id], account) for account in accounts]
        asked = Asked(accounts[0].owner_id, draft.sizing, draft.limits, parts, is_anew=True) if accounts else None
        sizes = self.sizes(asked, resolved, now) if asked else {}
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            rows = pool.map(lambda a: self._account(a, resolved, shares[a.id].multiplier, sizes[a.id]), accounts)
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
                "price": plain(item.terms.price) if item.terms.price else None,
                "trigger_price": plain(item.terms.trigger_price) if item.terms.trigger_price else None,
                "price_words": item.leg.price_words,
                "late": item.leg.late_words,
                "waits": item.leg.is_late,
                "seen": [{"what": seen.what, "age_ms": seen.age_ms} for seen in item.seen],
            }
            for item in resolved
        ]
        return {"trouble": "", "legs": legs, "accounts": list(rows)}

    def _account(
        self, account: Account, resolved: Sequence[Resolved], multiplier: Decimal, sized: Sized
    ) -> dict[str, Any]:
        row: dict[str, Any] = {"account_id": account.id, "name": account.name, "multiplier": plain(multiplier)}
        row["sizing"] = sized.record
        obstacle = self.standing([account]).get(account.id)
        try:
            if sized.why:
                raise CannotResolve(sized.why)
            shares = portions_of(resolved, sized.lots)
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
        margin, margin_trouble = self._margin(account, shares, sized)
        self.warm(account.id)
        orders = sum(len(share.slices) for share in shares if not share.resolved.leg.is_late)
        found = {"trouble": obstacle or "", "legs": legs, "orders": orders}
        return row | found | {"margin": margin, "margin_trouble": margin_trouble}

    def _margin(self, account: Account, shares: Sequence[Portion], sized: Sized) -> tuple[str | None, str]:
        """The venue's word for all of it; where it has none, what the size was reckoned with."""
        try:
            report = self.margin(account.id, [command(share) for share in shares])
        except DeskError as error:
            reckoned = sized.record["margin"]
            return reckoned, f"From {sized.record['margin_source']}: {error.message}" if reckoned else error.message
        return plain(report.total), ""


def command(share: Portion) -> PlaceOrder:
    leg = share.resolved.leg
    return PlaceOrder(
        client_order_id="",
        symbol=share.resolved.symbol,
        side=Side(leg.action),
        quantity=share.quantity,
        price_type=PriceType(leg.price_type),
        product=Product(leg.product),
        price=share.resolved.terms.price,
        trigger_price=share.resolved.terms.trigger_price,
    )
