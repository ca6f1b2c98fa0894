"""Updates that may overtake the answer which tells us their order's id.

While an answer of an account is on its way, an update with an id that nobody has told us may belong to it. It waits
here, without a transaction, until the answer is in the journal. An id that is known to be ours never waits. Nothing is
dropped: what the answer did not take with it is given back to be written. Safe for several threads.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from app.venues.types import OrderReport

PARKED_FOR = timedelta(seconds=30)
MOST_KNOWN = 20_000  # ids remembered per account, the newest


class Parking:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: dict[str, int] = defaultdict(int)
        self._known: dict[str, dict[str, None]] = defaultdict(dict)
        self._parked: dict[tuple[str, str], list[tuple[datetime, OrderReport]]] = {}
        self._taken: dict[tuple[str, str], int] = {}  # how many an answer has taken into its transaction

    def expect(self, account_id: str) -> None:
        """An order is on its way, until `told`."""
        with self._lock:
            self._expected[account_id] += 1

    def awaited(self) -> int:
        """How many answers are on their way, in all accounts."""
        return sum(list(self._expected.values()))

    def learn(self, account_id: str, venue_order_ids: Iterable[str]) -> None:
        """These orders of the account are ours."""
        with self._lock:
            self._learn(account_id, venue_order_ids)

    def park(self, account_id: str, report: OrderReport, now: datetime) -> bool:
        """Keep an update that may belong to an answer on its way; False when there is nothing to wait for."""
        with self._lock:
            if not self._expected[account_id] or report.venue_order_id in self._known[account_id]:
                return False
            self._parked.setdefault((account_id, report.venue_order_id), []).append((now, report))
            return True

    def take(self, account_id: str, venue_order_id: str | None) -> list[OrderReport]:
        """What waited for this id, for the transaction that writes its answer; it may ask again."""
        if venue_order_id is None:
            return []
        key = (account_id, venue_order_id)
        with self._lock:
            waiting = self._parked.get(key, [])
            self._taken[key] = len(waiting)
            return [report for _, report in waiting]

    def told(self, account_id: str, venue_order_id: str | None) -> list[OrderReport]:
        """The answer is in the journal. What came too late to go with it and, when no other answer of the account is
        awaited, whatever else waits: to be written now."""
        with self._lock:
            self._expected[account_id] -= 1
            back: list[OrderReport] = []
            if venue_order_id is not None:
                self._learn(account_id, [venue_order_id])
                key = (account_id, venue_order_id)
                late = self._parked.pop(key, [])[self._taken.pop(key, 0) :]
                back += [report for _, report in late]
            if not self._expected[account_id]:
                for key in [key for key in self._parked if key[0] == account_id]:
                    back += [report for _, report in self._parked.pop(key)]
            return back

    def overdue(self, now: datetime) -> list[tuple[str, OrderReport]]:
        """What has waited for too long, each with its account: it belongs to somebody else's orders."""
        with self._lock:
            old = [key for key, waiting in self._parked.items() if now - waiting[-1][0] > PARKED_FOR]
            return [(key[0], self._parked.pop(key)[-1][1]) for key in old]

    def _learn(self, account_id: str, venue_order_ids: Iterable[str]) -> None:
        known = self._known[account_id]
        known.update(dict.fromkeys(venue_order_ids))
        for oldest in list(known)[: max(0, len(known) - MOST_KNOWN)]:
            del known[oldest]
