"""Which markets are open for this person, as the top bar says it and every second says it anew.

A browser gets the coming phases with their words; it only counts down.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.core.clock import INDIA, epoch_ms
from app.instruments.market_hours import Phase, State
from app.instruments.service import InstrumentService
from app.web.format import BLANK

LABELS = {
    "NFO": "NSE F&O", "NSE": "NSE shares", "BFO": "BSE F&O", "BSE": "BSE shares", "MCX": "MCX", "CDS": "NSE currency",
    "BCD": "BSE currency", "CRYPTO": "Crypto",
}  # fmt: skip
WORDS = {
    State.OPEN: "open", State.PRE_OPEN: "pre-open", State.AUCTION: "closing auction", State.CLOSED: "closed",
    State.ALWAYS: "always open",
}  # fmt: skip
VERBS = {
    State.OPEN: "opens", State.PRE_OPEN: "pre-open", State.AUCTION: "closing auction", State.CLOSED: "closes",
    State.ALWAYS: "",
}  # fmt: skip
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Market:
    """`label` is what people call it; `coming` its phases, the present one first."""

    exchange: str
    label: str
    coming: Sequence[Phase]
    now: datetime

    @property
    def state(self) -> str:
        return self.coming[0].state.value

    @property
    def words(self) -> str:
        """open, closed, always open, …"""
        return WORDS[self.coming[0].state]

    @property
    def note(self) -> str:
        return self.coming[0].note

    @property
    def next_words(self) -> str:
        """closes in 2 h 13 min; opens Mon 09:15; "" when nothing comes."""
        shown = self._shown(0)
        if not shown["next"]:
            return ""
        left = self.coming[0].ends - self.now if self.coming[0].ends else DAY
        return f"{shown['verb']} {countdown(left) if left < DAY else shown['when']}"

    @property
    def timeline(self) -> str:
        """For the browser: from when which words, and to what it counts."""
        return json.dumps([self._shown(n) for n in range(len(self.coming))], separators=(",", ":"))

    def _shown(self, number: int) -> dict[str, Any]:
        phase = self.coming[number]
        after = self.coming[number + 1].state if number + 1 < len(self.coming) else None
        ends = phase.ends if after is not None else None
        return {
            "at": epoch_ms(phase.begins),
            "state": phase.state.value,
            "words": WORDS[phase.state],
            "note": phase.note,
            "next": epoch_ms(ends) if ends else None,
            "verb": VERBS[after] if after else "",
            "when": f"{ends.astimezone(INDIA):%a %H:%M}" if ends else "",
        }


def countdown(left: timedelta) -> str:
    """in 2 h 13 min, in 13:05; the twin of `countdown` in static/js/market.js."""
    seconds = max(0, int(left.total_seconds()))
    if seconds >= 3600:
        return f"in {seconds // 3600}{BLANK}h {seconds % 3600 // 60:02}{BLANK}min"
    return f"in {seconds // 60:02}:{seconds % 60:02}"


def markets(instruments: InstrumentService, exchanges: Iterable[str], now: datetime) -> list[Market]:
    """Those with prices of their own, the one most traded first."""
    order = list(LABELS)
    traded = sorted(
        {exchange for exchange in exchanges if not exchange.endswith("_INDEX")},
        key=lambda exchange: (order.index(exchange) if exchange in order else len(order), exchange),
    )
    return [Market(each, LABELS.get(each, each), instruments.phases(each, now), now) for each in traded]
