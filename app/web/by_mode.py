"""Money of live and of paper accounts: told apart, live first, never one number."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.accounts.models import Account
from app.portfolio.pnl import add_up
from app.venues.types import Mode

Part = tuple[Account, Decimal | None]  # what was made in an account; None where that is not known


@dataclass(frozen=True, slots=True)
class Sum:
    """Of the accounts of one mode. `currency` is "" where they have several: those are not added up either, and `value`
    is None. `cell` names the live figure."""

    mode: str  # live or paper
    value: Decimal | None
    currency: str
    cell: str


def in_order(modes: Iterable[str]) -> list[str]:
    """Each once, live first."""
    return sorted(set(modes), key=lambda mode: mode != Mode.LIVE)


def sum_up(mode: str, parts: Sequence[Part], cell: str) -> Sum:
    """Of some parts of this mode, one at least."""
    found = {account.currency for account, _ in parts}
    currency = found.pop() if len(found) == 1 else ""
    return Sum(mode, add_up(made for _, made in parts) if currency else None, currency, cell)


def of_run(run_id: str, accounts: Collection[Account], parts: Sequence[Part]) -> list[Sum]:
    """What a run made in the accounts that take part; of a mode without parts that is not known."""
    unknown: list[Part] = [(account, None) for account in accounts]
    modes = in_order(account.mode for account, _ in [*unknown, *parts])
    sums = []
    for mode in modes:
        mine = [part for part in parts if part[0].mode == mode] or [part for part in unknown if part[0].mode == mode]
        cell = f"pnl:run_in:{mode}:{run_id}" if len(modes) > 1 else f"pnl:run:{run_id}"
        sums.append(sum_up(mode, mine, cell))
    return sums
