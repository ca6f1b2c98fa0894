"""What we concluded, in the past tense; published after the commit."""

from dataclasses import dataclass
from decimal import Decimal

from app.execution.states import OrderState


@dataclass(frozen=True, slots=True)
class OrderChanged:
    order_id: str
    owner_id: str
    account_id: str
    account_run_id: str | None
    state: OrderState
    filled_quantity: Decimal
    is_progress: bool = True  # False: only an average price was put right, from which nothing follows


@dataclass(frozen=True, slots=True)
class TradesWanted:
    """A report left open how much was filled: the account's trade book must be read now."""

    account_id: str


@dataclass(frozen=True, slots=True)
class ForeignSeen:
    """The venue pushed news of an order that is not the desk's."""

    account_id: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person must know now."""

    owner_id: str
    account_id: str | None
    subject: str  # order:<id>, run:<id>, account:<id>
    message: str
