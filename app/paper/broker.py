"""One broker: its key, its login, its two sets of books (live and the simulator's), its faults.

A broker knows nothing of HTTP or sockets: rest.py and stream.py ask it. Logging in starts a new session of
its feed; what was authenticated before stays connected and hears nothing, as with OpenAlgo.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from app.paper import distortion, rows
from app.paper.books import ANALYZE, LIVE, Books, Setting
from app.paper.config import BrokerConfig
from app.paper.contracts import Contract
from app.paper.faults import PRICE, Fault, FaultSet
from app.paper.gtt import GttBook
from app.paper.ledger import Holding
from app.paper.limits import Limiter
from app.paper.market import Depth, Quote
from app.paper.orders import Order, Ticket
from app.paper.prices import Prices
from app.paper.settlement import due_square_offs, new_day, square_off


@dataclass(slots=True)
class Approval:
    """A call that waits for a person on a semi-auto server."""

    endpoint: str
    body: dict[str, Any]


def ignore(_update: rows.Row, _order: Order) -> None:
    """Order updates before anybody listens."""


class Broker:
    def __init__(self, config: BrokerConfig, prices: Prices, seed: int, calendar: bool) -> None:
        self.config = config
        self.name = config.name
        self.prices = prices
        self.market = prices.market
        self.calendar = calendar
        self.dialect = rows.Dialect(config.text_numbers, config.clock)
        self.faults = FaultSet(seed)
        self.limiter = Limiter(config.limits)
        self.on_update: Callable[[rows.Row, Order], None] = ignore
        self.sessions = 1
        self.resets = 0
        self._history_free = 0.0
        self.reset()

    def reset(self) -> None:
        """As new: books, counters and approvals empty, faults gone, logged in and switched as configured."""
        self.faults.clear()
        self.counters: Counter[str] = Counter()
        self.approvals: dict[int, Approval] = {}
        self._approval_numbers = itertools.count(1)
        self.mode = self.config.mode
        self.semi_auto = self.config.semi_auto
        self.total_logs = 0
        self.reset_at = self.market.now()
        self._logged_in = self.config.logged_in
        self._squared: set[str] = set()
        self._day: date = self.market.now().date()
        self.all_books = {mode: self._new_books(mode) for mode in (LIVE, ANALYZE)}
        self.gtts = {mode: GttBook(books) for mode, books in self.all_books.items()}

    def _new_books(self, mode: str) -> Books:
        setting = Setting(mode, self.config.money, self.calendar, frozenset(self.config.refuse_at_gateway))
        books = Books(setting, self.prices, self.faults, self._publisher(mode == LIVE))
        for entry in self.config.holdings:
            contract = self.prices.find(entry["symbol"], entry["exchange"])
            if contract is not None:
                cost = entry["quantity"] * Decimal(str(entry["average_price"]))
                key = (contract.symbol, contract.exchange)
                books.ledger.holdings[key] = Holding(contract, entry["quantity"], cost)
        return books

    def _publisher(self, live: bool) -> Callable[[Order, bool], None]:
        def publish(order: Order, first: bool) -> None:
            if self.on_update is not ignore:
                update = rows.update(order, first, live=live, broker=self.name, user_id=self.config.user_id)
                self.on_update(update, order)

        return publish

    # -- state

    @property
    def live(self) -> bool:
        return self.mode == LIVE

    @property
    def books(self) -> Books:
        return self.all_books[self.mode]

    @property
    def gtt_book(self) -> GttBook:
        return self.gtts[self.mode]

    @property
    def logged_in(self) -> bool:
        return self._logged_in

    def logout(self) -> None:
        self._logged_in = False

    def login(self) -> None:
        """A human's daily act; every earlier feed session is void from now on."""
        self._logged_in = True
        self.sessions += 1

    def switch(self, analyze: bool) -> None:
        self.mode = ANALYZE if analyze else LIVE

    def strike(self, fault: Fault) -> None:
        """Add a fault; those that change the state do so at once."""
        distortion.check(fault)
        self.faults.add(fault)
        if fault.kind == "logged_out":
            self.logout()
        elif fault.kind == "analyzer_switch":
            self.switch(self.live)

    def heal(self, fault: Fault) -> None:
        if fault.kind == "logged_out":
            self.login()

    # -- market data as this broker shows it

    def seen(self, contract: Contract, endpoint: str) -> tuple[Quote, Depth]:
        """`endpoint` is "stream", or the call that asks."""
        quote, depth = self.prices.quote(contract), self.prices.depth(contract)
        for fault in self.faults.take(PRICE, endpoint, contract.symbol):
            quote, depth = distortion.distort(fault, contract.id, quote, depth)
        return quote, depth

    def history_turn(self, pause: float, clock: float) -> float:
        """Seconds until this call for candles may go on; none where limits are off."""
        if not self.config.limits:
            return 0.0
        turn = max(clock, self._history_free)
        self._history_free = turn + pause
        return turn - clock

    # -- time

    def beat(self, moved: bool) -> None:
        """Called many times a second; `moved` when prices did."""
        for mode, books in self.all_books.items():
            if books.working:
                books.beat(moved)
            if moved and self.gtts[mode].active:
                self.gtts[mode].beat()
        if moved:
            self._calendar_beat()

    def _calendar_beat(self) -> None:
        today = self.market.now().date()
        if today != self._day:
            self._day, self._squared = today, set()
            for books in self.all_books.values():
                new_day(books, today)
        if self.calendar:
            self._square_off()

    def _square_off(self) -> None:
        for exchange in due_square_offs(self.books):
            if exchange not in self._squared:
                self._squared.add(exchange)
                for books in self.all_books.values():
                    square_off(books, exchange)

    # -- semi-auto

    def queue(self, endpoint: str, body: dict[str, Any]) -> int:
        number = next(self._approval_numbers)
        self.approvals[number] = Approval(endpoint, body)
        return number


def as_analyze(ticket: Ticket) -> Ticket:
    """The simulator ignores the price type of a smart order: it always goes at market."""
    return replace(ticket, pricetype="MARKET", price=Decimal(0), trigger_price=Decimal(0))
