"""Where prices come from. Told once it has been so for a moment: at the edge of an age it would be told all day."""

from collections.abc import Callable

from app.venues.types import PriceSource

Told = Callable[[PriceSource | None, PriceSource | None], object]


class SourceWatch:
    def __init__(self, settled: float, tell: Told) -> None:
        self._settled = settled
        self._tell = tell
        self._told: PriceSource | None = None
        self._found: tuple[PriceSource | None, float] = (None, 0.0)

    def look(self, found: PriceSource | None, is_due: bool, now: float) -> None:
        """`found`: None where no price comes. Out of session nothing is due and nothing is told."""
        if not is_due:
            self._told, self._found = None, (None, now)
            return
        if found is not self._found[0]:
            self._found = (found, now)
        if found is not self._told and now - self._found[1] >= self._settled:
            before, self._told = self._told, found
            self._tell(before, found)
