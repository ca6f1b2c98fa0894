"""The main job without a browser: trade the demo strategy in every account, exit it, and check every book.

The exit code is 0 only when every quantity adds up twice: in the desk's journal, and in each broker's own order and
trade books, asked of the brokers directly and not through the desk.
"""

import sys
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from app.accounts.models import Account
from app.commands.demo import MAIN, USER
from app.core.actors import Actor, acting
from app.core.ids import new_id
from app.core.money import ZERO
from app.execution.models import Order
from app.strategies.models import LegRun
from app.wiring import Services, build
from config import Settings

READY_SECONDS, ENTRY_SECONDS, EXIT_SECONDS = 60.0, 60.0, 60.0
MASTERS = frozenset({"NSE_INDEX", "NFO"})


def demo_once(_options: Namespace, settings: Settings) -> int:
    services = build(settings, "web")
    try:
        user = services.users.people.named(USER)
        with acting(Actor(user.id, user.name)):
            return Once(services, user.id, Console(highlight=False, width=None if sys.stdout.isatty() else 140)).go()
    finally:
        services.close()


@dataclass(frozen=True, slots=True)
class LegResult:
    """One leg in one account, from its orders: quantities in units, times in seconds."""

    leg: LegRun
    orders: Sequence[Order]

    @property
    def filled(self) -> Decimal:
        return sum((order.filled_quantity for order in self.orders), ZERO)

    @property
    def average(self) -> Decimal | None:
        value = sum((o.filled_quantity * (o.average_price or ZERO) for o in self.orders), ZERO)
        return value / self.filled if self.filled else None

    @property
    def slices(self) -> str:
        return " + ".join(f"{order.quantity:f}" for order in self.orders)


class Once:
    def __init__(self, services: Services, owner_id: str, console: Console) -> None:
        self._services = services
        self._owner_id = owner_id
        self._console = console
        self._accounts = {account.id: account for account in services.accounts.list(owner_id)}

    def go(self) -> int:
        self._wait("Waiting for the accounts to connect", self._is_ready, READY_SECONDS)
        strategy = next(s for s in self._services.strategies.list(self._owner_id) if s.name == MAIN)
        run_id = self._services.strategies.run(self._owner_id, strategy.id, f"once-{new_id()}")
        self._wait(
            f"Entering {MAIN} in {len(self._accounts)} accounts", lambda: self._has_entered(run_id), ENTRY_SECONDS
        )
        self._show_entry(run_id)
        self._services.strategies.exit_run(self._owner_id, run_id, "end of the demo", USER)
        self._wait("Exiting", lambda: self._state(run_id) in ("closed", "failed"), EXIT_SECONDS)
        self._show_profit(run_id)
        return self._check(run_id)

    # -- waiting

    def _wait(self, title: str, done: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._console.status(title) as status:
            while not done():
                if time.monotonic() > until:
                    sys.exit(f"{title}: not done after {seconds:.0f} seconds. The log folder tells more.")
                status.update(f"{title} … {self._progress()}")
                time.sleep(0.05)
        self._console.print(f"{title}: done.")

    def _progress(self) -> str:
        counts = self._services.orders.counts(self._owner_id)
        return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(counts.items()))

    def _is_ready(self) -> bool:
        health = self._services.health.of(self._accounts)
        read = {master.exchange for master in self._services.instruments.masters()}
        fresh = [h for h in health.values() if h.book_read_at and h.order_stream == "live"]
        return len(fresh) == len(self._accounts) and read >= MASTERS and self._engine_beats()

    def _engine_beats(self) -> bool:
        beat = self._services.pulse.read().get("engine")
        return beat is not None and (self._services.clock.now() - beat.at).total_seconds() < 10

    def _state(self, run_id: str) -> str:
        return self._services.strategies.get_run(self._owner_id, run_id).state

    def _has_entered(self, run_id: str) -> bool:
        return self._state(run_id) in ("open", "closed", "failed")

    # -- telling

    def _legs(self, run_id: str, purpose: str) -> dict[str, list[LegResult]]:
        """By account id."""
        parts = {part.id: part for part in self._services.strategies.parts(self._owner_id, run_id)}
        orders: dict[str, list[Order]] = defaultdict(list)
        for order in self._services.orders.of_parts(self._owner_id, list(parts)):
            if order.purpose == purpose:
                orders[order.leg_run_id or ""].append(order)
        found: dict[str, list[LegResult]] = defaultdict(list)
        for leg in self._services.strategies.leg_runs(self._owner_id, run_id):
            found[parts[leg.account_run_id].account_id].append(LegResult(leg, orders[leg.id]))
        return found

    def _show_entry(self, run_id: str) -> None:
        run = self._services.strategies.get_run(self._owner_id, run_id)
        if run.trouble:
            self._console.print(run.trouble)
        table = Table(title=f"Entry of {run.name}")
        for title in ("account", "leg", "asked", "sent in", "slices", "filled", "average", "last acknowledged"):
            table.add_column(title, justify="left" if title in ("account", "leg", "slices") else "right")
        legs = self._legs(run_id, "entry")
        for account_id, results in legs.items():
            for result in results:
                table.add_row(self._accounts[account_id].name, *_entry_cells(result))
        self._console.print(table)
        self._show_speed([order for results in legs.values() for result in results for order in result.orders])

    def _show_speed(self, orders: Sequence[Order]) -> None:
        trips = [(o.answered_at - o.sent_at).total_seconds() for o in orders if o.answered_at and o.sent_at]
        if not trips:
            return
        waves, trip = len({order.wave for order in orders}), min(trips)
        took = _seconds(orders)
        self._console.print(
            f"{len(orders)} orders in {waves} waves: the last was acknowledged after {took * 1000:.0f} ms. "
            f"Bound {waves} x {trip * 1000:.0f} ms = {waves * trip * 1000:.0f} ms, ratio {took / (waves * trip):.2f}."
        )

    def _show_profit(self, run_id: str) -> None:
        parts = {part.id: part for part in self._services.strategies.parts(self._owner_id, run_id)}
        now = self._services.clock.now()
        profit: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for position in self._services.portfolio.legs(self._owner_id, list(parts), now):
            part = parts[position.account_run_id or ""]
            profit[self._accounts[part.account_id].name] += position.held.position.realised
        table = Table(title="Realised profit and loss, before charges")
        table.add_column("account")
        table.add_column("₹", justify="right")
        for name, amount in profit.items():
            table.add_row(name, f"{amount:+,.2f}")
        table.add_row("together", f"{sum(profit.values(), ZERO):+,.2f}")
        self._console.print(table)

    # -- checking

    def _check(self, run_id: str) -> int:
        problems = [*self._journal_problems(run_id), *self._broker_problems(run_id)]
        for problem in problems:
            self._console.print(f"WRONG: {problem}")
        if not problems:
            self._console.print("Every quantity adds up, in the journal and in each broker's own books.")
        return 1 if problems else 0

    def _journal_problems(self, run_id: str) -> Iterable[str]:
        entries, exits = self._legs(run_id, "entry"), self._legs(run_id, "exit")
        for account_id, account in self._accounts.items():
            if not entries[account_id]:
                yield f"{account.name} took no part in the run"
            for entry, leaving in zip(entries[account_id], exits[account_id], strict=True):
                asked, got, left = entry.leg.quantity, entry.filled, leaving.filled
                if not asked == got == left:
                    yield f"{account.name} {entry.leg.symbol}: asked {asked}, filled {got}, exited {left}"

    def _broker_problems(self, run_id: str) -> Iterable[str]:
        parts = [part.id for part in self._services.strategies.parts(self._owner_id, run_id)]
        orders = self._services.orders.of_parts(self._owner_id, parts)
        for account in self._accounts.values():
            mine = {o.venue_order_id: o for o in orders if o.account_id == account.id and o.venue_order_id}
            yield from self._compare(account, mine)

    def _compare(self, account: Account, mine: dict[str, Order]) -> Iterable[str]:
        traded: dict[str, int] = defaultdict(int)
        for trade in self._ask(account, "tradebook")["data"]:
            traded[str(trade["orderid"])] += int(trade["quantity"])
        listed = {str(row["orderid"]) for row in self._ask(account, "orderbook")["data"]["orders"]}
        for venue_order_id, order in mine.items():
            if traded[venue_order_id] != order.filled_quantity:
                theirs, ours = traded[venue_order_id], order.filled_quantity
                yield f"{account.name} order {venue_order_id}: broker {theirs}, desk {ours}"
        for stranger in listed - self._known(account):
            yield f"{account.name}: the broker has an order {stranger} that the desk does not know"
        for row in self._ask(account, "positionbook")["data"]:
            if int(row["quantity"]) and any(order.symbol == row["symbol"] for order in mine.values()):
                yield f"{account.name}: {row['quantity']} of {row['symbol']} are still open at the broker"

    def _known(self, account: Account) -> set[str]:
        found = self._services.orders.venue_ids(self._owner_id, account.id)
        return {venue_order_id for venue_order_id in found if venue_order_id}

    def _ask(self, account: Account, book: str) -> Any:
        connection = self._services.accounts.connection(account)
        url = f"{connection.host_url}/api/v1/{book}"
        answer = httpx.post(url, json={"apikey": connection.api_key}, timeout=10, trust_env=False)
        answer.raise_for_status()
        return answer.json()


def _entry_cells(result: LegResult) -> list[str]:
    average = result.average
    return [
        f"{result.leg.side} {result.leg.symbol}",
        f"{result.leg.quantity:f}",
        str(len(result.orders)),
        result.slices,
        f"{result.filled:f}",
        f"{average:.2f}" if average is not None else "-",
        f"{_seconds(result.orders) * 1000:.0f} ms",
    ]


def _seconds(orders: Sequence[Order]) -> float:
    """From the journaling of the intents to the last answer."""
    answers = [order.answered_at for order in orders if order.answered_at]
    return (max(answers) - min(order.created_at for order in orders)).total_seconds() if answers else 0.0
