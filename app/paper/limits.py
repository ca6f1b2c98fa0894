"""OpenAlgo's own rate limits: a moving window per client address and endpoint, whatever the key."""

from collections import defaultdict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    count: int
    seconds: float
    text: str


ORDERS = Limit(10, 1, "10 per 1 second")
CALLS = Limit(50, 1, "50 per 1 second")
GREEKS = Limit(30, 60, "30 per 1 minute")


class Limiter:
    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self._seen: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def refusal(self, address: str, endpoint: str, limit: Limit, now: float) -> str | None:
        """The text of a 429, or None when this call may pass; only calls that pass are counted."""
        if not self.enabled:
            return None
        window = self._seen[address, endpoint]
        while window and window[0] <= now - limit.seconds:
            window.popleft()
        if len(window) >= limit.count:
            return limit.text
        window.append(now)
        return None
