"""The lines a person wants over the candles, and their values: over closed candles only, so that none repaints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.clock import INDIA
from app.core.money import number, plain
from app.feed.candles import DAILY
from app.feed.overlays import Line, bollinger, ema, sma, vwap
from app.risk.supertrend import FACTOR, PERIOD, supertrend
from app.venues.types import Candle

PLACES = Decimal("0.0001")
MOST_LENGTHS = 4
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Kind:
    """A line of the menu: its fields with their usual values; those that need candles have none over a sum."""

    name: str
    label: str
    fields: Mapping[str, str]
    needs_candles: bool = False


KINDS = (
    Kind("supertrend", "Supertrend", {"period": str(PERIOD), "factor": plain(FACTOR)}, needs_candles=True),
    Kind("ema", "EMA", {"lengths": "20"}),
    Kind("sma", "SMA", {"lengths": "50"}),
    Kind("vwap", "VWAP", {}, needs_candles=True),
    Kind("bollinger", "Bollinger bands", {"length": "20", "width": "2"}),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One line: a value per candle, and how the trend stands where it has one."""

    label: str
    values: Line
    trend: Sequence[str] = ()


@dataclass
class Overlays:
    """What was asked for, as typed, with what is wrong with it by field."""

    chosen: list[str]
    typed: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def args(self) -> dict[str, Any]:
        """As it stands in an address."""
        used = {f"{kind.name}_{name}" for kind in KINDS if kind.name in self.chosen for name in kind.fields}
        return {"on": self.chosen, **{name: value for name, value in self.typed.items() if name in used}}

    def has(self, name: str) -> bool:
        return name in self.chosen

    def lengths(self, name: str) -> list[int]:
        texts = [text.strip() for text in self.typed[name].split(",") if text.strip()]
        if not texts or len(texts) > MOST_LENGTHS or not all(_is_length(text) for text in texts):
            self.errors[name] = f"One to {MOST_LENGTHS} whole numbers from 1 to {LONGEST}, such as 20 or 20, 50."
            return []
        return [int(text) for text in texts]

    def length(self, name: str) -> int | None:
        text = self.typed[name].strip()
        if not _is_length(text):
            self.errors[name] = f"A whole number from 1 to {LONGEST}."
            return None
        return int(text)

    def factor(self, name: str) -> Decimal | None:
        value = number(self.typed[name])
        if value is None or not Decimal("0.1") <= value <= 50:
            self.errors[name] = "A number from 0.1 to 50, such as 3."
            return None
        return value


def overlays_of(args: "MultiDict[str, str]") -> Overlays:
    names = [kind.name for kind in KINDS]
    chosen = [name for name in names if name in args.getlist("on")]
    typed = {
        f"{kind.name}_{name}": args.get(f"{kind.name}_{name}", usual)[:40]
        for kind in KINDS
        for name, usual in kind.fields.items()
    }
    wanted = Overlays(chosen, typed)
    draw(wanted, [], "1m")  # says what is wrong with it
    return wanted


def draw(wanted: Overlays, candles: Sequence[Candle], interval: str) -> list[Drawn]:
    """What can be drawn of what was asked for."""
    makers: dict[str, Callable[[Overlays, Sequence[Candle], str], list[Drawn]]] = {
        "supertrend": _supertrend,
        "ema": _ema,
        "sma": _sma,
        "vwap": _vwap,
        "bollinger": _bollinger,
    }
    return [line for name in wanted.chosen for line in makers[name](wanted, candles, interval)]


def points(line: Drawn, candles: Sequence[Candle]) -> list[list[Any]]:
    """[start in epoch seconds, value as decimal text, up or down where it is a trend], where there is a value."""
    trend = line.trend or [""] * len(line.values)
    rows = zip(candles, line.values, trend, strict=True)
    return [
        [int(one.start.timestamp()), plain(value.quantize(PLACES)), *([way] if way else [])]
        for one, value, way in rows
        if value is not None
    ]


def _supertrend(wanted: Overlays, candles: Sequence[Candle], _interval: str) -> list[Drawn]:
    period, factor = wanted.length("supertrend_period"), wanted.factor("supertrend_factor")
    if period is None or factor is None:
        return []
    trends = supertrend(candles, period, factor)
    ways = [trend.direction.value if trend else "" for trend in trends]
    return [Drawn(f"Supertrend {period}, {plain(factor)}", [trend.line if trend else None for trend in trends], ways)]


def _ema(wanted: Overlays, candles: Sequence[Candle], _interval: str) -> list[Drawn]:
    closes = [one.close for one in candles]
    return [Drawn(f"EMA {length}", ema(closes, length)) for length in wanted.lengths("ema_lengths")]


def _sma(wanted: Overlays, candles: Sequence[Candle], _interval: str) -> list[Drawn]:
    closes = [one.close for one in candles]
    return [Drawn(f"SMA {length}", sma(closes, length)) for length in wanted.lengths("sma_lengths")]


def _vwap(_wanted: Overlays, candles: Sequence[Candle], interval: str) -> list[Drawn]:
    """Of a day there is nothing to average within it."""
    if interval == DAILY:
        return []
    return [Drawn("VWAP", vwap(candles, lambda one: one.start.astimezone(INDIA).date()))]


def _bollinger(wanted: Overlays, candles: Sequence[Candle], _interval: str) -> list[Drawn]:
    length, width = wanted.length("bollinger_length"), wanted.factor("bollinger_width")
    if length is None or width is None:
        return []
    lower, middle, upper = bollinger([one.close for one in candles], length, width)
    name = f"Bollinger {length}, {plain(width)}"
    return [Drawn(f"{name} upper", upper), Drawn(f"{name} middle", middle), Drawn(f"{name} lower", lower)]


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST)) and 1 <= int(text) <= LONGEST
