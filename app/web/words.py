"""What states are called on the pages."""

from dataclasses import dataclass

from app.core.money import plain
from app.execution.models import Order
from app.execution.states import OrderState


@dataclass(frozen=True, slots=True)
class Mark:
    """A word with its tone (ok, go, warn, bad, or none) and an icon."""

    text: str
    tone: str
    icon: str


# The same end by another way: said so, because what to do next differs.
ENDED_BY = {"denied": "Refused by the desk", "unavailable": "Not sent", "withdrawn": "Withdrawn"}
RUN = {"requested": "Starting…", "resolving": "Finding contracts…"}
SOURCES = {
    "desk": "the desk",
    "answer": "the venue's answer",
    "push": "the venue's stream",
    "book": "the order book",
    "trades": "the trade book",
    "reconcile": "the search in the books",
    "person": "a person",
}
EXITS = ("exit", "stop", "target")  # purposes that make a position smaller


def order_word(order: Order) -> str | None:
    """A better word than the state's own, if there is one."""
    if order.state == OrderState.PARTIALLY_FILLED:
        return f"Filled {plain(order.filled_quantity)}/{plain(order.quantity)}"
    return ENDED_BY.get(order.failure)


def run_word(state: str) -> str | None:
    return RUN.get(state)


def in_words(state: str) -> str:
    return state.replace("_", " ")


def count(number: int, one: str, many: str = "") -> str:
    """1 order, 2 orders, no orders."""
    return f"{number or 'no'} {one if number == 1 else many or one + 's'}"
