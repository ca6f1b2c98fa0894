"""The limits of the day as their page and the API show them: each with what of it is used now, and what it blocked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.core.clock import day_in_india
from app.core.errors import NotFound
from app.risk.day_rules import WORDS, Limited, Most
from app.risk.models import RiskEvent
from app.risk.states import Extent, Kind
from app.web import format as say
from app.web.current import owner_id, services
from app.web.figures import Figure
from app.web.stream import live

ACTIONS = {
    "block": "no new entries",
    "reduce": "no new entries, and those that work are cancelled",
    "flatten": "no new entries, and all that is held is exited",
    "": "the order is refused",
}
LOSSES = ("max_loss", "drawdown")
NO_USE = ("order_value", "order_quantity", "price_band")  # of one order: a day uses nothing of them


@dataclass(frozen=True, slots=True)
class Line:
    """One limit. `most` is in currency, or a count, or None while it is not known; `used` and `share` (percent of it)
    are None while they are not known, `key` is the live figure's."""

    name: str
    words: str
    written: str
    most: Decimal | None
    action: str
    key: str
    used: Decimal | None = None
    share: Decimal | None = None
    used_text: str = say.MISSING
    share_text: str = say.MISSING
    tone: str = "flat"

    @property
    def then(self) -> str:
        return ACTIONS[self.action]

    @property
    def has_use(self) -> bool:
        return self.name not in NO_USE


@dataclass(frozen=True, slots=True)
class Panel:
    """An account or the desk with its limits, and the events that block it now."""

    limited: Limited
    lines: Sequence[Line]
    blocks: Sequence[RiskEvent]


@dataclass(frozen=True, slots=True)
class DayView:
    panels: Sequence[Panel]
    others: Sequence[Limited]  # without limits
    events: Sequence[RiskEvent]


def day_view() -> DayView:
    limits, owner = services().day_limits, owner_id()
    everything, events = limits.all(owner), limits.events(owner)
    figures = live().hub.figures(owner)
    shown = [one for one in everything if one.is_desk or not one.rules.is_empty or _blocks(one, events)]
    panels = [Panel(one, list(_lines(one, figures)), _blocks(one, events)) for one in shown]
    return DayView(panels, [one for one in everything if one not in shown], events)


def panel_of(extent: Extent) -> Panel:
    """Raises NotFound for somebody else's account."""
    limits, owner = services().day_limits, owner_id()
    one = limits.of(owner, extent)
    return Panel(one, list(_lines(one, live().hub.figures(owner))), _blocks(one, limits.events(owner)))


def extent_named(account_id: str = "") -> Extent:
    """One's own desk without an account."""
    return Extent(Kind.ACCOUNT, account_id) if account_id else Extent(Kind.USER, owner_id())


def is_blocking(event: RiskEvent) -> bool:
    return event.released_at is None and event.day == day_in_india(services().clock.now())


def blocking(event_id: str) -> RiskEvent:
    """Raises NotFound for somebody else's."""
    event = services().day_limits.event(owner_id(), event_id)
    if event.key is None:
        raise NotFound("There is no such block.")
    return event


def _blocks(one: Limited, events: Sequence[RiskEvent]) -> list[RiskEvent]:
    return [each for each in events if each.subject_id == one.extent.id and is_blocking(each)]


def _lines(one: Limited, figures: Mapping[str, Figure]) -> Iterator[Line]:
    rules = one.rules
    for rule, level in rules.levels.items():
        yield _line(one, rule.value, level.words, level.amount(one.equity), level.action, figures)
    for name, most in rules.exposures.items():
        yield _line(one, name, most.words, most.amount(one.equity), "", figures)
    for name, count in rules.counts.items():
        yield _line(one, name, str(count), Decimal(count), "", figures)
    for name in NO_USE:
        value: Decimal | None = getattr(rules, name)
        if value is not None:
            unit = " %" if name == "price_band" else ""
            yield _line(one, name, f"{Most(value=value).words}{unit}", value, "", figures)


def _line(
    one: Limited, name: str, written: str, most: Decimal | None, action: str, figures: Mapping[str, Figure]
) -> Line:
    key = f"limit:{one.extent.slot}:{name}"
    used, share = figures.get(key), figures.get(f"{key}:%")
    return Line(
        name, WORDS[name], written, -most if most is not None and name in LOSSES else most, action, key,
        used.value if used else None, share.value if share else None,
        used.shown["t"] if used else say.MISSING, share.shown["t"] if share else say.MISSING,
        used.state if used else "flat",
    )  # fmt: skip
