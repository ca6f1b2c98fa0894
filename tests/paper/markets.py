"""Markets whose clock is moved by hand."""

from datetime import datetime

from app.paper.calendar import IST
from app.paper.contracts import Contract
from app.paper.market import Market

SATURDAY = datetime(2026, 11, 21, 10, 0, tzinfo=IST)
FRIDAY_NOON = datetime(2026, 11, 20, 12, 0, tzinfo=IST)
STEP = 0.25


class HandClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class HandMarket(Market):
    """A market that stands still until `run`."""

    def __init__(self, start: datetime = SATURDAY, *, seed: int = 7, sessions: str = "always") -> None:
        self.clock = HandClock()
        super().__init__(seed, start, sessions=sessions, monotonic=self.clock)

    def run(self, seconds: float = STEP) -> None:
        self.clock.seconds += seconds

    def contract(self, symbol: str, exchange: str = "NFO") -> Contract:
        found = self.universe.find(symbol, exchange)
        assert found is not None, f"{symbol} is not listed on {exchange}"
        return found

    @property
    def nifty(self) -> Contract:
        return self.contract("NIFTY", "NSE_INDEX")

    @property
    def call(self) -> Contract:
        return self.contract("NIFTY24NOV2626050CE")

    @property
    def put(self) -> Contract:
        return self.contract("NIFTY24NOV2626050PE")

    @property
    def future(self) -> Contract:
        return self.contract("NIFTY24NOV26FUT")
