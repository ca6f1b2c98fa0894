"""What can be played: ticks in their order, and what was listed then."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from app.core.errors import Denied
from app.instruments.models import Instrument
from app.replays import contracts_file
from app.replays.terms import MOST_TICKS
from app.replays.tick_files import TickFolder
from app.venues.types import Quote


class Tape(Protocol):
    def contracts(self) -> Sequence[Instrument]:
        """New rows, in nobody's session."""
        ...

    def batches(self, names: Collection[str]) -> Iterator[tuple[int, list[Quote]]]:
        """The ticks of the symbols with these names, some at a time, each time with how far that is in percent. Raises
        Denied for a tape that can't be played."""
        ...

    def fingerprint(self) -> str:
        """The same for the same ticks; known once all were played."""
        ...


class RecordedTape:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ticks = TickFolder(folder)

    def contracts(self) -> Sequence[Instrument]:
        return contracts_file.read(self._folder)

    def batches(self, names: Collection[str]) -> Iterator[tuple[int, list[Quote]]]:
        rows = self._ticks.rows
        if not rows:
            raise Denied("The recording has no ticks: nothing can be played.")
        if rows > MOST_TICKS:
            raise Denied(f"The recording has {rows:,} ticks, and {MOST_TICKS:,} are played at most: record less of it.")
        for seen, batch in self._ticks.batches(names):
            yield 100 * seen // rows, batch

    def fingerprint(self) -> str:
        return self._ticks.fingerprint()


def began(batches: Iterator[tuple[int, list[Quote]]]) -> tuple[datetime, Iterator[tuple[int, list[Quote]]]]:
    """When the first tick came, and the same ticks from the beginning. Raises Denied where there is none."""
    for percent, batch in batches:
        if batch:
            return batch[0].received_at, _again(percent, batch, batches)
    raise Denied("The tape has no tick of what the strategy trades: nothing can be played.")


def _again(
    percent: int, batch: list[Quote], rest: Iterator[tuple[int, list[Quote]]]
) -> Iterator[tuple[int, list[Quote]]]:
    yield percent, batch
    yield from rest
