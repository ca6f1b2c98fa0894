"""What is known of an account's part of a run, as `waves` decides on it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from app.core.money import ZERO
from app.execution.states import FINAL, OrderState
from app.strategies.exit_prices import NewTerms
from app.strategies.exit_rule import AT_MARKET, ExitRule
from app.venues.types import Side


class AccountRunState(StrEnum):
    ENTERING = "entering"
    OPEN = "open"
    EXITING = "exiting"
    CLOSED = "closed"
    FAILED = "failed"


ENDED = frozenset({AccountRunState.CLOSED, AccountRunState.FAILED})


class OnFailure(StrEnum):
    UNWIND = "unwind"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class OrderView:
    id: str
    is_exit: bool
    state: OrderState
    quantity: Decimal
    filled: Decimal
    failure: str = ""
    reason: str = ""
    attempt: int = 1
    ended_at: datetime | None = None
    cancel_at: datetime | None = None
    is_limit: bool = False
    is_pair: bool = False  # it rests at the broker, stop and target as one
    fired: str = ""  # what of such a pair was touched: then it is a limit order
    sent_at: datetime | None = None
    new_terms: NewTerms | None = None  # of an exit that rests: the newest change that was asked for

    @property
    def is_live(self) -> bool:
        return self.state not in FINAL

    @property
    def open_quantity(self) -> Decimal:
        """What it may still fill."""
        return max(ZERO, self.quantity - self.filled) if self.is_live else ZERO


@dataclass(frozen=True)  # without slots, so that its sums are made once
class LegView:
    id: str
    side: Side
    target: Decimal
    is_exit_wanted: bool
    orders: tuple[OrderView, ...] = ()
    name: str = ""
    tries_before: int = 0  # exit attempts made before a person last asked for the exit: they do not count
    gone: Decimal = ZERO  # of what is held, no longer at the venue: closed outside the desk
    rests: bool = False  # its stop and target shall rest at the broker, where it takes them
    is_late: bool = False  # its entry comes by itself, after the others: once a price says so, or again
    waits: bool = False  # of a late one: nothing was decided yet
    is_never: bool = False  # of a late one: it was decided that it is not entered
    is_again: bool = False  # of a late one: it follows a leg that was left
    returns: bool = False  # it was left by a rule after which it is entered again, and that is still to be decided

    @cached_property
    def entries(self) -> list[OrderView]:
        return [order for order in self.orders if not order.is_exit]

    @cached_property
    def exits(self) -> list[OrderView]:
        return [order for order in self.orders if order.is_exit]

    @cached_property
    def pairs(self) -> list[OrderView]:
        """Stops and targets that rest at the broker."""
        return [order for order in self.exits if order.is_pair]

    @cached_property
    def sent_exits(self) -> list[OrderView]:
        """Exits that went out because they were decided."""
        return [order for order in self.exits if not order.is_pair]

    @cached_property
    def entered(self) -> Decimal:
        return sum((order.filled for order in self.entries), ZERO)

    @cached_property
    def exited(self) -> Decimal:
        return sum((order.filled for order in self.exits), ZERO)

    @property
    def is_complete(self) -> bool:
        return self.entered >= self.target

    @property
    def has_live_entry(self) -> bool:
        return any(order.is_live for order in self.entries)

    @cached_property
    def held(self) -> Decimal:  # negative when exits filled more than entries did
        return self.entered - self.exited

    @cached_property
    def leaving(self) -> Decimal:
        return sum((order.open_quantity for order in self.exits), ZERO)

    @property
    def unexited(self) -> Decimal:
        """Held there, and not already being sold or covered: what an exit may ask for and not a unit more."""
        return max(ZERO, self.held - self.gone - self.leaving)

    @property
    def too_much(self) -> Decimal:
        """What working exits may fill beyond what is held."""
        return max(ZERO, self.leaving - max(ZERO, self.held - self.gone))

    @cached_property
    def is_live(self) -> bool:
        return any(order.is_live for order in self.orders)

    @property
    def is_flat(self) -> bool:
        """Nothing is held that could be exited: more sold than bought is no position of this leg any more."""
        return self.held <= 0 and not self.is_live

    @property
    def is_awaited(self) -> bool:
        """Something may still be entered because of it."""
        return (self.waits and not self.is_exit_wanted) or (self.returns and self.is_flat and self.gone == ZERO)

    @property
    def is_out(self) -> bool:
        """Flat at the venue, though a person may still have to say so here."""
        return self.held <= self.gone and not self.is_live


@dataclass(frozen=True, slots=True)
class AccountRunView:
    state: AccountRunState
    on_failure: OnFailure
    is_exit_wanted: bool
    legs: tuple[LegView, ...]
    stopped: str = ""  # why nothing more may be entered, whatever the strategy says about failures
    exits: ExitRule = AT_MARKET

    @property
    def prompt(self) -> list[LegView]:
        """The legs that are entered together."""
        return [leg for leg in self.legs if not leg.is_late]

    @property
    def late(self) -> list[LegView]:
        """Those of the others whose entry was decided."""
        ready = (leg for leg in self.legs if leg.is_late and not (leg.waits or leg.is_never))
        return [leg for leg in ready if not leg.is_exit_wanted]

    @property
    def is_awaiting(self) -> bool:
        return not (self.is_exit_wanted or self.stopped) and any(leg.is_awaited for leg in self.legs)
