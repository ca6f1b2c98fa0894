"""Who may do what while something is paused or stopped: one table, and the strictest standing wins.

A way out never closes. HALTED still lets every exit and every cancel pass, whether a person asked for it or a rule of
the run did: a stopped desk must not be less safe than a trading one. What HALTED has over REDUCING: no working order
is changed any more, not even to make it smaller, and who wants to trade again must say so with their password.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.accounts.states import TradingState
from app.core.clock import INDIA
from app.execution.terms import LESSEN

EXITS = frozenset({"exit", "stop", "target"})  # purposes that only ever make a position smaller


class Effect(StrEnum):
    """What sending something would do to what is held, or may come to be held."""

    OPENS = "opens"
    LESSENS = "lessens"  # changes a working order so that less can come of it
    LEAVES = "leaves"
    CANCELS = "cancels"


PASSES: dict[TradingState, frozenset[Effect]] = {
    TradingState.ACTIVE: frozenset(Effect),
    TradingState.REDUCING: frozenset({Effect.LESSENS, Effect.LEAVES, Effect.CANCELS}),
    TradingState.HALTED: frozenset({Effect.LEAVES, Effect.CANCELS}),
}
_STRICTNESS = list(PASSES)
WORDS = {TradingState.ACTIVE: "trading", TradingState.REDUCING: "reducing", TradingState.HALTED: "halted"}


class Kind(StrEnum):
    """What a trading state is said of, the widest first."""

    DESK = "desk"  # all users
    USER = "user"  # one user's desk
    ACCOUNT = "account"
    STRATEGY = "strategy"


@dataclass(frozen=True, slots=True)
class Extent:
    """`id` is the user's, the account's or the strategy's; the whole desk has none."""

    kind: Kind
    id: str = ""

    @property
    def slot(self) -> str:
        return f"{self.kind}:{self.id}"


WHOLE_DESK = Extent(Kind.DESK)


@dataclass(frozen=True, slots=True)
class Standing:
    """In which state something is, with who said so, when and why; `name` is of the account or strategy."""

    extent: Extent
    name: str = ""
    state: TradingState = TradingState.ACTIVE
    by: str = ""
    why: str = ""
    at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.state is TradingState.ACTIVE

    @property
    def is_halted(self) -> bool:
        return self.state is TradingState.HALTED

    @property
    def subject(self) -> str:
        names = {Kind.DESK: "The whole desk", Kind.USER: "Your desk"}
        return names.get(self.extent.kind) or self.name or f"This {self.extent.kind}"

    @property
    def cause(self) -> str:
        """ "set by Asha at 14:03 because of the news"; what is not known is left out."""
        when = f" at {self.at.astimezone(INDIA):%H:%M}" if self.at else ""
        by = f"set by {self.by}{when}" if self.by else ""
        return ", ".join(part for part in (by, f"because: {self.why.rstrip('.')}" if self.why else "") if part)


def effect_of(purpose: str) -> Effect:
    """Of sending an order or a change; a purpose nobody knows is taken for the worst."""
    if purpose == LESSEN:
        return Effect.LESSENS
    return Effect.LEAVES if purpose in EXITS else Effect.OPENS


def passes(state: TradingState, effect: Effect) -> bool:
    return effect in PASSES[state]


def strictest(standings: Iterable[Standing]) -> Standing | None:
    """Of equally strict ones the first; None when nothing is said, which means trading."""
    return max(standings, key=lambda standing: _STRICTNESS.index(standing.state), default=None)


def refusal(standing: Standing | None, effect: Effect = Effect.OPENS) -> str | None:
    """The sentence that says why not, or None."""
    if standing is None or passes(standing.state, effect):
        return None
    what = "takes no new entries" if effect is Effect.OPENS else "changes no working order"
    cause = f", {standing.cause}" if standing.cause else ""
    return f"{standing.subject} {what}: {WORDS[standing.state]}{cause}."
