"""The market as the brokers read it: quotes, ladders and underlyings, computed once per price step and shared
by all of them.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from app.paper.contracts import Contract
from app.paper.market import Depth, Market, Quote
from app.paper.matching import Ladder, decimal, ladder_of

Kept = TypeVar("Kept")


class Prices:
    def __init__(self, market: Market) -> None:
        self.market = market
        self._step = -1
        self._quotes: dict[int, Quote] = {}
        self._depths: dict[int, Depth] = {}
        self._ladders: dict[int, Ladder] = {}
        self._bands: dict[int, tuple[Decimal, Decimal]] = {}

    def refresh(self) -> bool:
        """Forget what belongs to an older step; True when the prices moved on."""
        step = self.market.step()
        if step == self._step:
            return False
        self.forget()
        self._step = step
        return True

    def forget(self) -> None:
        self._quotes.clear()
        self._depths.clear()
        self._ladders.clear()
        self._bands.clear()

    def find(self, symbol: str, exchange: str) -> Contract | None:
        return self.market.universe.find(symbol, exchange)

    def quote(self, contract: Contract) -> Quote:
        return self._kept(self._quotes, contract, self.market.quote)

    def depth(self, contract: Contract) -> Depth:
        return self._kept(self._depths, contract, self.market.depth)

    def ladder(self, contract: Contract) -> Ladder:
        return self._kept(self._ladders, contract, lambda one: ladder_of(self.quote(one), self.depth(one)))

    def ltp(self, contract: Contract) -> Decimal:
        return self.ladder(contract).ltp

    def underlying(self, contract: Contract) -> Contract:
        """The index or share a derivative hangs on; itself where there is none."""
        if contract.kind in ("EQ", "INDEX"):
            return contract
        spot: Contract | None = self.market.universe.underlying(contract.name)
        return spot or contract

    def spot(self, contract: Contract) -> Decimal:
        """Price of the underlying, which margins are reckoned on."""
        return self.ltp(self.underlying(contract))

    def band(self, contract: Contract) -> tuple[Decimal, Decimal]:
        return self._kept(self._bands, contract, self._band)

    def _band(self, contract: Contract) -> tuple[Decimal, Decimal]:
        low, high = self.market.band(contract)
        return decimal(low), decimal(high)

    def _kept(self, kept: dict[int, Kept], contract: Contract, make: Callable[[Contract], Kept]) -> Kept:
        """Made once in a price step."""
        self.refresh()
        found = kept.get(contract.id)
        if found is None:
            found = kept[contract.id] = make(contract)
        return found
