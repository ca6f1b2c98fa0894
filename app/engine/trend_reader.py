"""What the Supertrend exits of runs see: the venue's own candles, as they are on record, closed and settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.clock import INDIA
from app.engine.settled import settled
from app.engine.sights import Sight
from app.feed.baskets import SeriesKey
from app.feed.candles import length_of
from app.feed.sessions import day_at
from app.risk.monitor import Found, Seen, Stake
from app.risk.rules import Rule
from app.risk.turning import Look, TrendWatch, Turn, look, missing
from app.venues.types import Candle, Symbol
from app.wiring import Services

PLACES = 4
Stamps = tuple[datetime | None, ...]
Candles = Mapping[Symbol, Sequence[Candle]]


@dataclass(frozen=True, slots=True)
class _Read:
    """What a watch saw in candles that were read at these moments."""

    stamps: Stamps
    look: Look
    candles: Candles
    troubles: Mapping[Symbol, str]


class TrendReader:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, _Read] = {}

    def look(self, stakes: Sequence[Stake], now: datetime) -> list[Sight]:
        """One each. Candles are read and reckoned anew only when new ones came."""
        watches = {_name(stake.trend): stake.trend for stake in stakes if stake.trend is not None}
        keys = [key for watch in watches.values() for key in _keys(watch)]
        stamps = self._services.candles.follow(list(dict.fromkeys(keys))) if keys else {}
        self._known = {name: known for name, known in self._known.items() if name in watches}
        for name, watch in watches.items():
            read_at = tuple(stamps[key] for key in _keys(watch))
            known = self._known.get(name)
            if known is None or known.stamps != read_at:
                self._known[name] = self._read(watch, read_at)
        return [self._sight(stake.trend, self._known[_name(stake.trend)], now) for stake in stakes if stake.trend]

    def _read(self, watch: TrendWatch, stamps: Stamps) -> _Read:
        series = self._services.candles.read(_keys(watch))
        candles = {one.key.symbol: settled(self._services.instruments, one) for one in series}
        troubles = {one.key.symbol: one.trouble for one in series if one.trouble}
        return _Read(stamps, look(watch, candles), candles, troubles)

    def _sight(self, watch: TrendWatch, known: _Read, now: datetime) -> Sight:
        words, line, turn = words_of(watch), known.look.line, known.look.turn
        trouble, is_late = self._trouble(watch, known, now)
        if turn is not None:
            found = Found(
                Rule.SUPERTREND, round(turn.line, PLACES), turn.close, _seen(watch, known.candles, turn), words
            )
            return Sight(turn.close, round(turn.line, PLACES), words, turn.at, found=found)
        if line is None:
            return Sight(None, None, words, now, trouble, is_late)
        return Sight(
            line.close, round(line.trend.line, PLACES), f"{words}, {line.trend.direction}", line.at, trouble, is_late
        )

    def _trouble(self, watch: TrendWatch, known: _Read, now: datetime) -> tuple[str, bool]:
        """Why nothing can be decided, and whether it has been waited for already."""
        timeframe = watch.rule.timeframe
        unread = [symbol for symbol, _ in watch.legs if not known.candles.get(symbol)]
        if unread:
            said = " ".join(dict.fromkeys(known.troubles.get(symbol, "") for symbol in unread)).strip()
            return f"there are no {timeframe} candles of {_names(unread)}. {said}".strip(), False
        day = day_at(self._services.instruments.calendar(now), watch.legs[0][0].exchange, now)
        start, lacking = missing(watch, known.candles, day, now) if day is not None else (None, [])
        if start is not None and lacking:
            return f"the {timeframe} candle of {start.astimezone(INDIA):%H:%M} of {_names(lacking)} is missing.", True
        if known.look.line is None:
            return f"it needs {watch.rule.period} {timeframe} candles, and there are fewer.", False
        return "", False


def words_of(watch: TrendWatch) -> str:
    """What is looked at: "NIFTY 5m", or "combined premium 5m"."""
    what = "combined premium" if watch.rule.on == "premium" else watch.legs[0][0].name
    return f"{what} {watch.rule.timeframe}"


def _names(symbols: Sequence[Symbol]) -> str:
    return ", ".join(symbol.name for symbol in symbols)


def _name(watch: TrendWatch | None) -> str:
    return repr(watch)


def _keys(watch: TrendWatch) -> list[SeriesKey]:
    return [SeriesKey(symbol, watch.rule.timeframe) for symbol, _ in watch.legs]


def _seen(watch: TrendWatch, candles: Candles, turn: Turn) -> tuple[Seen, ...]:
    start = turn.at - length_of(watch.rule.timeframe)
    return tuple(
        Seen(symbol, one.close, turn.at) for symbol, _ in watch.legs for one in candles[symbol] if one.start == start
    )
