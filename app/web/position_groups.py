"""The same positions seen by account, by strategy, or leg by leg. Live and paper are added up apart, several currencies
not at all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import select

from app.accounts.models import Account
from app.portfolio.pnl import add_up, realised, unrealised
from app.strategies.models import AccountRun, Run
from app.strategies.service import LIVE_PARTS
from app.web.by_mode import in_order
from app.web.chrome import mode_of
from app.web.current import services
from app.web.order_lines import owned_accounts
from app.web.position_view import Book
from app.web.prices import seen_prices

BY = {"": "Instrument", "account": "Account", "strategy": "Strategy", "leg": "Leg"}


@dataclass(frozen=True, slots=True)
class Part:
    """A position within a group, in one account. `realised` and `open` are of a run since it began, else of today."""

    symbol: str
    about: str
    account: Account
    quantity: Decimal
    average: Decimal | None
    realised: Decimal | None
    open: Decimal | None
    cell: str = ""

    @property
    def total(self) -> Decimal | None:
        return add_up((self.realised, self.open))


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    link: tuple[str, str] | None  # the kind of its page, and its id
    parts: Sequence[Part]
    cell: str = ""

    @property
    def mode(self) -> str:
        return mode_of(part.account.mode for part in self.parts)

    @property
    def by_mode(self) -> list["Group"]:
        """Its parts of each mode, live first: no sum is over both."""
        modes = in_order(part.account.mode for part in self.parts)
        return [replace(self, parts=[part for part in self.parts if part.account.mode == mode]) for mode in modes]

    @property
    def currency(self) -> str:
        found = {part.account.currency for part in self.parts}
        return found.pop() if len(found) == 1 else ""

    @property
    def realised(self) -> Decimal | None:
        return add_up(part.realised for part in self.parts) if self.currency else None

    @property
    def open(self) -> Decimal | None:
        return add_up(part.open for part in self.parts) if self.currency else None


def groups_of(owner_id: str, by: str, book: Book) -> list[Group]:
    """`by` is account, strategy or leg. By strategy and leg what runs hold, since each began."""
    if by == "account":
        return _by_account(book)
    runs = _of_runs(owner_id)
    if by == "leg":
        return [Group(name, ("run", run_id), parts) for (name, run_id), parts in sorted(runs.items())]
    names: defaultdict[str, list[Part]] = defaultdict(list)
    for (name, _), parts in runs.items():
        names[name] += parts
    return [Group(name, None, parts) for name, parts in sorted(names.items())]


def _by_account(book: Book) -> list[Group]:
    found: defaultdict[str, list[Part]] = defaultdict(list)
    accounts: dict[str, Account] = {}
    for net in book.nets:
        for one in net.holdings:
            if not one.is_external:
                accounts[one.account.id] = one.account
                part = Part(net.symbol, f"{net.exchange} · {net.product}", one.account, one.quantity, one.average,
                            one.realised, one.open, one.cell)  # fmt: skip
                found[one.account.id].append(part)
    groups = [Group(accounts[key].name, ("account", key), parts, f"pnl:account:{key}") for key, parts in found.items()]
    return sorted(groups, key=lambda group: group.name)


RunKey = tuple[str, str]  # its name and its id


def _of_runs(owner_id: str) -> dict[RunKey, list[Part]]:
    """The legs of runs that live."""
    query = select(AccountRun.id, Run.name, Run.id).join(Run, Run.id == AccountRun.run_id)
    query = query.where(AccountRun.owner_id == owner_id, AccountRun.state.in_(LIVE_PARTS))
    with services().db.read() as session:
        runs = {part: (name, run_id) for part, name, run_id in session.execute(query)}
    legs = services().portfolio.legs(owner_id, list(runs), services().clock.now())
    accounts, prices = owned_accounts(owner_id), seen_prices({leg.key.account_id for leg in legs})
    found: defaultdict[RunKey, list[Part]] = defaultdict(list)
    for leg in legs:
        seen, position = prices.get((leg.key.exchange, leg.key.symbol)), leg.held.position
        part = Part(
            leg.key.symbol, f"{leg.key.exchange} · {leg.key.product}", accounts[leg.key.account_id], position.quantity,
            position.average_price, realised(position), unrealised(position, seen.price if seen else None),
            f"pnl:leg:{leg.leg_run_id}",
        )  # fmt: skip
        found[runs[leg.account_run_id or ""]].append(part)
    return found
