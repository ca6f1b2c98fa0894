"""The newest of every account's books, in the engine: whoever reads a venue hands it on here, nobody asks twice.

What differs from what readers were told is numbered, stored and then told: the numbers of an account only rise, also
over a restart, because they are stored with the data. Where nothing differs nothing is told; only the time of the
reading is noted, for all accounts together once a second.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.broadcast.kept import Change, Kept, Known, Reading, as_told, changes_of, readings_of, with_heard
from app.broadcast.parts import Part, Row, Rows, Source, order_row, with_order
from app.broadcast.stored import load, note_reads, write_counts, write_parts
from app.core.clock import Clock
from app.core.db import Database
from app.core.link import Link
from app.venues.types import OrderReport

NOTED_EVERY = 1.0  # seconds between writing down when things were read
HEARD = timedelta(seconds=30)  # a book that was on its way for longer has failed
LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class AccountSnapshotChanged:
    """An account's books differ from what was told before. `held` is about quantities, not about prices."""

    owner_id: str
    account_id: str
    seq: int
    parts: frozenset[Part]
    held: frozenset[Part]


class Keeper:
    """Safe for several threads."""

    def __init__(self, db: Database, link: Link, clock: Clock, announce: Callable[[object], None]) -> None:
        self._db = db
        self._link = link
        self._clock = clock
        self._announce = announce
        self._known: dict[str, Known] = {}
        self._pushed: deque[tuple[str, datetime, OrderReport]] = deque()  # that nobody looked at yet
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # what is numbered first is stored and told first
        self._noted_at = float("-inf")

    # -- from whoever reads

    def took(self, account_id: str, part: Part, rows: Rows, started_at: datetime, fresh: timedelta) -> None:
        """A whole reading that began at `started_at` and will be fresh for so long."""
        with self._lock:
            self._hear()
            known = self._of(account_id)
            if known is None:
                return
            known.polls[part] = known.polls.get(part, 0) + 1
            known.last_success_at, known.is_touched = self._clock.now(), True
            if part is Part.ORDERS:
                rows = with_heard(known, rows, started_at)
            self._keep(known, part, rows, started_at, Source.POLL, fresh)

    def pushed(self, account_id: str, report: OrderReport) -> None:
        """The venue told of an order by itself. Waits for nobody: the same thread hears the answers to orders."""
        self._pushed.append((account_id, self._clock.now(), report))

    def _hear(self) -> None:
        while self._pushed:
            account_id, at, report = self._pushed.popleft()
            known = self._of(account_id)
            if known is not None:
                _put(known, order_row(report), at)

    def failed(self, account_id: str, why: str) -> None:
        with self._lock:
            known = self._of(account_id)
            if known is not None:
                known.errors += 1
                known.last_error, known.last_error_at = why[:LONGEST_ERROR], self._clock.now()
                known.is_touched = True

    def read_at(self, account_id: str, part: Part) -> datetime | None:
        """When the newest reading of the part began."""
        with self._lock:
            known = self._of(account_id)
            kept = known.parts.get(part) if known else None
            return kept.read_at if kept else None

    def currency(self, account_id: str) -> str:
        with self._lock:
            known = self._of(account_id)
            return known.currency if known else ""

    # -- one turn

    def step(self, at_once: bool = False) -> bool:
        """Store and tell what differs; True when there was something. `at_once` writes down the times as well."""
        with self._turn:
            return self._step(at_once)

    def _step(self, at_once: bool) -> bool:
        now = self._clock.monotonic()
        is_time = at_once or now - self._noted_at >= NOTED_EVERY
        with self._lock:
            self._hear()
            changes = {name: found for name, known in self._known.items() if (found := changes_of(known))}
            readings, counted = (
                self._unnoted(changes) if is_time else ([], {name: self._known[name] for name in changes})
            )
            for known in counted.values():
                known.is_touched = False  # what is counted from now on is written next time
        if changes or readings or counted:
            self._store(changes, readings, counted)
        if is_time:
            self._noted_at = now
        for account_id, found in changes.items():
            self._tell(account_id, found)
        return bool(changes)

    def _unnoted(self, changes: Mapping[str, list[Change]]) -> tuple[list[Reading], dict[str, Known]]:
        readings = [
            one for name, known in self._known.items() for one in readings_of(name, known, changes.get(name, ()))
        ]
        return readings, {name: known for name, known in self._known.items() if known.is_touched or name in changes}

    def _store(
        self, changes: Mapping[str, list[Change]], readings: Sequence[Reading], counted: Mapping[str, Known]
    ) -> None:
        """One transaction for all accounts; what is told afterwards is there for whoever asks."""
        with self._db.write() as session:
            for account_id, found in changes.items():
                write_parts(session, account_id, self._known[account_id].seq + 1, found)
            note_reads(session, readings)
            write_counts(session, counted.items(), changes.keys())
        with self._lock:
            for account_id, found in changes.items():
                self._known[account_id].seq += 1
                for change in found:
                    change.kept.told, change.kept.noted_at = change.rows, change.read_at
            for reading in readings:
                reading.kept.noted_at = reading.at
            for known in counted.values():
                known.is_counted = True

    def _tell(self, account_id: str, found: Sequence[Change]) -> None:
        known = self._known[account_id]
        told = {change.part.value: as_told(change) for change in found}
        payload = {"owner": known.owner_id, "account_id": account_id, "seq": known.seq, "parts": told}
        self._link.send("snapshot", payload)
        parts = frozenset(change.part for change in found)
        held = frozenset(change.part for change in found if change.is_about_quantities)
        self._announce(AccountSnapshotChanged(known.owner_id, account_id, known.seq, parts, held))

    # -- what was kept before this engine began

    def _of(self, account_id: str) -> Known | None:
        """None for an account that is not there."""
        if account_id not in self._known:
            with self._db.read() as session:
                found = load(session, account_id, self._clock.now())
            if found is None:
                return None
            self._known[account_id] = found
        return self._known[account_id]

    def _keep(self, known: Known, part: Part, rows: Rows, at: datetime, source: Source, fresh: timedelta) -> None:
        kept = known.parts.get(part)
        if kept is None:
            known.parts[part] = Kept(rows, at, source, fresh)
        elif at >= kept.read_at or part is Part.ORDERS:  # an order that was pushed meanwhile is put over the book
            kept.take(rows, max(at, kept.read_at), source, fresh)


def _put(known: Known, row: Row, at: datetime) -> None:
    """An order that was pushed at that moment."""
    known.pushes += 1
    known.last_success_at, known.is_touched = at, True
    known.heard.append((at, row))
    while known.heard and known.heard[0][0] < at - HEARD:
        known.heard.popleft()
    kept = known.parts.get(Part.ORDERS)
    if kept is not None:  # before the first book a single order is not the orders
        kept.take(with_order(kept.rows, row), at, Source.PUSH, kept.fresh)
