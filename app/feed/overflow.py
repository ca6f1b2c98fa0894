"""The connections beside the first one: they carry what does not fit on it.

They are opened in order (the account that carries the feed up to its venue's number, then the next accounts), one per
beat, and closed when nothing is left for them. One that is refused, lost or silent is given up for a while and its
symbols go to the next; what no connection takes is priced by request.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from app.feed.failover import FailoverRules, Reason, Seat, trouble, wants_resubscribing
from app.feed.line import Line
from app.feed.sharding import Shard, share_out
from app.feed.subscriptions import Modes
from app.venues.port import StreamState

log = structlog.get_logger()

Slot = tuple[str, int]  # an account and the number of its connection, from 0
PATIENT = 4.0  # as long as the first connection may be silent: these have no pulse


class Overflow:
    """Called by one thread, the runner's."""

    def __init__(self, open_line: Callable[[Slot], Line | None], rules: FailoverRules) -> None:
        self._open_line = open_line
        self._rules = replace(rules, silence=rules.silence * PATIENT)
        self._lines: dict[Slot, Line] = {}
        self._barred: dict[Slot, float] = {}

    @property
    def lines(self) -> dict[Slot, Line]:
        return dict(self._lines)

    def carry(self, rest: Modes, slots: Sequence[Slot], now: float, expecting_since: float | None) -> Modes:
        """Ask the connections for the rest; what fits on none is given back."""
        self._barred = {slot: until for slot, until in self._barred.items() if until > now}
        for slot in [slot for slot in self._lines if slot not in slots]:
            self._close(slot)
        for slot, line in self.lines.items():
            line.learn()
            self._look_after(slot, line, now, expecting_since)
        kept = [slot for slot in slots if slot in self._lines]
        shares, left = share_out(rest, [self._shard(slot) for slot in kept])
        for slot, share in zip(kept, shares, strict=True):
            if share:
                self._lines[slot].try_to_ask(share)
            else:
                self._close(slot)
        if left:
            self._open_next(slots, now)
        return left

    def close(self) -> None:
        for slot in list(self._lines):
            self._close(slot)

    def _shard(self, slot: Slot) -> Shard:
        line = self._lines[slot]
        return Shard(line.symbols, line.room)

    def _look_after(self, slot: Slot, line: Line, now: float, expecting_since: float | None) -> None:
        seat = line.seat(Seat(), expecting_since)
        why = trouble(seat, now, self._rules)
        if why is not None and (expecting_since is not None or why is Reason.REFUSED):
            self._give_up(slot, now, why.value)
        elif seat.state is StreamState.LIVE and line.room == 0:
            self._give_up(slot, now, "it takes no symbols")
        elif wants_resubscribing(seat, now, self._rules):
            line.resubscribe()

    def _open_next(self, slots: Sequence[Slot], now: float) -> None:
        free = next((slot for slot in slots if slot not in self._lines and slot not in self._barred), None)
        if free is None:
            return
        line = self._open_line(free)
        if line is None:
            self._barred[free] = now + self._rules.bar
        else:
            log.info("feed_connection_added", account_id=free[0], number=free[1])
            self._lines[free] = line

    def _give_up(self, slot: Slot, now: float, why: str) -> None:
        log.warning("feed_connection_given_up", account_id=slot[0], number=slot[1], reason=why)
        self._barred[slot] = now + self._rules.bar
        self._close(slot)

    def _close(self, slot: Slot) -> None:
        self._lines.pop(slot).close()
