"""The market as the brokers read it: quotes, ladders and underlyings, computed once per price step and shared
by all of them.
"""

from decimal import Decimal

from app.paper.contracts import Contract
from app.paper.market import Depth, Market, Quote
from app.paper.matching import Ladder, decimal, ladder_of


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
        self.refresh()
        quote = self._quotes.get(contract.id)
        if quote is None:
            quote = self._quotes[contract.id] = self.market.quote(contract)
        return quote

    def depth(self, contract: Contract) -> Depth:
        self.refresh()
        depth = self._depths.get(contract.id)
        if depth is None:
            depth = self._depths[contract.id] = self.market.depth(contract)
        return depth

    def ladder(self, contract: Contract) -> Ladder:
        self.refresh()
        ladder = self._ladders.get(contract.id)
        if ladder is None:
            ladder = self._ladders[contract.id] = ladder_of(self.quote(contract), self.depth(contract))
        return ladder

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
        self.refresh()
        band = self._bands.get(contract.id)
        if band is None:
            low, high = self.market.band(contract)
            band = self._bands[contract.id] = decimal(low), decimal(high)
        return band
